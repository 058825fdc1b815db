//! The config's options in words, for the pages and documents that list them.

use massgen_config::fields::Kind;

/// What an option takes.
pub(crate) fn kind(kind_: &Kind) -> String {
    match kind_ {
        Kind::Any => "anything".to_owned(),
        Kind::Bool => "true or false".to_owned(),
        Kind::Integer { min, max } => format!("a whole number{}", range(i128::from(*min), i128::from(*max))),
        Kind::Number { min, max } => format!("a number{}", number_range(*min, *max)),
        Kind::Seconds => "a number of seconds".to_owned(),
        Kind::Text | Kind::Name | Kind::Prose => "a text".to_owned(),
        Kind::Choice(words) => listed(words),
        Kind::BackendType => "a backend type".to_owned(),
        Kind::List(item) => format!("a list; each entry: {}", kind(item)),
        Kind::Section(_) => "a map".to_owned(),
        Kind::MapOf(value) => match value {
            Kind::Any => "a map".to_owned(),
            value => format!("a map of names; each value: {}", kind(value)),
        },
        Kind::OneOf(kinds) => kinds.iter().map(kind).collect::<Vec<_>>().join(", or "),
    }
}

/// Whether an option is listed under another path, too: a team of one has the options of `agents`,
/// and timeouts may be given in several places.
pub(crate) fn is_shown_elsewhere(path: &str) -> bool {
    ["agent.", "timeout.", "orchestrator.timeout."].iter().any(|start| path.starts_with(start))
}

fn listed(words: &[&str]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// From here on, a limit is only there to refuse nonsense.
const HARDLY_A_LIMIT: i128 = 1_000_000_000;

fn range(min: i128, max: i128) -> String {
    match (min > -HARDLY_A_LIMIT, max < HARDLY_A_LIMIT) {
        (true, true) => format!(" from {min} to {max}"),
        (true, false) => format!(" from {min} up"),
        (false, true) => format!(" up to {max}"),
        (false, false) => String::new(),
    }
}

fn number_range(min: f64, max: f64) -> String {
    if max < 1e9 { format!(" from {min} to {max}") } else { format!(" from {min} up") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_option_takes_is_said_in_words() {
        assert_eq!(kind(&Kind::Integer { min: 1, max: 1_000_000_000 }), "a whole number from 1 up");
        assert_eq!(kind(&Kind::Integer { min: i64::MIN, max: i64::MAX }), "a whole number");
        assert_eq!(kind(&Kind::Number { min: 0.0, max: 2.0 }), "a number from 0 to 2");
        assert_eq!(kind(&Kind::Choice(&["a", "b", "c"])), "a, b or c");
        assert_eq!(kind(&Kind::List(&Kind::Text)), "a list; each entry: a text");
    }
}
