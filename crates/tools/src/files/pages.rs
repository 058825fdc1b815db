//! Results in pages: as much as a model can take at once, and how to get the rest.

/// One page of a list of lines, and what to do for the next: `noun` says what the lines are.
///
/// `offset` counts the lines to pass over.
pub(super) fn page(lines: &[String], offset: usize, limit: usize, bytes_max: usize, noun: &str) -> String {
    if lines.is_empty() {
        return format!("[no {noun}]");
    }
    let mut text = String::new();
    let mut shown = 0;
    for line in lines.iter().skip(offset).take(limit) {
        if shown > 0 && text.len() + line.len() > bytes_max {
            break;
        }
        text.push_str(cut(line, bytes_max));
        text.push('\n');
        shown += 1;
    }
    let (end, total) = (offset.saturating_add(shown), lines.len());
    if shown == 0 {
        return format!("[there are only {total} {noun}: offset {offset} is past the end]");
    }
    if end < total {
        text.push_str(&format!("[{noun} {} to {end} of {total}; for more, offset: {end}]", offset + 1));
    } else {
        text.pop();
    }
    text
}

/// The longest beginning of `text` within `bytes_max` that ends between characters.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    let end = text.floor_char_boundary(bytes_max.min(text.len()));
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> Vec<String> {
        (1..=count).map(|number| format!("line {number}")).collect()
    }

    #[test]
    fn pages_join_to_the_whole() {
        let lines = lines(25);
        let mut offset = 0;
        let mut seen = Vec::new();
        loop {
            let text = page(&lines, offset, 10, 48, "lines");
            let (body, next) = match text.rsplit_once("\n[") {
                Some((body, foot)) => {
                    (body, foot.rsplit(": ").next().and_then(|n| n.trim_end_matches(']').parse().ok()))
                }
                None => (text.as_str(), None),
            };
            seen.extend(body.lines().map(str::to_owned));
            match next {
                Some(next) => offset = next,
                None => break,
            }
        }
        assert_eq!(seen, lines);
    }

    #[test]
    fn nothing_and_past_the_end_are_said() {
        assert_eq!(page(&[], 0, 10, 100, "files"), "[no files]");
        assert_eq!(page(&lines(2), 5, 10, 100, "files"), "[there are only 2 files: offset 5 is past the end]");
    }
}
