//! Replacing texts in a file, all or nothing.

use std::io::Read as _;
use std::time::Duration;

use similar::TextDiff;

use super::arguments::{Edit, EditFile};
use super::directory::{Facts, Replace};
use super::error::{FileError, size_text};
use super::pages::cut;
use super::resolve::Spot;
use super::session::{Said, Session};

/// The largest file that is edited or compared line by line.
pub(super) const TEXT_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// How long a diff may look for the shortest form.
const DIFF_TIME: Duration = Duration::from_millis(500);

/// How much of a diff an edit returns: it tells what was done, the model knows the rest.
const DIFF_BYTES_MAX: usize = 8 * 1024;

/// How many lines a message names.
const NAMED_LINES_MAX: usize = 8;

impl Session {
    pub(super) fn edit_file(&self, arguments: &EditFile) -> Said {
        let spot = self.to_write(&arguments.path)?;
        let (text, facts) = self.whole_text(&spot)?;
        let edited = apply(&text, &arguments.edits).map_err(|(number, why)| FileError::Edit {
            path: spot.shown.clone(),
            number,
            count: arguments.edits.len(),
            why,
        })?;
        let diff = unified_diff(&text, &edited, &spot.shown, &spot.shown);
        let shown = match cut(&diff, DIFF_BYTES_MAX) {
            part if part.len() < diff.len() => {
                format!("{part}\n[the diff goes on: {} bytes more]", diff.len() - part.len())
            }
            whole => whole.to_owned(),
        };
        self.saw(&spot.path);
        if arguments.dry_run.0 {
            return Ok(format!("not written (dryRun):\n{shown}"));
        }
        if edited == text {
            return Ok(format!("{} is unchanged: the texts are the same", spot.shown));
        }
        let (folder, name) = spot.make_parent()?;
        let write = folder.write(name, edited.as_bytes(), Replace::Same(facts));
        write.map_err(|source| spot.io("write", source))?;
        Ok(format!("edited {}\n{shown}", spot.shown))
    }

    /// The whole of a file that is valid text and not too large.
    pub(super) fn whole_text(&self, spot: &Spot) -> Result<(String, Facts), FileError> {
        let (file, facts) = self.open_text(spot)?;
        let too_large = |bytes| FileError::TooLarge {
            path: spot.shown.clone(),
            size: size_text(bytes),
            max: size_text(TEXT_BYTES_MAX),
        };
        if facts.bytes > TEXT_BYTES_MAX {
            return Err(too_large(facts.bytes));
        }
        let mut bytes = Vec::new();
        file.take(TEXT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|source| spot.io("read", source))?;
        if bytes.len() as u64 > TEXT_BYTES_MAX {
            return Err(too_large(bytes.len() as u64));
        }
        let text = String::from_utf8(bytes)
            .map_err(|error| FileError::NotUtf8 { path: spot.shown.clone(), at: error.utf8_error().valid_up_to() })?;
        Ok((text, facts))
    }
}

/// A diff in the usual form.
pub(super) fn unified_diff(old: &str, new: &str, old_name: &str, new_name: &str) -> String {
    let mut config = TextDiff::configure();
    config.timeout(DIFF_TIME);
    let diff = config.diff_lines(old, new);
    diff.unified_diff().context_radius(3).header(old_name, new_name).to_string()
}

/// `text` with all edits, one after the other; or which of them, from 1, does not fit, and why.
pub(super) fn apply(text: &str, edits: &[Edit]) -> Result<String, (usize, String)> {
    if edits.is_empty() {
        return Err((0, "there are no edits".to_owned()));
    }
    let mut edited = text.to_owned();
    for (index, edit) in edits.iter().enumerate() {
        edited = apply_one(&edited, edit).map_err(|why| (index + 1, why))?;
    }
    Ok(edited)
}

fn apply_one(text: &str, edit: &Edit) -> Result<String, String> {
    if edit.old_text.is_empty() {
        return Err("oldText is empty; to fill or replace a whole file, use write_file".to_owned());
    }
    let places = occurrences(text, &edit.old_text);
    if let [place] = places.as_slice() {
        return Ok(replaced(text, *place, &edit.old_text, &edit.new_text));
    }
    if places.is_empty() && text.contains("\r\n") && !edit.old_text.contains('\r') {
        // Models write line breaks as `\n`, whatever the file has.
        let with_returns = |text: &str| text.replace("\r\n", "\n").replace('\n', "\r\n");
        let (old, new) = (with_returns(&edit.old_text), with_returns(&edit.new_text));
        match occurrences(text, &old).as_slice() {
            [] => {}
            [place] => return Ok(replaced(text, *place, &old, &new)),
            many => return Err(ambiguous(text, many)),
        }
    }
    Err(if places.is_empty() { not_found(text, &edit.old_text) } else { ambiguous(text, &places) })
}

/// Where `wanted` begins in `text`, overlapping ones included: of those, too, only one can be meant.
fn occurrences(text: &str, wanted: &str) -> Vec<usize> {
    let mut places = Vec::new();
    let mut from = 0;
    while let Some(found) = text.get(from..).and_then(|rest| rest.find(wanted)) {
        let place = from + found;
        places.push(place);
        from = place + text.get(place..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
    }
    places
}

fn replaced(text: &str, place: usize, old: &str, new: &str) -> String {
    let (before, after) = (text.get(..place), text.get(place + old.len()..));
    [before.unwrap_or_default(), new, after.unwrap_or_default()].concat()
}

fn ambiguous(text: &str, places: &[usize]) -> String {
    let lines: Vec<_> = places.iter().take(NAMED_LINES_MAX).map(|place| line_of(text, *place).to_string()).collect();
    let more = if places.len() > lines.len() { ", ..." } else { "" };
    format!(
        "oldText occurs {} times, at lines {}{more}; take in more of the lines around it so that it occurs once",
        places.len(),
        lines.join(", ")
    )
}

fn not_found(text: &str, wanted: &str) -> String {
    let wanted_lines: Vec<&str> = wanted.trim().lines().map(str::trim).collect();
    let lines: Vec<&str> = text.lines().collect();
    let first = wanted_lines.first().copied().unwrap_or_default();
    if first.is_empty() {
        return "oldText does not occur".to_owned();
    }
    let is_alike = |window: &[&str]| window.iter().map(|line| line.trim()).eq(wanted_lines.iter().copied());
    if let Some(at) = lines.windows(wanted_lines.len()).position(is_alike) {
        let exact = lines.get(at..at + wanted_lines.len()).unwrap_or_default().join("\n");
        return format!(
            "oldText does not occur; lines from {} on differ from it only in white space. They are exactly:\n{}",
            at + 1,
            cut(&exact, 2000)
        );
    }
    match lines.iter().position(|line| line.contains(first)) {
        Some(at) if wanted_lines.len() > 1 => format!(
            "oldText does not occur; its first line is at line {}, but what follows there differs: read the file again",
            at + 1
        ),
        _ => "oldText does not occur; read the file again, it must match exactly, white space included".to_owned(),
    }
}

fn line_of(text: &str, place: usize) -> usize {
    text.bytes().take(place).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn edit(old: &str, new: &str) -> Edit {
        Edit { old_text: old.to_owned(), new_text: new.to_owned() }
    }

    #[test]
    fn edits_build_on_each_other() {
        let edited = apply("one two", &[edit("one", "three"), edit("three two", "four")]);
        assert_eq!(edited.as_deref(), Ok("four"));
    }

    #[test]
    fn ambiguity_names_the_lines() {
        let (number, why) = apply("a\nb\na\n", &[edit("b", "c"), edit("a", "x")]).unwrap_err();
        assert_eq!(number, 2);
        assert!(why.contains("2 times, at lines 1, 3;"), "{why}");
        let (_, why) = apply("aaa", &[edit("aa", "b")]).unwrap_err();
        assert!(why.contains("2 times, at lines 1, 1;"), "{why}");
    }

    #[test]
    fn line_breaks_are_the_files_own() {
        assert_eq!(apply("a\r\nb\r\nc", &[edit("a\nb", "x\ny")]).as_deref(), Ok("x\r\ny\r\nc"));
        assert_eq!(apply("a\nb", &[edit("a\nb", "x\r\ny")]).as_deref(), Ok("x\r\ny"));
    }

    #[test]
    fn what_nearly_fits_is_shown() {
        let (_, why) = apply("def f():\n\treturn 1\n", &[edit("def f():\n    return 1", "x")]).unwrap_err();
        assert!(why.contains("white space") && why.ends_with("def f():\n\treturn 1"), "{why}");
        let (_, why) = apply("one\ntwo\n", &[edit("one\nthree", "x")]).unwrap_err();
        assert!(why.contains("at line 1, but what follows"), "{why}");
        assert_eq!(apply("x", &[edit("", "y")]).unwrap_err().0, 1);
    }

    /// The same by brute force: every place where the text could stand is tried.
    #[expect(clippy::string_slice, reason = "at boundaries of characters")]
    fn oracle(text: &str, edits: &[Edit]) -> Option<String> {
        edits.iter().try_fold(text.to_owned(), |text, edit| {
            let old = &edit.old_text;
            let starts = (0..=text.len()).filter(|at| text.is_char_boundary(*at));
            let places: Vec<_> = starts.filter(|at| !old.is_empty() && text[*at..].starts_with(old)).collect();
            match places[..] {
                [at] => Some(format!("{}{}{}", &text[..at], edit.new_text, &text[at + old.len()..])),
                _ => None,
            }
        })
    }

    proptest! {
        #[test]
        fn edits_do_what_brute_force_does(
            text in "[ab\u{e4}\n]{0,30}",
            edits in prop::collection::vec(("[ab\u{e4}\n]{0,4}", "[abc\n]{0,3}"), 1..4),
        ) {
            let edits: Vec<_> = edits.iter().map(|(old, new)| edit(old, new)).collect();
            prop_assert_eq!(apply(&text, &edits).ok(), oracle(&text, &edits));
        }

        /// Texts cut out of the file itself, so that many of them fit.
        #[test]
        fn parts_of_the_text_are_found(
            text in "[a-d\u{fc}\n]{1,60}", from in 0_usize..60, length in 1_usize..8, new in "[a-z]{0,3}",
        ) {
            let old: String = text.chars().skip(from).take(length).collect();
            let edits = [edit(&old, &new)];
            prop_assert_eq!(apply(&text, &edits).ok(), oracle(&text, &edits));
        }
    }
}
