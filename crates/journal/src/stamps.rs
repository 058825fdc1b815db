//! How moments are written in file names and logs.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Writes moments in one time zone.
#[derive(Debug, Clone)]
pub struct Stamps {
    zone: TimeZone,
}

impl Stamps {
    /// In the time zone of this machine.
    #[must_use]
    pub fn local() -> Self {
        Self { zone: TimeZone::system() }
    }

    /// In UTC.
    #[must_use]
    pub fn utc() -> Self {
        Self { zone: TimeZone::UTC }
    }

    /// The form used in names, `20260131_140305_123456`, of microseconds since the Unix epoch.
    #[must_use]
    pub fn name(&self, at_us: u64) -> String {
        self.format("%Y%m%d_%H%M%S_%6f", at_us)
    }

    /// The form of log lines, `2026-01-31 14:03:05.123`, of milliseconds since the Unix epoch.
    #[must_use]
    pub fn line(&self, at_ms: u64) -> String {
        self.format("%Y-%m-%d %H:%M:%S.%3f", at_ms.saturating_mul(1000))
    }

    /// The time of day alone, `14:03:05`, of milliseconds since the Unix epoch.
    #[must_use]
    pub fn time_of_day(&self, at_ms: u64) -> String {
        self.format("%H:%M:%S", at_ms.saturating_mul(1000))
    }

    /// ISO 8601 with the offset, `2026-01-31T14:03:05.123456+01:00`, of milliseconds since the Unix epoch.
    #[must_use]
    pub fn iso(&self, at_ms: u64) -> String {
        self.format("%Y-%m-%dT%H:%M:%S.%6f%:z", at_ms.saturating_mul(1000))
    }

    fn format(&self, format: &str, at_us: u64) -> String {
        let moment = i64::try_from(at_us)
            .ok()
            .and_then(|at_us| Timestamp::from_microsecond(at_us).ok())
            // A moment beyond the year 9999 is a broken clock: the names stay well-formed.
            .unwrap_or(Timestamp::UNIX_EPOCH);
        moment.to_zoned(self.zone.clone()).strftime(format).to_string()
    }
}
