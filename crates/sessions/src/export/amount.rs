//! Times, counts and prices as pages show them.

use massgen_protocol::Cost;

/// A time since the start, `0:12.3` or `1:02:03`.
pub(super) fn offset(ms: u64) -> String {
    let seconds = ms / 1000;
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{rest:02}")
    } else {
        format!("{minutes}:{rest:02}.{}", ms % 1000 / 100)
    }
}

/// How long something took, `12.3 s` or `2 min 5 s`.
pub(super) fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..60 => format!("{seconds}.{} s", ms % 1000 / 100),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A count with its thousands apart, `12 345`, by spaces that do not break.
pub(super) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A price, with the calls of which nobody knows it apart.
pub(super) fn price(cost: Cost) -> String {
    let calls = if cost.unpriced_calls == 1 { "call" } else { "calls" };
    match (cost.known_usd, cost.unpriced_calls) {
        (usd, 0) => format!("${usd:.4}"),
        (0.0, unknown) => format!("{unknown} {calls} without a known price"),
        (usd, unknown) => format!("${usd:.4} and {unknown} {calls} without a known price"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_well() {
        assert_eq!(
            (offset(0), offset(72_340), offset(3_723_000)),
            ("0:00.0".into(), "1:12.3".into(), "1:02:03".into())
        );
        assert_eq!((duration(12_345), duration(125_000)), ("12.3 s".into(), "2 min 5 s".into()));
        assert_eq!(
            (count(7), count(12_345), count(1_234_567)),
            ("7".into(), "12\u{202f}345".into(), "1\u{202f}234\u{202f}567".into())
        );
        assert_eq!(price(Cost { known_usd: 0.0, unpriced_calls: 1 }), "1 call without a known price");
        assert_eq!(price(Cost { known_usd: 0.5, unpriced_calls: 2 }), "$0.5000 and 2 calls without a known price");
        assert_eq!(price(Cost::default()), "$0.0000");
    }
}
