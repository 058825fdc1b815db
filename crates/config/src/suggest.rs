//! The name that the user probably meant.

/// The candidate nearest to `word`, if any is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    // Nobody misspells a name at such length, and the distance takes the product of the lengths.
    if word.is_empty() || word.len() > 64 {
        return None;
    }
    let plain = |text: &str| text.to_ascii_lowercase().replace(['-', ' '], "_");
    let word = plain(word);
    let by_distance = candidates
        .clone()
        .map(|candidate| (tolerance(word.len().min(candidate.len())), candidate))
        .filter(|(tolerance, candidate)| word.len().abs_diff(candidate.len()) <= *tolerance)
        .map(|(tolerance, candidate)| (tolerance, distance(&word, &plain(candidate)), candidate))
        .filter(|(tolerance, distance, _)| distance <= tolerance)
        .map(|(_, distance, candidate)| (distance, candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate);
    by_distance.or_else(|| contained(&word, candidates))
}

/// The only candidate that contains the word or is contained in it, underscores aside.
fn contained<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let squeeze = |text: &str| text.to_ascii_lowercase().replace(['_', '-'], "");
    let word = squeeze(word);
    let mut hits = candidates.filter(|candidate| {
        let candidate = squeeze(candidate);
        let (short, long) = if word.len() < candidate.len() { (&word, &candidate) } else { (&candidate, &word) };
        short.len() >= 5 && long.contains(short.as_str())
    });
    let first = hits.next()?;
    hits.next().is_none().then_some(first)
}

/// How many slips are believable in a word of this length.
fn tolerance(length: usize) -> usize {
    match length {
        0..=2 => 0,
        3..=5 => 1,
        6..=8 => 2,
        _ => 3,
    }
}

/// How many letters must be added, left out, changed or swapped with their neighbour (optimal
/// string alignment).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut previous_a = None;
    for (row, letter_a) in a.chars().enumerate() {
        let mut next = vec![row + 1];
        let mut previous_b = None;
        for (column, letter_b) in b.iter().copied().enumerate() {
            let at = |list: &[usize], index: usize| list.get(index).copied().unwrap_or(usize::MAX / 2);
            let changed = at(&last, column) + usize::from(letter_a != letter_b);
            let mut best = changed.min(at(&last, column + 1) + 1).min(at(&next, column) + 1);
            if column > 0 && previous_a == Some(letter_b) && previous_b == Some(letter_a) {
                best = best.min(at(&before, column - 1) + 1);
            }
            next.push(best);
            previous_b = Some(letter_b);
        }
        before = last;
        last = next;
        previous_a = Some(letter_a);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meant_name_is_found_and_others_are_not() {
        let names = ["gemini", "openai", "claude", "claude_code", "enable_web_search", "agents", "id"];
        let find = |word| nearest(word, names.into_iter());
        assert_eq!(find("gemni"), Some("gemini"));
        assert_eq!(find("opneai"), Some("openai"));
        assert_eq!(find("Claude-Code"), Some("claude_code"));
        assert_eq!(find("web_search"), Some("enable_web_search"));
        assert_eq!(find("agent"), Some("agents"));
        assert_eq!(find("no"), None);
        assert_eq!(find("temperature"), None);
        assert_eq!(find(""), None);
    }

    #[test]
    fn the_distance_counts_slips() {
        for (a, b, slips) in [("", "abc", 3), ("abc", "abc", 0), ("abc", "acb", 1), ("kitten", "sitting", 3)] {
            assert_eq!(distance(a, b), slips, "{a} {b}");
        }
    }
}
