//! Text made fit for lines, columns and terminals.

/// The first `chars_max` characters of `text`, as the reference previews answers and reasons.
pub(crate) fn head(text: &str, chars_max: usize) -> &str {
    text.char_indices().nth(chars_max).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// `text` on one line of at most `columns` columns, with `...` where something was left out.
pub(crate) fn one_line(text: &str, columns: usize) -> String {
    let mut line = String::new();
    let mut used = 0;
    // Where to cut so that the dots fit.
    let mut cut = 0;
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
            used += 1;
        }
        for c in word.chars().filter(|c| !is_control(*c)) {
            if used <= columns.saturating_sub(3) {
                cut = line.len();
            }
            used += char_columns(c);
            if used > columns {
                line.truncate(cut);
                line.push_str("...");
                return line;
            }
            line.push(c);
        }
    }
    line
}

/// `text` broken into at most `lines_max` lines of at most `columns` columns, between words where possible.
pub(crate) fn wrapped(text: &str, columns: usize, lines_max: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    let clean: String =
        text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !is_control(*c)).collect();
    for word in clean.split(' ').filter(|word| !word.is_empty()) {
        let word_columns = columns_of(word);
        let gap = usize::from(used > 0);
        if used + gap + word_columns > columns && used > 0 {
            lines.push(String::new());
            used = 0;
        }
        for (position, c) in word.chars().enumerate() {
            let is_spaced = position == 0 && used > 0;
            let c_columns = char_columns(c) + usize::from(is_spaced);
            if used + c_columns > columns && used > 0 {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                if is_spaced && used > 0 {
                    line.push(' ');
                }
                line.push(c);
            }
            used += c_columns;
        }
        if lines.len() > lines_max {
            lines.truncate(lines_max);
            if let Some(last) = lines.last_mut() {
                *last = one_line(&format!("{last} {}", "x".repeat(columns)), columns);
            }
            return lines;
        }
    }
    lines
}

/// How many terminal columns `text` takes.
pub(crate) fn columns_of(text: &str) -> usize {
    text.chars().map(char_columns).sum()
}

/// Appends `text` without what would steer a terminal. Line breaks and tabs stay.
pub(crate) fn push_printable(into: &mut String, text: &str) {
    // Models write escape characters about never: the common case is one scan and one copy.
    if text.chars().any(is_control) {
        into.extend(text.chars().filter(|c| !is_control(*c)));
    } else {
        into.push_str(text);
    }
}

fn is_control(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t'
}

/// East Asian wide characters and emoji take two columns, combining marks none. The blocks are those
/// of Unicode's EastAsianWidth.txt, coarse where a block is nearly all wide.
fn char_columns(c: char) -> usize {
    match u32::from(c) {
        0..0x300 => 1,
        0x300..=0x36F
        | 0x483..=0x489
        | 0x591..=0x5BD
        | 0x610..=0x61A
        | 0x64B..=0x65F
        | 0x1AB0..=0x1AFF
        | 0x1DC0..=0x1DFF
        | 0x200B..=0x200F
        | 0x20D0..=0x20FF
        | 0xFE00..=0xFE0F
        | 0xFE20..=0xFE2F
        | 0x1F3FB..=0x1F3FF
        | 0xE0000..=0xE01EF => 0,
        0x1100..=0x115F
        | 0x231A..=0x231B
        | 0x23E9..=0x23EC
        | 0x2614..=0x2615
        | 0x2648..=0x2653
        | 0x26A1
        | 0x26BD..=0x26BE
        | 0x26C4..=0x26C5
        | 0x26D4
        | 0x26EA
        | 0x26F2..=0x26F5
        | 0x26FA..=0x26FD
        | 0x2705
        | 0x270A..=0x270B
        | 0x2728
        | 0x274C
        | 0x274E
        | 0x2753..=0x2757
        | 0x2795..=0x2797
        | 0x27B0
        | 0x27BF
        | 0x2B1B..=0x2B1C
        | 0x2B50
        | 0x2B55
        | 0x2E80..=0x303E
        | 0x3041..=0x33FF
        | 0x3400..=0x4DBF
        | 0x4E00..=0x9FFF
        | 0xA000..=0xA4CF
        | 0xA960..=0xA97F
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F004
        | 0x1F0CF
        | 0x1F18E
        | 0x1F191..=0x1F19A
        | 0x1F200..=0x1F320
        | 0x1F32D..=0x1F64F
        | 0x1F680..=0x1F6FF
        | 0x1F900..=0x1FAFF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_wide_and_combining_characters() {
        assert_eq!(columns_of("abc"), 3);
        assert_eq!(columns_of("日本語"), 6);
        assert_eq!(columns_of("e\u{301}"), 1);
        assert_eq!(columns_of("🦀"), 2);
    }

    #[test]
    fn one_line_never_exceeds_its_columns() {
        assert_eq!(one_line("two\nlines  of\ttext", 40), "two lines of text");
        assert_eq!(one_line("exactly ten", 11), "exactly ten");
        assert_eq!(one_line("exactly eleven", 11), "exactly ...");
        assert_eq!(one_line("日本語日本語", 8), "日本...");
        assert_eq!(one_line("\u{1b}[31mred", 40), "[31mred");
    }

    #[test]
    fn wrapping_breaks_between_words_and_inside_long_ones() {
        assert_eq!(wrapped("the quick brown fox", 10, 9), ["the quick", "brown fox"]);
        assert_eq!(wrapped("abcdefghijkl", 5, 9), ["abcde", "fghij", "kl"]);
        assert_eq!(wrapped("a b c d e f g h", 3, 2), ["a b", "..."]);
        assert_eq!(wrapped("", 5, 2), [""]);
        for line in wrapped("日本語 の テキスト mixed with Latin words", 7, 20) {
            assert!(columns_of(&line) <= 7, "{line}");
        }
    }

    #[test]
    fn heads_are_cut_between_characters() {
        assert_eq!(head("日本語", 2), "日本");
        assert_eq!(head("ab", 2), "ab");
    }

    #[test]
    fn escapes_do_not_reach_a_terminal() {
        let mut text = String::new();
        push_printable(&mut text, "a\u{1b}[2Jb\n\tc\r");
        assert_eq!(text, "a[2Jb\n\tc");
    }
}
