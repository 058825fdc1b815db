//! Text of models and users made fit for pages, lists and the index.

/// `text` without control characters, which could steer a terminal, and without the characters that reorder the
/// text around them, which can make it read as what it is not. Line breaks and tabs stay.
pub(crate) fn harmless(text: &str) -> String {
    text.chars()
        .filter_map(|c| match c {
            '\n' | '\t' => Some(c),
            '\r' => None,
            '\u{2028}' | '\u{2029}' => Some('\n'),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Some('\u{fffd}'),
            // Noncharacters are no text in any page.
            '\u{fffe}' | '\u{ffff}' => Some('\u{fffd}'),
            c if c.is_control() => Some('\u{fffd}'),
            c => Some(c),
        })
        .collect()
}

/// The first `chars_max` characters of `text`.
pub(crate) fn head(text: &str, chars_max: usize) -> &str {
    text.char_indices().nth(chars_max).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// `text` on one line of at most `chars_max` characters, with `…` where something was left out.
pub(crate) fn one_line(text: &str, chars_max: usize) -> String {
    let clean = harmless(text);
    let line = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    let kept = head(&line, chars_max);
    if kept.len() == line.len() { line } else { format!("{}…", head(kept, chars_max.saturating_sub(1)).trim_end()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_and_nothing_reorders() {
        assert_eq!(
            harmless("a\u{1b}[2Jb\r\n\tc\u{7}\u{9b}1m\u{202e}x\0"),
            "a\u{fffd}[2Jb\n\tc\u{fffd}\u{fffd}1m\u{fffd}x\u{fffd}"
        );
    }

    #[test]
    fn lines_are_cut_between_characters() {
        assert_eq!(one_line("two\nlines  here", 40), "two lines here");
        assert_eq!(one_line("日本語テキスト", 4), "日本語…");
        assert_eq!(one_line("exactly", 7), "exactly");
    }
}
