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
    example!("tools/coder"),
    example!("tools/workspaces"),
    example!("tools/review"),
    example!("tools/docker"),
    example!("tools/permissions"),
    example!("tools/mcp-server"),
    example!("tools/planning"),
    example!("tools/custom-tool"),
    example!("tools/code-based"),
    example!("tools/skills"),
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
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
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

    /// What is to be said about a config, if anything.
    fn said_about(name: &str, text: String) -> Option<String> {
        let loaded = load(&SourceText::new(name, text, Format::Yaml), &Environment::default());
        let said = loaded.diagnostics.render(massgen_config::Colour::Plain);
        (loaded.config.is_none() || !said.is_empty()).then_some(said)
    }

    #[test]
    fn nothing_is_to_be_said_about_them() {
        for example in EXAMPLES {
            assert_eq!(said_about(example.name, text(example)), None);
        }
    }

    /// The blocks of a language in a page.
    fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
        let opening = format!("\n```{language}\n");
        let rest = page.split(opening.as_str()).skip(1);
        rest.map(|rest| rest.split("\n```").next().unwrap_or(rest)).collect()
    }

    /// A config is whole, and anything else is a part of an example, so that it loads as well.
    #[test]
    fn what_pages_show_of_configs_loads() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut count = 0;
        for page in ["README.md", "docs/tools.md"] {
            let text = std::fs::read_to_string(root.join(page)).expect("a page");
            for block in blocks(&text, "yaml") {
                count += 1;
                let is_shown = EXAMPLES.iter().any(|example| example.text.contains(&format!("\n{block}\n")));
                if block.starts_with("agents:") {
                    assert_eq!(said_about(page, block.to_owned()), None, "{page}: {block}");
                } else {
                    assert!(is_shown, "{page} shows what is not in an example:\n{block}");
                }
            }
        }
        assert!(count >= 10, "{count} blocks");
        let page = std::fs::read_to_string(root.join("docs/tools.md")).expect("a page");
        let function = std::fs::read_to_string(root.join("examples/tools/word_count.py")).expect("a file");
        assert!(blocks(&page, "python").contains(&function.trim_end()), "word_count.py is shown as it is");
        for example in EXAMPLES.iter().filter(|example| example.name.starts_with("tools/")) {
            assert!(page.contains(&format!("(../examples/{})", example.name)), "{} is not on the page", example.name);
        }
    }
}
