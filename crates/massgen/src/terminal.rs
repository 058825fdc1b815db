//! Standard output and standard error: what goes where, and in which form.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many questions to the user are open.
static QUESTIONS: AtomicUsize = AtomicUsize::new(0);

/// While it lives, displays keep what they have to show: a question must not scroll away.
pub(crate) struct Held(());

/// Holds displays back.
pub(crate) fn hold() -> Held {
    QUESTIONS.fetch_add(1, Ordering::SeqCst);
    Held(())
}

impl Drop for Held {
    fn drop(&mut self) {
        QUESTIONS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether displays are held back.
pub(crate) fn is_held() -> bool {
    QUESTIONS.load(Ordering::SeqCst) > 0
}

/// Tells the user something that is not the result. Providers may have had a word in it.
pub(crate) fn tell(text: &str) {
    tell_painted(&harmless(text));
}

/// Tells the user something that carries our own colours, and nothing that could steer the terminal.
pub(crate) fn tell_painted(text: &str) {
    // Nobody can be told that nobody can be told.
    let _ = writeln!(io::stderr().lock(), "{}", text.trim_end());
}

/// Warns the user.
pub(crate) fn warn(text: &str) {
    tell(&format!("warning: {text}"));
}

/// Writes a result. `false`: nobody reads it any more, as after `| head`.
pub(crate) fn print(text: &str) -> bool {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}

/// Writes a line of a result.
pub(crate) fn print_line(text: &str) -> bool {
    print(&format!("{text}\n"))
}

/// Whether standard output is a terminal that takes colours.
pub(crate) fn stdout_takes_colour() -> bool {
    io::stdout().is_terminal() && colour_is_welcome()
}

/// Whether standard error is a terminal that takes colours.
pub(crate) fn stderr_takes_colour() -> bool {
    io::stderr().is_terminal() && colour_is_welcome()
}

/// See <https://no-color.org>.
fn colour_is_welcome() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Text of a model as a terminal may be given it: without control characters, which could move the
/// cursor, change the title or answer in the user's name. Line breaks and tabs stay.
pub(crate) fn harmless(text: &str) -> String {
    text.chars()
        .filter_map(|c| match c {
            '\n' | '\t' => Some(c),
            '\r' => None,
            c if c.is_control() => Some('\u{fffd}'),
            // Characters that reorder the text around them can make it read as what it is not.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Some('\u{fffd}'),
            c => Some(c),
        })
        .collect()
}

/// Joins items with commas, in lines of at most about a hundred columns; lines after the first begin with `indent`.
pub(crate) fn wrapped(items: &[&str], indent: usize) -> String {
    const COLUMNS: usize = 100;
    let mut text = String::new();
    let mut column = indent;
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push(',');
            if column + item.chars().count() + 2 > COLUMNS {
                text.push_str(&format!("\n{}", " ".repeat(indent)));
                column = indent;
            } else {
                text.push(' ');
            }
        }
        text.push_str(item);
        column += item.chars().count() + 2;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{harmless, wrapped};

    #[test]
    fn a_long_list_takes_several_lines() {
        let items = ["x".repeat(40), "y".repeat(40), "z".repeat(40)];
        let items: Vec<&str> = items.iter().map(String::as_str).collect();
        let lines: Vec<usize> = wrapped(&items, 4).lines().map(str::len).collect();
        assert_eq!(lines, [83, 44]);
        assert_eq!(wrapped(&["a", "b"], 4), "a, b");
    }

    #[test]
    fn a_model_cannot_speak_to_the_terminal() {
        assert_eq!(
            harmless("a\u{1b}[2Jb\r\n\tc\u{7}\u{9b}1m\u{202e}x"),
            "a\u{fffd}[2Jb\n\tc\u{fffd}\u{fffd}1m\u{fffd}x"
        );
    }
}
