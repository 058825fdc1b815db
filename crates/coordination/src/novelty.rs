//! How much two answers have in common.

use std::collections::HashSet;

use massgen_protocol::Novelty;

/// The share of words that two texts have in common (Jaccard index of their sets of lower-case,
/// space-separated words), in per cent, rounded up: more than a whole number of per cent stays more.
/// Two empty texts have everything in common.
#[must_use]
pub fn similarity_percent(a: &str, b: &str) -> u8 {
    let words = |text: &str| text.split_whitespace().map(str::to_lowercase).collect::<HashSet<_>>();
    let (a, b) = (words(a), words(b));
    let union = a.union(&b).count();
    if union == 0 {
        return 100;
    }
    u8::try_from((a.intersection(&b).count() * 100).div_ceil(union)).unwrap_or(100)
}

/// The share of common words, in per cent, above which an answer is not new enough.
pub(crate) fn limit_percent(novelty: Novelty) -> Option<u8> {
    match novelty {
        Novelty::Lenient => None,
        Novelty::Balanced => Some(70),
        Novelty::Strict => Some(50),
    }
}

/// Whether two answers are the same but for white space.
pub(crate) fn is_copy(a: &str, b: &str) -> bool {
    a.split_whitespace().eq(b.split_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similarity_counts_words_once_and_ignores_case() {
        assert_eq!(similarity_percent("a b c d", "A b x"), 40);
        assert_eq!(similarity_percent("a a a", "a"), 100);
        assert_eq!(similarity_percent("a", ""), 0);
        assert_eq!(similarity_percent("", " \n"), 100);
    }

    #[test]
    fn a_little_more_than_the_limit_is_more_than_the_limit() {
        // 12 of 17 words: 70.6 %.
        assert_eq!(similarity_percent("a b c d e f g h i j k l m n", "a b c d e f g h i j k l x y z"), 71);
        assert_eq!(similarity_percent("a b c d e f g", "a b c d e f g h i j"), 70);
    }

    #[test]
    fn a_copy_differs_in_white_space_only() {
        assert!(is_copy("8 Gpc,\n at z = 5.5", "8 Gpc, at z = 5.5 "));
        assert!(!is_copy("8 Gpc", "8Gpc"));
    }
}
