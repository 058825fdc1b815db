//! Identifiers of Python.

use std::collections::BTreeSet;

/// Keywords, soft ones that confuse readers, and the names that generated modules use themselves.
const RESERVED: &[&str] = &[
    "Any",
    "Dict",
    "False",
    "List",
    "Literal",
    "None",
    "Optional",
    "True",
    "Union",
    "and",
    "annotations",
    "as",
    "assert",
    "async",
    "await",
    "break",
    "class",
    "continue",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "finally",
    "for",
    "from",
    "global",
    "if",
    "import",
    "in",
    "is",
    "lambda",
    "nonlocal",
    "not",
    "or",
    "pass",
    "raise",
    "return",
    "try",
    "while",
    "with",
    "yield",
];

/// Names are not longer than this.
const CHARS_MAX: usize = 80;

/// `name` as an identifier that is not in `taken`, which then has it. Comparison ignores case, for file systems that do.
pub(super) fn identifier(name: &str, fallback: &str, taken: &mut BTreeSet<String>) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let mut base: String = name.chars().map(fit).take(CHARS_MAX).collect();
    // A leading underscore would make it private, and `__init__` is taken by Python.
    if base.is_empty() || base.starts_with('_') || base.starts_with(|c: char| c.is_ascii_digit()) {
        base = format!("{fallback}_{}", base.trim_start_matches('_'));
        base.truncate(base.trim_end_matches('_').len().max(fallback.len()));
    }
    if RESERVED.contains(&base.as_str()) {
        base.push('_');
    }
    let mut unique = base.clone();
    let mut number = 2;
    while !taken.insert(unique.to_ascii_lowercase()) {
        unique = format!("{base}_{number}");
        number += 1;
    }
    unique
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_comes_is_made_an_identifier() {
        let mut taken = BTreeSet::new();
        let mut of = |name: &str| identifier(name, "tool", &mut taken);
        assert_eq!(of("read-file"), "read_file");
        assert_eq!(of("read.file"), "read_file_2");
        assert_eq!(of("Read_File"), "Read_File_3");
        assert_eq!(of("class"), "class_");
        assert_eq!(of("1st"), "tool_1st");
        assert_eq!(of("__init__"), "tool_init");
        assert_eq!(of(""), "tool");
        assert_eq!(of("größe"), "gr__e");
        assert_eq!(of("../../x"), "tool_x");
    }
}
