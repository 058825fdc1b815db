//! What users type, as a query of the full-text index.

/// How many words of a query count. More would only make it slow.
const WORDS_MAX: usize = 24;

/// How many characters of a word count.
const WORD_CHARS_MAX: usize = 64;

/// The query that finds texts with all words of `input`, the last of them by its beginning; `None` when there is no word
/// in it. Any text is valid: nothing in it is an operator.
pub(super) fn query(input: &str) -> Option<String> {
    // Between quotation marks everything is text for the index, which splits it into words itself. A character
    // that ends strings of C would end the query in the middle of one.
    let printable: String = input.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<String> = printable
        .split_whitespace()
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .take(WORDS_MAX)
        .map(|word| {
            let word: String = word.chars().take(WORD_CHARS_MAX).collect();
            format!("\"{}\"", word.replace('"', "\"\""))
        })
        .collect();
    (!words.is_empty()).then(|| format!("{}*", words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rusqlite::Connection;

    #[test]
    fn operators_are_text() {
        assert_eq!(query("sort AND  fast").unwrap(), r#""sort" "AND" "fast"*"#);
        assert_eq!(query(r#"say "hi" NEAR(x)"#).unwrap(), r#""say" """hi""" "NEAR(x)"*"#);
        assert_eq!(query(" \t-- !! "), None);
        assert_eq!(query(""), None);
    }

    fn searchable() -> Connection {
        let database = Connection::open_in_memory().unwrap();
        database
            .execute_batch(
                "CREATE VIRTUAL TABLE t USING fts5 (x, tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3');
                 INSERT INTO t VALUES ('alpha beta gamma'), ('the quick brown fox');",
            )
            .unwrap();
        database
    }

    proptest! {
        #[test]
        fn any_text_is_a_query(input in r#"[ -~\x00\n"*:^(){}+'äß日𝒳\u{300}-]{0,60}|\PC{0,60}"#) {
            let database = searchable();
            if let Some(query) = query(&input) {
                let found = database
                    .prepare("SELECT count(*) FROM t WHERE t MATCH ?1")
                    .and_then(|mut statement| statement.query_row([&query], |row| row.get::<_, i64>(0)));
                prop_assert!(found.is_ok(), "{query:?}: {found:?}");
            }
        }

        #[test]
        fn a_text_is_found_by_its_own_words(
            words in proptest::collection::vec("[a-z]{1,10}", 1..6),
            mark in r#"["'*:()^-]{0,3}"#,
            cut in 1..10_usize,
        ) {
            let database = searchable();
            database.execute("INSERT INTO t (rowid, x) VALUES (77, ?1)", [words.join(" ")]).unwrap();
            let mut typed = words.clone();
            if let Some(last) = typed.last_mut() {
                last.truncate(cut);
            }
            let input = typed.iter().map(|word| format!("{mark}{word}")).collect::<Vec<_>>().join("  ");
            let found: Vec<i64> = database
                .prepare("SELECT rowid FROM t WHERE t MATCH ?1").unwrap()
                .query_map([query(&input).unwrap()], |row| row.get(0)).unwrap()
                .collect::<Result<_, _>>().unwrap();
            prop_assert!(found.contains(&77), "{input:?} does not find {words:?}");
        }
    }
}
