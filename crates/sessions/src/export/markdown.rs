//! A session as Markdown.

use crate::export::amount::{count, duration, offset, price};
use crate::export::timeline::{TimelineEntry, TimelineKind};
use crate::export::{Course, SessionDocument, TurnDocument};
use crate::text::{harmless, one_line};

pub(super) fn render(document: &SessionDocument) -> String {
    let mut out = format!("# Session {}\n", inline(&document.id));
    let mut facts = vec![format!("{} turns", document.turns.len())];
    let took: u64 = document.turns.iter().filter_map(TurnDocument::duration_ms).sum();
    if took > 0 {
        facts.push(duration(took));
    }
    if document.turns.iter().any(|turn| turn.cost().is_some()) {
        facts.push(price(document.cost()));
    }
    out.push_str(&format!("\n{}\n", inline(&facts.join(", "))));
    for turn in &document.turns {
        push_turn(&mut out, turn);
    }
    out
}

fn push_turn(out: &mut String, turn: &TurnDocument) {
    let record = &turn.record;
    out.push_str(&format!("\n## Turn {} ({})\n\n", record.number, record.status));
    if let Some(timestamp) = &record.timestamp {
        out.push_str(&format!("{}\n\n", inline(timestamp)));
    }
    out.push_str("### Question\n\n");
    push_words(out, turn.question(), "The question was not kept.");
    out.push_str("\n### Answer\n\n");
    if let Some(verdict) = turn.verdict() {
        out.push_str(&format!("**{}**\n\n", inline(&verdict)));
    }
    push_words(out, turn.answer(), "There is no answer.");
    for (agent, answer) in &record.partial_answers {
        out.push_str(&format!("\nWhat {} had answered:\n\n{}\n", inline(agent), fenced(answer)));
    }
    for problem in &record.problems {
        out.push_str(&format!("\n*{}*\n", inline(problem)));
    }
    out.push_str("\n### How the team got there\n\n");
    match &turn.course {
        Ok(course) => push_course(out, course),
        Err(problem) => out.push_str(&format!("*{}*\n", inline(problem))),
    }
    out.push_str("\n### Cost\n\n");
    push_costs(out, turn);
}

fn push_words(out: &mut String, text: Option<&str>, missing: &str) {
    match text {
        Some(text) => out.push_str(&format!("{}\n", fenced(text))),
        None => out.push_str(&format!("*{missing}*\n")),
    }
}

fn push_course(out: &mut String, course: &Course) {
    for entry in &course.timeline {
        push_entry(out, entry);
    }
    if course.left_out > 0 {
        out.push_str(&format!("\n*{} more events are left out.*\n", count(course.left_out as u64)));
    }
    if let Some(problem) = &course.problem {
        out.push_str(&format!("\n*{}*\n", inline(problem)));
    }
}

fn push_entry(out: &mut String, entry: &TimelineEntry) {
    out.push_str(&format!("- `{}` {}", offset(entry.at_ms), inline(&entry.headline)));
    if let Some(words) = entry.words.as_deref().filter(|words| !words.trim().is_empty()) {
        // The final answer is told whole above; of the others a glimpse is enough to follow the course.
        let chars_max = if entry.kind == TimelineKind::Answer { 300 } else { usize::MAX };
        out.push_str(&format!(": {}", inline(&one_line(words, chars_max))));
    }
    if let Some(note) = &entry.note {
        out.push_str(&format!(" ({})", inline(note)));
    }
    out.push('\n');
}

fn push_costs(out: &mut String, turn: &TurnDocument) {
    let agents = turn.agents();
    if agents.is_empty() {
        let cost = turn.cost().map_or_else(|| "*Nobody wrote down what this turn cost.*".to_owned(), price);
        out.push_str(&format!("{cost}\n"));
        return;
    }
    out.push_str("| Agent | Model | Input tokens | Output tokens | Cost |\n|---|---|---:|---:|---:|\n");
    for agent in &agents {
        out.push_str(&format!(
            "| {} | {} | {} | {} | {} |\n",
            inline(&agent.id),
            inline(&agent.model),
            count(agent.input_tokens),
            count(agent.output_tokens),
            inline(&price(agent.cost))
        ));
    }
    let total = crate::spend::sum(agents.iter().map(|agent| agent.cost));
    out.push_str(&format!(
        "| **together** | | {} | {} | {} |\n",
        count(agents.iter().map(|agent| agent.input_tokens).sum()),
        count(agents.iter().map(|agent| agent.output_tokens).sum()),
        inline(&price(total))
    ));
}

/// Text on one line in which nothing is markup.
fn inline(text: &str) -> String {
    let line = one_line(text, usize::MAX);
    let mut escaped = String::with_capacity(line.len());
    for c in line.chars() {
        if "\\`*_{}[]<>#|&~!$".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Text as it is, between fences that are longer than any in it.
fn fenced(text: &str) -> String {
    let text = harmless(text);
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat((longest + 1).max(3));
    format!("{fence}text\n{}\n{fence}", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_do_not_leave_their_fence() {
        assert_eq!(fenced("a\n```\n# b"), "````text\na\n```\n# b\n````");
        assert_eq!(fenced("plain\n\n"), "```text\nplain\n```");
    }

    #[test]
    fn inline_text_is_no_markup() {
        assert_eq!(inline("a | <b>\n# [x](y)"), "a \\| \\<b\\> \\# \\[x\\](y)");
    }
}
