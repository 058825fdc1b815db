//! `${NAME}` and `${NAME:-default}`.

use massgen_protocol::names_a_secret;

use crate::Environment;

/// The one name that is no variable: an agent's workspace, which is only known when the run starts.
const WORKSPACE: &str = "cwd";

/// What a text says once its references are replaced.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expanded {
    /// The text; a reference that stands for nothing is still there.
    pub(crate) text: String,
    /// Whether anything was replaced.
    pub(crate) changed: bool,
    /// The references that could not be replaced.
    pub(crate) left: Vec<Left>,
}

/// A reference that was not replaced.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// The variable is not set.
    Unset(String),
    /// The variable looks like a key, and the text is for a model.
    Secret(String),
}

/// What the text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// For massgen or a provider.
    Setting,
    /// For a model to read.
    Prose,
}

/// Replaces the references in `text`. `$${NAME}` stands for `${NAME}` itself.
pub(crate) fn expand(text: &str, environment: &Environment, purpose: Use) -> Expanded {
    let mut expanded = Expanded { text: String::new(), changed: false, left: Vec::new() };
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        expanded.text.push_str(before);
        let Some((reference, behind)) = Reference::parse(after) else {
            expanded.text.push_str("${");
            rest = after;
            continue;
        };
        rest = behind;
        let written = format!("${{{}}}", reference.written);
        if before.ends_with('$') {
            // The escape's first `$` is already there: drop it.
            expanded.text.pop();
            expanded.text.push_str(&written);
            expanded.changed = true;
            continue;
        }
        match reference.value(environment, purpose) {
            Ok(Some(value)) => {
                expanded.text.push_str(&value);
                expanded.changed = true;
            }
            Ok(None) => expanded.text.push_str(&written),
            Err(left) => {
                expanded.text.push_str(&written);
                expanded.left.push(left);
            }
        }
    }
    expanded.text.push_str(rest);
    expanded
}

struct Reference<'a> {
    name: &'a str,
    default: Option<&'a str>,
    written: &'a str,
}

impl<'a> Reference<'a> {
    /// Parses what stands after `${`, and what comes behind the closing brace.
    fn parse(after: &'a str) -> Option<(Self, &'a str)> {
        let (written, behind) = after.split_once('}')?;
        let (name, default) = written.split_once(":-").map_or((written, None), |(name, default)| (name, Some(default)));
        let named = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        named.then_some((Self { name, default, written }, behind))
    }

    /// The value, or `None` for a reference that others resolve.
    fn value(&self, environment: &Environment, purpose: Use) -> Result<Option<String>, Left> {
        if self.name == WORKSPACE {
            return Ok(None);
        }
        if purpose == Use::Prose && names_a_secret(self.name) {
            return Err(Left::Secret(self.name.to_owned()));
        }
        match environment.var(self.name).or(self.default) {
            Some(value) => Ok(Some(value.to_owned())),
            None => Err(Left::Unset(self.name.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, purpose: Use) -> (String, Vec<Left>) {
        let vars = [("A", "one"), ("B", "two"), ("EMPTY", ""), ("NESTED", "${A}"), ("MY_KEY", "k")];
        let vars = vars.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let expanded = expand(text, &Environment { vars, ..Environment::default() }, purpose);
        assert_eq!(expanded.changed, expanded.text != text, "{text}");
        (expanded.text, expanded.left)
    }

    #[test]
    fn references_are_replaced_once() {
        for (text, value) in [
            ("plain $A {A} $", "plain $A {A} $"),
            ("${A}", "one"),
            ("x${A}y${B}z", "xoneytwoz"),
            ("${C:-three}", "three"),
            ("${EMPTY:-full}", "full"),
            ("${C:-}", ""),
            ("${A:-x}", "one"),
            ("${NESTED}", "${A}"),
            ("$${A}", "${A}"),
            ("${cwd}/out", "${cwd}/out"),
            ("${1}", "${1}"),
            ("${A B}", "${A B}"),
            ("${", "${"),
            ("${A", "${A"),
            ("${}", "${}"),
            ("${${A}}", "${one}"),
        ] {
            assert_eq!(check(text, Use::Setting), (value.to_owned(), vec![]), "{text}");
        }
    }

    #[test]
    fn what_is_not_set_is_named_and_stays() {
        let (text, left) = check("${A} ${C} ${EMPTY}", Use::Setting);
        assert_eq!(text, "one ${C} ${EMPTY}");
        assert_eq!(left, [Left::Unset("C".to_owned()), Left::Unset("EMPTY".to_owned())]);
    }

    #[test]
    fn a_key_is_never_told_to_a_model() {
        assert_eq!(check("${MY_KEY}", Use::Setting).0, "k");
        let (text, left) = check("${A} ${MY_KEY}", Use::Prose);
        assert_eq!(text, "one ${MY_KEY}");
        assert_eq!(left, [Left::Secret("MY_KEY".to_owned())]);
    }
}
