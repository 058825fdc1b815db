//! What a misspelt word was probably meant to be.

/// Of `known` words, the one that takes the fewest changes of letters to become `word`.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known.into_iter().min_by_key(|known| changes(word, known))
}

fn changes(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    // One row of the table of changes between beginnings of the two words.
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        let mut left = index + 1;
        next.push(left);
        for ((diagonal, above), other) in row.iter().zip(row.iter().skip(1)).zip(&to) {
            left = (diagonal + usize::from(letter != *other)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewest_changes_win() {
        assert_eq!(changes("kitten", "sitting"), 3);
        assert_eq!((changes("", "abc"), changes("abc", "")), (3, 3));
        assert_eq!(nearest("rpn", ["rpm", "tpm", "rpd"]), Some("rpm"));
        assert_eq!(nearest("x", []), None);
    }
}
