//! Texts of bounded size.

/// `text` in at most `bytes_max` bytes and a little more: of a longer one, the beginning, the end, and in between how much
/// is missing.
pub(crate) fn bounded(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let head = text.floor_char_boundary(bytes_max / 4 * 3);
    let tail = text.ceil_char_boundary(text.len() - bytes_max / 4);
    let (first, last) = (text.get(..head).unwrap_or_default(), text.get(tail..).unwrap_or_default());
    format!("{first}\n[... {} bytes left out ...]\n{last}", tail - head)
}

/// The first line of `text`, at most `chars_max` characters of it.
pub(crate) fn first_line(text: &str, chars_max: usize) -> String {
    text.trim().lines().next().unwrap_or_default().chars().take(chars_max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_keep_both_ends() {
        assert_eq!(bounded("short", 10), "short");
        let long = bounded(&"ä".repeat(1000), 101);
        assert!(long.starts_with("ää") && long.ends_with("ää"), "{long}");
        assert!(long.contains("bytes left out"), "{long}");
        assert!(long.len() < 160, "{}", long.len());
    }
}
