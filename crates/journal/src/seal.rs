//! What makes a damaged or edited line of a journal known: a checksum over it and all lines before it.
//!
//! A sealed line is the record's JSON with one more member at its end, `"crc":"89abcdef"`: the CRC-32 (IEEE) of
//! everything before that member, begun with the checksum of the line before. So a byte that flipped, a line that was
//! edited and lines that were swapped are all found, and any JSON reader can still read the line.

const LABEL: &[u8] = b",\"crc\":\"";
const HEX_DIGITS: usize = 8;
/// The label, the digits, the quotation mark and the brace.
const SEAL_BYTES: usize = LABEL.len() + HEX_DIGITS + 2;

/// The checksum of everything up to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Chain(u32);

impl Chain {
    /// Seals the JSON object that begins at `start`, which is not empty and ends the buffer.
    pub(crate) fn seal(self, buffer: &mut Vec<u8>, start: usize) -> Self {
        // The closing brace comes after the seal.
        buffer.pop();
        let next = self.after(buffer.get(start..).unwrap_or_default());
        buffer.extend_from_slice(LABEL);
        buffer.extend_from_slice(format!("{:08x}", next.0).as_bytes());
        buffer.extend_from_slice(b"\"}");
        next
    }

    /// Checks a sealed line, with or without its line break; `None`: it is not what was written, or not after these
    /// lines.
    pub(crate) fn check(self, line: &[u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let (content, seal) = line.split_at_checked(line.len().checked_sub(SEAL_BYTES)?)?;
        let digits = seal.strip_prefix(LABEL)?.strip_suffix(b"\"}")?;
        let next = self.after(content);
        (digits == format!("{:08x}", next.0).as_bytes()).then_some(next)
    }

    fn after(self, content: &[u8]) -> Self {
        let mut hasher = crc32fast::Hasher::new_with_initial(self.0);
        hasher.update(content);
        Self(hasher.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_was_written_where_it_was_written() {
        let mut lines = br#"{"seq":1}"#.to_vec();
        let first = Chain::default().seal(&mut lines, 0);
        let one = lines.clone();
        lines.push(b'\n');
        let start = lines.len();
        lines.extend_from_slice(br#"{"seq":2,"a":"b"}"#);
        let second = first.seal(&mut lines, start);
        let two = lines.split_off(start);
        assert!(serde_json::from_slice::<serde_json::Value>(&two).is_ok());
        assert_eq!(Chain::default().check(&one), Some(first));
        assert_eq!(first.check(&two), Some(second));
        assert_eq!(Chain::default().check(&two), None, "it is the second line, not the first");
        for place in 0..two.len() {
            for bit in 0..8 {
                let mut damaged = two.clone();
                damaged[place] ^= 1 << bit;
                assert_eq!(first.check(&damaged), None, "bit {bit} of byte {place}");
            }
        }
        assert_eq!(Chain::default().check(b""), None);
    }
}
