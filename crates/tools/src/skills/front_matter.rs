//! The front matter of a `SKILL.md`: YAML between two lines of `---`.

use serde::Deserialize;

/// What it says; other keys are for other programs.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct FrontMatter {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
}

/// Reads the front matter of `text`; why there is none otherwise.
pub(super) fn parse(text: &str) -> Result<FrontMatter, String> {
    let text = text.trim_start_matches('\u{feff}');
    let mut lines = text.lines();
    if lines.next().map(str::trim_end) != Some("---") {
        return Err("it does not begin with a line `---` and YAML".to_owned());
    }
    let mut yaml = String::new();
    for line in lines {
        if line.trim_end() == "---" {
            return serde_saphyr::from_str(&yaml).map_err(|error| {
                let message = error.to_string();
                format!("its YAML is not valid: {}", message.lines().next().unwrap_or_default())
            });
        }
        yaml.push_str(line);
        yaml.push('\n');
    }
    Err("its YAML is not closed by a line `---`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_needs() {
        let text = "---\nname: pdf\ndescription: >-\n  Fill in\n  forms\nlicense: x\n---\n# Body\n---\n";
        let matter = parse(text).unwrap();
        assert_eq!(matter, FrontMatter { name: Some("pdf".to_owned()), description: Some("Fill in forms".to_owned()) });
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, part) in [
            ("# Title", "does not begin"),
            ("---\nname: x\n", "not closed"),
            ("---\nname: [\n---\n", "not valid"),
            ("---\nname: [a]\n---\n", "not valid"),
        ] {
            assert!(parse(text).unwrap_err().contains(part), "{text}");
        }
    }
}
