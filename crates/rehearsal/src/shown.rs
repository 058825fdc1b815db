//! The answers that a model was shown, read back from what was sent to it.
//!
//! A prompt wraps each answer as `<answer from="agent2">`, newline, text, newline, `</answer>`. An
//! answer that itself contains such a tag is wrapped in a numbered one: `<answer-2 from="agent2">`.

/// One answer as it was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VisibleAnswer {
    /// The author's anonymous name, such as `agent2`.
    pub(crate) agent: String,
    /// The text.
    pub(crate) text: String,
}

/// The answers in the last of `texts` that shows any: later views replace earlier ones.
pub(crate) fn visible_answers(texts: &[String]) -> Vec<VisibleAnswer> {
    texts.iter().rev().map(|text| answers_in(text)).find(|answers| !answers.is_empty()).unwrap_or_default()
}

fn answers_in(text: &str) -> Vec<VisibleAnswer> {
    let mut answers = Vec::new();
    let mut rest = text;
    while let Some((_, tail)) = rest.split_once("<answer") {
        rest = tail;
        let Some((tag, agent, body)) = opening(tail) else { continue };
        let Some((answer, after)) = body.split_once(&format!("\n</answer{tag}>")) else { continue };
        answers.push(VisibleAnswer { agent: agent.to_owned(), text: answer.to_owned() });
        rest = after;
    }
    answers
}

/// Reads what follows `<answer`: the tag's suffix, the author, and the text after the newline.
fn opening(text: &str) -> Option<(&str, &str, &str)> {
    let (suffix, tail) = text.split_once(" from=\"")?;
    let numbered = |suffix: &str| {
        suffix.strip_prefix('-').is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if !suffix.is_empty() && !numbered(suffix) {
        return None;
    }
    let (agent, tail) = tail.split_once("\">\n")?;
    let known = agent.strip_prefix("agent").is_some_and(|n| n.bytes().all(|byte| byte.is_ascii_digit()));
    known.then_some((suffix, agent, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(texts: &[&str]) -> Vec<(String, String)> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        visible_answers(&texts).into_iter().map(|answer| (answer.agent, answer.text)).collect()
    }

    fn pair(agent: &str, text: &str) -> (String, String) {
        (agent.to_owned(), text.to_owned())
    }

    #[test]
    fn every_answer_of_a_message_is_found() {
        let text =
            "Answers:\n<answer from=\"agent2\">\nsix\nlines\n</answer>\n<answer from=\"agent1\">\neight\n</answer>";
        assert_eq!(shown(&[text]), [pair("agent2", "six\nlines"), pair("agent1", "eight")]);
    }

    #[test]
    fn the_latest_set_counts() {
        let old = "<answer from=\"agent1\">\nold\n</answer>";
        let new = "<answer from=\"agent1\">\nnew\n</answer>";
        assert_eq!(shown(&[old, new, "go on"]), [pair("agent1", "new")]);
    }

    #[test]
    fn an_answer_that_quotes_the_tag_stays_whole() {
        let text = "<answer-2 from=\"agent1\">\nI quote <answer from=\"agent9\">\nx\n</answer>\n</answer-2>";
        assert_eq!(shown(&[text]), [pair("agent1", "I quote <answer from=\"agent9\">\nx\n</answer>")]);
    }

    #[test]
    fn what_is_no_answer_is_passed_over() {
        assert!(
            shown(&["an <answer> and <answer from=\"bob\">\nx\n</answer> and <answer from=\"agent1\">"]).is_empty()
        );
    }
}
