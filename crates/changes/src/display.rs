//! Texts by others, made safe to print on a terminal.

use std::fmt::Write;
use std::path::Path;

/// The text with control characters made visible (`^[`), and those that reorder or hide text by their code point.
/// Line feeds and tabs stay.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        // Writing to a String cannot fail.
        let _ = match letter {
            '\n' | '\t' => write!(shown, "{letter}"),
            '\u{7f}' => write!(shown, "^?"),
            '\0'..='\u{1f}' => {
                let caret = u8::try_from(u32::from(letter)).map_or('?', |code| char::from(code + 0x40));
                write!(shown, "^{caret}")
            }
            _ if is_hidden(letter) => write!(shown, "<U+{:04X}>", u32::from(letter)),
            _ => write!(shown, "{letter}"),
        };
    }
    shown
}

/// The path on one line.
pub(crate) fn shown_path(path: &Path) -> String {
    shown(&path.to_string_lossy()).replace('\n', "^J").replace('\t', "^I")
}

/// Second control set, zero-width letters, separators of lines, and marks of writing direction.
fn is_hidden(letter: char) -> bool {
    matches!(letter, '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_but_text() {
        assert_eq!(shown("a\u{1b}[2Jb\tc\r\n\u{202e}d\u{9b}"), "a^[[2Jb\tc^M\n<U+202E>d<U+009B>");
        assert_eq!(shown_path(Path::new("a\nb")), "a^Jb");
    }
}
