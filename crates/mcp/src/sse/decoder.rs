//! Takes an event stream apart, as <https://html.spec.whatwg.org/multipage/server-sent-events.html> has it.

/// How much of one event is taken in: as much as the SDK takes on its own transports.
const EVENT_BYTES_MAX: usize = 16 << 20;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub name: String,
    pub data: String,
}

#[derive(Debug, Default)]
pub(super) struct Decoder {
    line: Vec<u8>,
    /// Whether the last byte was a carriage return, whose line feed may still come.
    after_return: bool,
    name: String,
    data: String,
    has_data: bool,
}

impl Decoder {
    /// The events that `bytes` complete; `None` when one is too large.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Option<Vec<Event>> {
        let mut events = Vec::new();
        for byte in bytes {
            let was_return = std::mem::replace(&mut self.after_return, *byte == b'\r');
            match byte {
                b'\n' if was_return => {}
                b'\n' | b'\r' => events.extend(self.end_line()),
                _ => self.line.push(*byte),
            }
            if self.line.len() > EVENT_BYTES_MAX || self.data.len() > EVENT_BYTES_MAX {
                return None;
            }
        }
        Some(events)
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let line = line.strip_prefix('\u{feff}').unwrap_or(&line);
        if line.is_empty() {
            return self.end_event();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            _ => {}
        }
        None
    }

    fn end_event(&mut self) -> Option<Event> {
        let event = Event { name: std::mem::take(&mut self.name), data: std::mem::take(&mut self.data) };
        std::mem::replace(&mut self.has_data, false).then_some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_cutting_the_stream_gives_the_same_events() {
        let stream = concat!(
            "event: endpoint\r\ndata: /messages?x=1\r\n\r\n",
            ": ping\n\ndata: {\"a\":\ndata:\"ä\"}\nid: 1\n\r\revent: e\n\n"
        );
        let event = |name: &str, data: &str| Event { name: name.into(), data: data.into() };
        let expected = [event("endpoint", "/messages?x=1"), event("", "{\"a\":\n\"ä\"}")];
        for cut in 0..=stream.len() {
            let mut decoder = Decoder::default();
            let (head, tail) = stream.as_bytes().split_at(cut);
            let events = [decoder.feed(head).unwrap(), decoder.feed(tail).unwrap()].concat();
            assert_eq!(events, expected, "cut at {cut}");
        }
    }

    #[test]
    fn an_endless_event_is_given_up() {
        let mut decoder = Decoder::default();
        let chunk = vec![b'x'; 1 << 20];
        assert!((0..20).any(|_| decoder.feed(&chunk).is_none()));
    }
}
