//! Names of sessions.

use std::fmt;
use std::str::FromStr;

use massgen_journal::Stamps;

use crate::error::SessionError;
use crate::text::{harmless, head};

/// How long a name may be: what every file system takes, with room for what is put around it.
const BYTES_MAX: usize = 128;

/// The name of a session, which is also the name of its folder.
///
/// It holds no separator, does not begin with a dot and is at most 128 bytes long, so that joined to a
/// base folder it names an entry of that folder and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(String);

impl SessionId {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name for a session that starts at `at_ms` milliseconds since the Unix epoch, `session_20260131_140305`;
    /// the `repeat`th (from 1) other of the same second has `_1`, `_2` behind it.
    pub(crate) fn of_moment(at_ms: u64, stamps: &Stamps, repeat: u32) -> Self {
        let stamp = stamps.name(at_ms.saturating_mul(1000));
        // The stamp ends in microseconds, which the names of sessions never had.
        let seconds = stamp.rsplit_once('_').map_or(stamp.as_str(), |(seconds, _)| seconds);
        Self(if repeat == 0 { format!("session_{seconds}") } else { format!("session_{seconds}_{repeat}") })
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SessionId {
    type Err = SessionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let problem = if text.is_empty() {
            "it is empty"
        } else if text.len() > BYTES_MAX {
            "it is longer than 128 bytes"
        } else if text.starts_with('.') {
            "it begins with a dot"
        } else if text.contains(['/', '\\']) {
            "it holds a separator of folders"
        } else if text.chars().any(char::is_control) {
            "it holds a control character"
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(SessionError::BadId { text: harmless(head(text, 40)), problem })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_lead_out_of_the_base() {
        for bad in ["", ".", "..", ".hidden", "a/b", "a\\b", "/", "a\0", "a\nb", &"x".repeat(129)] {
            assert!(bad.parse::<SessionId>().is_err(), "{bad:?}");
        }
        for good in ["session_20260131_140305", "my session", "日本語", &"x".repeat(128), "a..b"] {
            assert_eq!(good.parse::<SessionId>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn names_tell_the_second() {
        let stamps = Stamps::utc();
        assert_eq!(SessionId::of_moment(1_769_868_185_999, &stamps, 0).as_str(), "session_20260131_140305");
        assert_eq!(SessionId::of_moment(1_769_868_185_999, &stamps, 2).as_str(), "session_20260131_140305_2");
    }
}
