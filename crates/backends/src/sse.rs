//! Server-sent events, decoded without I/O.
//!
//! Follows the event stream format of the HTML standard (section 9.2.6), with two departures: there are no
//! reconnections, so that `id` and `retry` are skipped; and an event that lacks only its last blank line is
//! still handed out at the end, because some servers omit it.

/// One event. Its data is still bytes: JSON decoders check UTF-8 themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SseEvent<'a> {
    /// The `event` field, empty when there is none.
    pub(crate) name: &'a [u8],
    /// The `data` fields, joined by line feeds.
    pub(crate) data: &'a [u8],
}

/// An event is longer than [`EVENT_BYTES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventTooLong;

/// The longest event. A Responses stream repeats the whole reply in its last event, so that this is above what
/// a reply may hold.
pub(crate) const EVENT_BYTES_MAX: usize = 160 << 20;

/// Splits a byte stream into events, wherever the bytes are cut.
#[derive(Debug, Default)]
pub(crate) struct SseDecoder {
    /// The start of a line whose end has not arrived.
    pending: Vec<u8>,
    /// The last byte was a carriage return, so that a line feed right after it belongs to the same line end.
    after_return: bool,
    /// The first line is behind us, and with it the place of a byte order mark.
    started: bool,
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
}

impl SseDecoder {
    /// Takes the next bytes and hands every event that they complete to `on_event`.
    pub(crate) fn feed<E: From<EventTooLong>>(
        &mut self,
        bytes: &[u8],
        on_event: &mut impl FnMut(SseEvent<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = bytes;
        while let Some((&first, after_first)) = rest.split_first() {
            if std::mem::take(&mut self.after_return) && first == b'\n' {
                rest = after_first;
                continue;
            }
            let Some(end) = memchr::memchr2(b'\n', b'\r', rest) else {
                self.pending.extend_from_slice(rest);
                break;
            };
            let (line, tail) = rest.split_at(end);
            if self.pending.is_empty() {
                self.line(line, on_event)?;
            } else {
                let mut whole = std::mem::take(&mut self.pending);
                whole.extend_from_slice(line);
                self.line(&whole, on_event)?;
                whole.clear();
                self.pending = whole;
            }
            self.after_return = tail.first() == Some(&b'\r');
            rest = tail.get(1..).unwrap_or_default();
        }
        self.check_size()
    }

    /// Hands out what the stream's end left incomplete: at most one event.
    pub(crate) fn finish<E: From<EventTooLong>>(
        &mut self,
        on_event: &mut impl FnMut(SseEvent<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let line = std::mem::take(&mut self.pending);
        if !line.is_empty() {
            self.line(&line, on_event)?;
        }
        self.line(b"", on_event)
    }

    fn line<E: From<EventTooLong>>(
        &mut self,
        line: &[u8],
        on_event: &mut impl FnMut(SseEvent<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let line = if std::mem::replace(&mut self.started, true) {
            line
        } else {
            line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line)
        };
        if line.is_empty() {
            return self.dispatch(on_event);
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, value) = colon.and_then(|at| line.split_at_checked(at)).unwrap_or((line, b":"));
        let value = value.get(1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
                self.check_size()
            }
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(value);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn dispatch<E>(&mut self, on_event: &mut impl FnMut(SseEvent<'_>) -> Result<(), E>) -> Result<(), E> {
        let handed = if std::mem::take(&mut self.has_data) {
            on_event(SseEvent { name: &self.name, data: &self.data })
        } else {
            Ok(())
        };
        self.name.clear();
        self.data.clear();
        handed
    }

    fn check_size<E: From<EventTooLong>>(&self) -> Result<(), E> {
        if self.pending.len() + self.data.len() > EVENT_BYTES_MAX { Err(EventTooLong.into()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Seen = Vec<(String, Vec<u8>)>;

    fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Seen {
        let mut seen = Vec::new();
        let mut decoder = SseDecoder::default();
        let mut on_event = |event: SseEvent<'_>| -> Result<(), EventTooLong> {
            seen.push((String::from_utf8_lossy(event.name).into_owned(), event.data.to_vec()));
            Ok(())
        };
        for piece in pieces {
            decoder.feed(piece, &mut on_event).unwrap();
        }
        decoder.finish(&mut on_event).unwrap();
        seen
    }

    fn event(name: &str, data: &str) -> (String, Vec<u8>) {
        (name.to_owned(), data.as_bytes().to_vec())
    }

    const MIXED: &str = "\u{feff}: hello\r\nevent: a\r\ndata: {\"é\":1}\r\n\r\ndata:x\ndata: y\n\nid: 7\nretry: 1\n\nevent: empty\n\n\
                         data\r\rdata:  two spaces\r\n\ndata: last";

    #[test]
    fn every_line_end_comment_and_joined_line_is_read() {
        let expected = vec![
            event("a", "{\"é\":1}"),
            event("", "x\ny"),
            event("", ""),
            event("", " two spaces"),
            event("", "last"),
        ];
        assert_eq!(decode([MIXED.as_bytes()]), expected);
    }

    #[test]
    fn the_cut_of_the_bytes_does_not_matter() {
        let bytes = MIXED.as_bytes();
        let whole = decode([bytes]);
        for at in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(at);
            assert_eq!(decode([head, tail]), whole, "cut at {at}");
        }
        assert_eq!(decode(bytes.chunks(1)), whole);
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut decoder = SseDecoder::default();
        let piece = vec![b'x'; 1 << 20];
        let fed =
            (0..=EVENT_BYTES_MAX >> 20).try_for_each(|_| decoder.feed(&piece, &mut |_| Ok::<_, EventTooLong>(())));
        assert_eq!(fed, Err(EventTooLong));
    }

    proptest! {
        #[test]
        fn any_chunking_of_any_bytes_gives_the_same_events(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b':'), Just(b' '), Just(b'd'),
                Just(b'a'), Just(b't'), any::<u8>()], 0..200),
            size in 1_usize..9,
        ) {
            prop_assert_eq!(decode(bytes.chunks(size)), decode([bytes.as_slice()]));
        }
    }
}
