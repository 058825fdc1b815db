//! What a scalar without quotes is: the core schema of YAML 1.2, and the habits of YAML 1.1 that
//! it gave up.

use serde_json::Number;

use crate::node::NodeValue;

/// The value of a plain scalar; `Err` is a number that no JSON can carry.
pub(super) fn resolve(text: &str) -> Result<NodeValue, NotFinite> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => NodeValue::Null,
        "true" | "True" | "TRUE" => NodeValue::Bool(true),
        "false" | "False" | "FALSE" => NodeValue::Bool(false),
        text => match number(text)? {
            Some(number) => NodeValue::Number(number),
            None => NodeValue::Text(text.to_owned()),
        },
    })
}

/// An infinite number or none at all.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotFinite;

fn number(text: &str) -> Result<Option<Number>, NotFinite> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err(NotFinite);
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit())) {
            return Ok(u64::from_str_radix(digits, radix).ok().map(Number::from));
        }
    }
    if !looks_like_number(unsigned) {
        return Ok(None);
    }
    if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        if let Ok(number) = text.parse::<i64>() {
            return Ok(Some(number.into()));
        }
        if let Ok(number) = text.parse::<u64>() {
            return Ok(Some(number.into()));
        }
    }
    let float = text.parse::<f64>().map_err(|_| NotFinite)?;
    Number::from_f64(float).map(Some).ok_or(NotFinite)
}

/// `[0-9]+(\.[0-9]*)?` or `\.[0-9]+`, with an exponent or without.
fn looks_like_number(unsigned: &str) -> bool {
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty()) && exponent_fits
}

/// What YAML 1.1 took a plain scalar for when YAML 1.2 takes it for something else.
pub(super) fn habit(text: &str) -> Option<String> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let digits_with = |extra: &[char]| unsigned.chars().all(|c| c.is_ascii_digit() || extra.contains(&c));
    if unsigned.len() > 1 && unsigned.starts_with('0') && digits_with(&['_']) && !unsigned.contains(['8', '9']) {
        return Some("an octal number".to_owned());
    }
    if unsigned.contains(':') && digits_with(&[':']) && is_sexagesimal(unsigned) {
        return Some("a number in base 60".to_owned());
    }
    if unsigned.contains('_') && digits_with(&['_', '.']) {
        return Some(format!("the number {}", text.replace('_', "")));
    }
    if unsigned
        .strip_prefix("0b")
        .is_some_and(|bits| !bits.is_empty() && bits.bytes().all(|b| matches!(b, b'0' | b'1')))
    {
        return Some("a binary number".to_owned());
    }
    None
}

fn is_sexagesimal(text: &str) -> bool {
    text.split(':').skip(1).all(|part| matches!(part.parse::<u8>(), Ok(0..60)) && part.len() <= 2)
}

/// Whether a text needs no quotes: whoever reads it, with YAML 1.1 or 1.2, takes it for this text.
pub(crate) fn is_plain_text(text: &str) -> bool {
    const OLD_WORDS: &[&str] = &["y", "n", "yes", "no", "on", "off"];
    let starts_well = text.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '/' | '$' | '~'));
    let is_harmless = |c: char| c.is_alphanumeric() || " _-./$~{}()+,@:%=".contains(c);
    let is_key = text.contains(": ") || text.ends_with(':');
    starts_well
        && text.chars().all(is_harmless)
        && !is_key
        && !text.ends_with(' ')
        && !OLD_WORDS.contains(&text.to_ascii_lowercase().as_str())
        && matches!(resolve(text), Ok(NodeValue::Text(_)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Span;
    use crate::node::Node;

    #[test]
    fn plain_scalars_are_read_by_the_core_schema() {
        let value = |value: NodeValue| Node::new(value, Span::default()).to_value();
        let number = |n: i64| Ok(json!(n));
        let float = |n: f64| Ok(json!(n));
        let text = |t: &str| Ok(json!(t));
        for (written, expected) in [
            ("", Ok(json!(null))),
            ("~", Ok(json!(null))),
            ("True", Ok(json!(true))),
            ("12", number(12)),
            ("-7", number(-7)),
            ("+7", number(7)),
            ("012", number(12)),
            ("0x1F", number(31)),
            ("0o17", number(15)),
            ("1.5", float(1.5)),
            (".5", float(0.5)),
            ("1.", float(1.0)),
            ("1e3", float(1000.0)),
            ("18446744073709551615", Ok(json!(u64::MAX))),
            (".inf", Err(NotFinite)),
            ("-.INF", Err(NotFinite)),
            (".nan", Err(NotFinite)),
            ("1e999", Err(NotFinite)),
            ("yes", text("yes")),
            (".", text(".")),
            ("-", text("-")),
            ("1e", text("1e")),
            ("1.2.3", text("1.2.3")),
            ("2024-12-01", text("2024-12-01")),
            ("1:30", text("1:30")),
            ("0x", text("0x")),
            ("gpt-5", text("gpt-5")),
        ] {
            assert_eq!(resolve(written).map(value), expected, "{written}");
        }
    }

    #[test]
    fn old_habits_are_recognised() {
        for old in ["012", "-07", "0_7", "1:30", "190:20:30", "1_000", "1_0.5", "0b101"] {
            assert!(habit(old).is_some(), "{old}");
        }
        for new in ["0", "10", "0.5", "089", "1:90", "12:34:56:ab", "localhost:80", "_1", "0b", "1.5"] {
            assert!(habit(new).is_none(), "{new}");
        }
    }
}
