//! The configs that come with massgen.

use massgen_config::Example;

/// Includes a file of the `examples` folder.
macro_rules! example {
    ($name:literal) => {
        Example { name: concat!($name, ".yaml"), text: include_str!(concat!("../../../examples/", $name, ".yaml")) }
    };
}

/// All of them, the simplest first.
pub(crate) const EXAMPLES: &[Example] = &[
    example!("basics/one-agent"),
    example!("basics/three-agents"),
    example!("basics/same-model"),
    example!("basics/roles"),
    example!("basics/model-parameters"),
    example!("basics/variables"),
    example!("basics/default-question"),
    example!("providers/openai"),
    example!("providers/claude"),
    example!("providers/gemini"),
    example!("providers/grok"),
    example!("providers/openrouter"),
    example!("providers/azure"),
    example!("providers/any-compatible-server"),
    example!("teams/researchers"),
    example!("teams/calculators"),
    example!("teams/code-reviewers"),
    example!("teams/writers"),
    example!("teams/frugal"),
    example!("voting/strict"),
    example!("voting/everybody-first"),
    example!("voting/synthesis"),
    example!("voting/winner-as-it-is"),
    example!("limits/quick"),
    example!("limits/thorough"),
    example!("limits/for-scripts"),
    example!("local/ollama"),
    example!("local/servers"),
    example!("local/mixed"),
];

/// The team that rehearses where no team is configured.
pub(crate) const REHEARSED: &str = "@examples/basics/three-agents";

/// How the schema is named inside the `examples` folder.
const SCHEMA_LINE: &str = "# yaml-language-server:";

/// What an example shows: the first sentence of its comment.
pub(crate) fn summary(example: &Example) -> &'static str {
    let mut comments = example.text.lines().filter(|line| !line.starts_with(SCHEMA_LINE));
    comments.next().unwrap_or_default().trim_start_matches(['#', ' '])
}

/// The text for a file elsewhere, from which the schema of the `examples` folder is out of reach.
pub(crate) fn text(example: &Example) -> String {
    example.text.lines().filter(|line| !line.starts_with(SCHEMA_LINE)).flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use massgen_config::{Environment, Format, SourceText, load};

    use super::*;

    fn files(folder: &Path, found: &mut BTreeSet<String>, root: &Path) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                files(&path, found, root);
            } else {
                found.insert(path.strip_prefix(root).expect("inside").to_string_lossy().replace('\\', "/"));
            }
        }
    }

    #[test]
    fn every_file_is_in_the_table_and_says_what_it_shows() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        let mut found = BTreeSet::new();
        files(&root, &mut found, &root);
        let listed: BTreeSet<String> = EXAMPLES.iter().map(|example| example.name.to_owned()).collect();
        assert_eq!(found, listed);
        for example in EXAMPLES {
            let mut lines = example.text.lines();
            let schema = "# yaml-language-server: $schema=../../schema/massgen.schema.json";
            assert_eq!(lines.next(), Some(schema), "{}", example.name);
            assert!(lines.next().is_some_and(|line| line.starts_with("# ") && line.len() > 20), "{}", example.name);
            assert!((20..=110).contains(&summary(example).len()), "{}", summary(example));
        }
        let stems: BTreeSet<&str> = EXAMPLES.iter().map(Example::stem).collect();
        assert_eq!(stems.len(), EXAMPLES.len(), "each can be called by its last name");
    }

    #[test]
    fn nothing_is_to_be_said_about_them() {
        for example in EXAMPLES {
            let loaded = load(&SourceText::new(example.name, text(example), Format::Yaml), &Environment::default());
            let said = loaded.diagnostics.render(massgen_config::Colour::Plain);
            assert!(loaded.config.is_some() && said.is_empty(), "{said}");
        }
    }
}
