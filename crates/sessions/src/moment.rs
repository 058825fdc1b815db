//! Moments as files write them.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};

/// The moment that `text` names, in milliseconds since the Unix epoch: ISO 8601, with an offset or in `zone`.
pub(crate) fn parse(text: &str, zone: &TimeZone) -> Option<u64> {
    let timestamp = text
        .parse::<Timestamp>()
        .or_else(|_| text.parse::<DateTime>().and_then(|civil| civil.to_zoned(zone.clone())).map(|at| at.timestamp()))
        .ok()?;
    u64::try_from(timestamp.as_millisecond()).ok()
}

/// The day of a moment in `zone`, `2026-01-31`.
pub(crate) fn day(at_ms: u64, zone: &TimeZone) -> String {
    let timestamp = i64::try_from(at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    timestamp.unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.clone()).strftime("%Y-%m-%d").to_string()
}

/// Milliseconds since the Unix epoch, now.
pub(crate) fn now_ms() -> u64 {
    Timestamp::now().round(Unit::Millisecond).map_or(0, |now| u64::try_from(now.as_millisecond()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_with_and_without_an_offset() {
        let zone = TimeZone::UTC;
        let at = 1_769_868_185_123;
        assert_eq!(parse("2026-01-31T14:03:05.123", &zone), Some(at));
        assert_eq!(parse("2026-01-31T14:03:05.123456", &zone), Some(at));
        assert_eq!(parse("2026-01-31T15:03:05.123+01:00", &zone), Some(at));
        assert_eq!(parse("yesterday", &zone), None);
        assert_eq!(day(at, &zone), "2026-01-31");
    }
}
