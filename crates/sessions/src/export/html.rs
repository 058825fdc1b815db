//! A session as one page of HTML.

use crate::export::amount::{count, duration, offset, price};
use crate::export::page::Page;
use crate::export::timeline::{TimelineEntry, TimelineKind};
use crate::export::{Course, SessionDocument, TurnDocument};
use crate::text::one_line;
use crate::turn::TurnStatus;

/// How many agents have a colour of their own.
const COLOURS: u16 = 8;

/// Even a page that was tampered with can load nothing.
const POLICY: &str =
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n";

pub(super) fn render(document: &SessionDocument) -> String {
    let mut page = Page::default();
    page.markup("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n").markup(POLICY);
    page.markup("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.markup("<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
    page.text(title(document)).markup("</title>\n<style>\n").markup(include_str!("style.css"));
    page.markup("</style>\n</head>\n<body>\n<main>\n");
    header(&mut page, document);
    for turn in &document.turns {
        turn_article(&mut page, turn);
    }
    page.markup("</main>\n</body>\n</html>\n");
    page.finish()
}

fn title(document: &SessionDocument) -> String {
    let question = document.turns.iter().find_map(TurnDocument::question);
    question.map_or_else(|| document.id.clone(), |question| one_line(question, 90))
}

fn header(page: &mut Page, document: &SessionDocument) {
    page.markup("<header>\n<p class=\"eyebrow\">Session ").text(&document.id).markup("</p>\n<h1>");
    page.text(title(document)).markup("</h1>\n<dl class=\"facts\">\n");
    let fact = |page: &mut Page, name: &'static str, value: String| {
        page.markup("<div><dt>").markup(name).markup("</dt><dd>").text(value).markup("</dd></div>\n");
    };
    if let Some(timestamp) = document.turns.iter().find_map(|turn| turn.record.timestamp.as_deref()) {
        fact(page, "Started", readable(timestamp));
    }
    fact(page, "Turns", document.turns.len().to_string());
    let took: u64 = document.turns.iter().filter_map(TurnDocument::duration_ms).sum();
    if took > 0 {
        fact(page, "Took", duration(took));
    }
    if document.turns.iter().any(|turn| turn.cost().is_some()) {
        fact(page, "Cost", price(document.cost()));
    }
    page.markup("</dl>\n");
    if document.turns.len() > 1 {
        page.markup("<nav aria-label=\"Turns\"><ol>\n");
        for turn in &document.turns {
            page.markup("<li><a href=\"#turn-").text(turn.record.number).markup("\">");
            page.text(one_line(turn.question().unwrap_or("a turn without a question"), 100)).markup("</a></li>\n");
        }
        page.markup("</ol></nav>\n");
    }
    if document.turns.is_empty() {
        page.markup("<p class=\"missing\">This session has no turns.</p>\n");
    }
    page.markup("</header>\n");
}

fn turn_article(page: &mut Page, turn: &TurnDocument) {
    let record = &turn.record;
    page.markup("<article id=\"turn-").text(record.number).markup("\">\n<h2>Turn ").text(record.number);
    page.markup(" ").markup(badge(record.status)).markup("</h2>\n");
    page.markup("<section class=\"question\">\n<h3>Question</h3>\n");
    prose(page, turn.question(), "The question was not kept.");
    page.markup("</section>\n<section class=\"answer\">\n<h3>").markup(answer_title(record.status)).markup("</h3>\n");
    if let Some(verdict) = turn.verdict() {
        page.markup("<p class=\"verdict\">").text(verdict).markup("</p>\n");
    }
    prose(page, turn.answer(), "There is no answer.");
    partial_answers(page, turn);
    page.markup("</section>\n");
    for problem in &record.problems {
        page.markup("<p class=\"missing\">").text(problem).markup("</p>\n");
    }
    page.markup("<section>\n<h3>How the team got there</h3>\n");
    match &turn.course {
        Ok(course) => timeline(page, course),
        Err(problem) => {
            page.markup("<p class=\"missing\">").text(problem).markup("</p>\n");
        }
    }
    page.markup("</section>\n");
    costs(page, turn);
    page.markup("</article>\n");
}

fn badge(status: TurnStatus) -> &'static str {
    match status {
        TurnStatus::Completed => "<span class=\"badge done\">completed</span>",
        TurnStatus::Running => "<span class=\"badge open\">not finished</span>",
        TurnStatus::Partial => "<span class=\"badge open\">stopped early</span>",
        TurnStatus::Failed => "<span class=\"badge failed\">failed</span>",
    }
}

fn answer_title(status: TurnStatus) -> &'static str {
    match status {
        TurnStatus::Completed => "Final answer",
        TurnStatus::Running | TurnStatus::Partial | TurnStatus::Failed => "Best answer so far",
    }
}

fn prose(page: &mut Page, text: Option<&str>, missing: &'static str) {
    match text {
        Some(text) => page.markup("<div class=\"text\">").text(text.trim_end()).markup("</div>\n"),
        None => page.markup("<p class=\"missing\">").markup(missing).markup("</p>\n"),
    };
}

fn partial_answers(page: &mut Page, turn: &TurnDocument) {
    for (agent, answer) in &turn.record.partial_answers {
        page.markup("<details><summary>What ").text(one_line(agent, 60)).markup(" had answered</summary>");
        prose(page, Some(answer), "");
        page.markup("</details>\n");
    }
}

fn timeline(page: &mut Page, course: &Course) {
    page.markup("<ol class=\"timeline\">\n");
    for entry in &course.timeline {
        timeline_entry(page, entry);
    }
    page.markup("</ol>\n");
    if course.left_out > 0 {
        page.markup("<p class=\"missing\">")
            .text(count(course.left_out as u64))
            .markup(" more events are left out.</p>\n");
    }
    if let Some(problem) = &course.problem {
        page.markup("<p class=\"missing\">").text(problem).markup("</p>\n");
    }
}

fn timeline_entry(page: &mut Page, entry: &TimelineEntry) {
    page.markup("<li class=\"").markup(entry.kind.as_str());
    if let Some(agent) = entry.agent {
        page.markup(" a").text(agent.0 % COLOURS);
    }
    page.markup("\"><time>").text(offset(entry.at_ms)).markup("</time><div>");
    page.markup("<p>").text(&entry.headline).markup("</p>");
    match (&entry.words, entry.kind) {
        (Some(answer), TimelineKind::Answer) => {
            page.markup("<details><summary>").text(one_line(answer, 120)).markup("</summary>");
            prose(page, Some(answer), "");
            page.markup("</details>");
        }
        (Some(reason), _) if !reason.trim().is_empty() => {
            page.markup("<blockquote>").text(reason.trim()).markup("</blockquote>");
        }
        _ => {}
    }
    if let Some(note) = &entry.note {
        page.markup("<p class=\"note\">").text(note).markup("</p>");
    }
    page.markup("</div></li>\n");
}

fn costs(page: &mut Page, turn: &TurnDocument) {
    let agents = turn.agents();
    page.markup("<section>\n<h3>Cost</h3>\n");
    if agents.is_empty() {
        match turn.cost() {
            Some(cost) => page.markup("<p>").text(price(cost)).markup("</p>\n"),
            None => page.markup("<p class=\"missing\">Nobody wrote down what this turn cost.</p>\n"),
        };
        page.markup("</section>\n");
        return;
    }
    page.markup(
        "<div class=\"scroll\"><table>\n<thead><tr><th>Agent</th><th>Model</th><th class=\"n\">Input tokens</th>",
    );
    page.markup("<th class=\"n\">Output tokens</th><th class=\"n\">Cost</th></tr></thead>\n<tbody>\n");
    for (place, agent) in (0_u16..).zip(&agents) {
        page.markup("<tr><td class=\"a").text(place % COLOURS).markup("\"><span class=\"dot\"></span>");
        page.text(one_line(&agent.id, 60)).markup("</td><td>").text(one_line(&agent.model, 80));
        if !agent.backend.is_empty() {
            page.markup(" <span class=\"quiet\">").text(one_line(&agent.backend, 40)).markup("</span>");
        }
        page.markup("</td><td class=\"n\">").text(count(agent.input_tokens)).markup("</td><td class=\"n\">");
        page.text(count(agent.output_tokens))
            .markup("</td><td class=\"n\">")
            .text(price(agent.cost))
            .markup("</td></tr>\n");
    }
    page.markup("</tbody>\n<tfoot><tr><td colspan=\"2\">Together</td><td class=\"n\">");
    page.text(count(agents.iter().map(|agent| agent.input_tokens).sum())).markup("</td><td class=\"n\">");
    page.text(count(agents.iter().map(|agent| agent.output_tokens).sum())).markup("</td><td class=\"n\">");
    page.text(price(crate::spend::sum(agents.iter().map(|agent| agent.cost))));
    page.markup("</td></tr></tfoot>\n</table></div>\n</section>\n");
}

/// A timestamp without its fractions of seconds.
fn readable(timestamp: &str) -> String {
    let mut parts = timestamp.splitn(2, 'T');
    match (parts.next(), parts.next()) {
        (Some(day), Some(time)) => format!("{day} {}", time.chars().take(5).collect::<String>()),
        _ => timestamp.to_owned(),
    }
}
