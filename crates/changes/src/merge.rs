//! The one three-way merge that needs no judgement: the accepted hunks, with the lines around them, meet lines that
//! nobody touched.

use similar::DiffOp;

use crate::hunk::{CONTEXT_LINES, Hunk, LineKind, lines, operations, with_hunks_at};

/// The current text with these hunks, which were made for the base text. `None` if what changed since touches a hunk,
/// its context lines, or the same end of the file.
pub(crate) fn merged(base: &str, current: &str, hunks: &[&Hunk]) -> Option<String> {
    let (base, current) = (lines(base), lines(current));
    let operations = operations(&base, &current);
    let placed: Option<Vec<(usize, &Hunk)>> =
        hunks.iter().map(|hunk| Some((place(&base, &current, &operations, hunk)?, *hunk))).collect();
    with_hunks_at(&current, placed?.into_iter())
}

/// Where the old lines of the hunk are in the current text.
fn place(base: &[&str], current: &[&str], operations: &[DiffOp], hunk: &Hunk) -> Option<usize> {
    let range = hunk.old_range();
    let context = |line: &&crate::hunk::Line| line.kind == LineKind::Context;
    let at_start = hunk.lines.iter().take_while(context).count() < CONTEXT_LINES;
    let at_end = hunk.lines.iter().rev().take_while(context).count() < CONTEXT_LINES;
    operations.iter().find_map(|operation| {
        let DiffOp::Equal { old_index, new_index, len } = *operation else { return None };
        let covered = old_index <= range.start && range.end <= old_index + len;
        let start_stands = !at_start || (old_index == 0 && new_index == 0);
        let end_stands = !at_end || (old_index + len == base.len() && new_index + len == current.len());
        (covered && start_stands && end_stands).then(|| new_index + (range.start - old_index))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hunk::hunks;

    const BASE: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n";

    fn merge(current: &str, new: &str) -> Option<String> {
        let hunks = hunks(BASE, new);
        merged(BASE, current, &hunks.iter().collect::<Vec<_>>())
    }

    #[test]
    fn distant_changes_are_both_kept() {
        let current = BASE.replace("\n11\n", "\neleven\nand more\n");
        let new = BASE.replace("\n3\n", "\nthree\n");
        assert_eq!(merge(&current, &new).unwrap(), current.replace("\n3\n", "\nthree\n"));
        let current = format!("0\n{BASE}");
        let new = BASE.replace("\n8\n", "\n");
        assert_eq!(merge(&current, &new).unwrap(), current.replace("\n8\n", "\n"));
    }

    #[test]
    fn changes_that_touch_are_not_merged() {
        let new = BASE.replace("\n3\n", "\nthree\n");
        for current in [BASE.replace("\n5\n", "\nfive\n"), BASE.replace("\n3\n", "\ndrei\n"), String::new()] {
            assert_eq!(merge(&current, &new), None, "{current:?}");
        }
        // Both append at the end, or put something before the start.
        assert_eq!(merge(&format!("{BASE}13\n"), &format!("{BASE}dreizehn\n")), None);
        assert_eq!(merge(&format!("0\n{BASE}"), &format!("zero\n{BASE}")), None);
    }
}
