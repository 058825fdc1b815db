//! Skills: folders with a `SKILL.md` that says how to do something, listed by name and read on demand.

mod front_matter;
mod notes;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;
use massgen_protocol::{ToolCall, ToolSpec};
use massgen_tool::{CallContext, Effect, Tool, ToolOutcome, ToolSource};
use serde::Deserialize;
use serde_json::json;

pub use notes::project_notes;

/// The file that makes a folder a skill.
const FILE: &str = "SKILL.md";

/// How much of a file of a skill one result carries, in bytes.
const READ_BYTES_MAX: usize = 64 * 1024;

/// How many bytes of all skills together the listing takes.
const LISTING_BYTES_MAX: usize = 12 * 1024;

/// How many characters of one description the listing takes.
const DESCRIPTION_CHARACTERS_MAX: usize = 300;

/// How many files of a skill are named.
const FILES_MAX: usize = 50;

/// How deep a skill's files are named.
const DEPTH_MAX: usize = 4;

const TOOL: &str = "read_skill";

/// The skills that agents can read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skills {
    skills: BTreeMap<String, Skill>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Skill {
    description: String,
    /// Without links.
    folder: PathBuf,
}

/// Where skills are looked for, the first first: the project's, the user's, then the configured folder.
#[must_use]
pub fn usual_folders(project: &Path, home: Option<&Path>, configured: Option<&Path>) -> Vec<PathBuf> {
    let mut folders = vec![project.join(".agent/skills"), project.join(".claude/skills")];
    folders.extend(home.map(|home| home.join(".massgen/skills")));
    folders.extend(configured.map(|folder| project.join(folder)));
    folders
}

impl Skills {
    /// Looks for skills in `folders`: each folder in them with a `SKILL.md`. Of two of one name the first counts. What
    /// is not valid, or there twice, is told, a line each. A folder that does not exist has none. Blocks.
    #[must_use]
    pub fn discover<P: AsRef<Path>>(folders: &[P]) -> (Self, Vec<String>) {
        let mut found = Self::default();
        let mut notices = Vec::new();
        for folder in folders {
            let Ok(entries) = std::fs::read_dir(folder) else { continue };
            let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
            paths.sort();
            for path in paths.into_iter().filter(|path| path.join(FILE).is_file()) {
                if let Err(why) = found.add(&path) {
                    notices.push(format!("skill {}: {why}", path.display()));
                }
            }
        }
        (found, notices)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.skills.is_empty()
    }

    /// The skills for a system prompt, a line each, long descriptions cut; it says how many were left out.
    #[must_use]
    pub fn listing(&self) -> String {
        let mut text = String::new();
        for (index, (name, skill)) in self.skills.iter().enumerate() {
            let line = format!("- {name}: {}\n", skill.description);
            if text.len() + line.len() > LISTING_BYTES_MAX {
                text.push_str(&format!("- and {} more: read_skill tells their names\n", self.skills.len() - index));
                break;
            }
            text.push_str(&line);
        }
        text
    }

    fn add(&mut self, path: &Path) -> Result<(), String> {
        let folder = std::fs::canonicalize(path).map_err(|error| format!("it cannot be opened: {error}"))?;
        let text = read_text(&folder, FILE)?;
        let matter = front_matter::parse(&text)?;
        let folder_name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name = matter.name.filter(|name| !name.trim().is_empty()).unwrap_or(folder_name).trim().to_owned();
        let is_name = |character: char| character.is_alphanumeric() || "-_.: ".contains(character);
        if name.is_empty() || name.chars().count() > 100 || !name.chars().all(is_name) {
            return Err(
                "its name has characters other than letters, digits, `-`, `_` and `.`, or is too long".to_owned()
            );
        }
        let description = matter.description.unwrap_or_default();
        let words: Vec<_> = description.split_whitespace().collect();
        if words.is_empty() {
            return Err("it has no description, so nobody would know when to read it".to_owned());
        }
        let whole = words.join(" ");
        let mut description: String = whole.chars().take(DESCRIPTION_CHARACTERS_MAX).collect();
        if description.len() < whole.len() {
            description.push_str("...");
        }
        if let Some(other) = self.skills.get(&name) {
            return Err(format!("there is already a skill `{name}` in {}, which is used", other.folder.display()));
        }
        self.skills.insert(name, Skill { description, folder });
        Ok(())
    }

    fn read(&self, arguments: &str) -> Result<String, String> {
        let Arguments { name, file } = serde_json::from_str(arguments)
            .map_err(|error| format!("the arguments of {TOOL} do not fit: {error}; they are {{name, file?}}"))?;
        let Some(skill) = self.skills.get(&name) else {
            let names: Vec<_> = self.skills.keys().map(String::as_str).collect();
            return Err(format!("there is no skill `{name}`; there are: {}", names.join(", ")));
        };
        let Some(file) = file.filter(|file| !file.is_empty() && file != FILE) else {
            let mut text = read_text(&skill.folder, FILE)?;
            let files = files_of(&skill.folder);
            if !files.is_empty() {
                text.push_str(&format!("\n[further files, to be read by their names: {}]", files.join(", ")));
            }
            return Ok(text);
        };
        read_text(&skill.folder, &file)
    }
}

impl ToolSource for Skills {
    fn name(&self) -> &str {
        "skills"
    }

    fn tools(&self) -> Vec<Tool> {
        if self.is_empty() {
            return Vec::new();
        }
        let parameters = json!({
            "type": "object",
            "properties": {"name": {"type": "string"}, "file": {"type": "string"}},
            "required": ["name"],
        });
        let description = "Read a skill's instructions, or a file of it.".to_owned();
        vec![Tool { spec: ToolSpec { name: TOOL.to_owned(), description, parameters }, effect: Effect::None }]
    }

    fn call<'a>(&'a self, call: &'a ToolCall, _: &'a CallContext) -> BoxFuture<'a, ToolOutcome> {
        Box::pin(async move {
            let (skills, arguments) = (self.clone(), call.arguments.clone());
            let read = tokio::task::spawn_blocking(move || skills.read(&arguments)).await;
            match read {
                Ok(Ok(text)) => ToolOutcome::done(text),
                Ok(Err(why)) => ToolOutcome::failed(why),
                Err(_) => ToolOutcome::failed("reading the skill failed with an internal error; please report it"),
            }
        })
    }
}

#[derive(Debug, Deserialize)]
struct Arguments {
    name: String,
    file: Option<String>,
}

/// The text of a file in a skill's folder, which is without links; nothing outside is read.
fn read_text(folder: &Path, file: &str) -> Result<String, String> {
    let outside = || format!("`{file}` is not a file of this skill");
    let path = std::fs::canonicalize(folder.join(file)).map_err(|_| outside())?;
    if !path.starts_with(folder) || !path.is_file() {
        return Err(outside());
    }
    let mut bytes = Vec::new();
    let opened = File::open(&path).and_then(|file| file.take(READ_BYTES_MAX as u64 + 1).read_to_end(&mut bytes));
    opened.map_err(|error| format!("could not read `{file}`: {error}"))?;
    if bytes.contains(&0) {
        return Err(format!("`{file}` is not text; it is at {}", path.display()));
    }
    let is_cut = bytes.len() > READ_BYTES_MAX;
    bytes.truncate(READ_BYTES_MAX);
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if is_cut {
        text.push_str("\n[cut here: the file is longer]");
    }
    Ok(text)
}

/// The files of a skill beside its `SKILL.md`.
fn files_of(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![(folder.to_owned(), 1)];
    while let Some((here, depth)) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(here) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && depth < DEPTH_MAX {
                folders.push((path, depth + 1));
            } else if let (true, Ok(below)) = (kind.is_file(), path.strip_prefix(folder)) {
                files.push(below.display().to_string());
            }
        }
    }
    files.retain(|file| file != FILE);
    files.sort();
    let more = files.len().saturating_sub(FILES_MAX);
    files.truncate(FILES_MAX);
    if more > 0 {
        files.push(format!("and {more} more"));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skill(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join(FILE), text).unwrap();
        path
    }

    #[test]
    fn the_first_of_a_name_counts_and_the_rest_is_told() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        skill(first.path(), "pdf", "---\nname: pdf\ndescription: Forms.\n---\nFirst");
        skill(second.path(), "pdf2", "---\nname: pdf\ndescription: Other.\n---\nSecond");
        skill(second.path(), "plain", "no front matter");
        skill(second.path(), "by-folder", "---\ndescription: Named for\n  its folder.\n---\n");
        let (skills, notices) = Skills::discover(&[first.path(), second.path(), Path::new("/nowhere")]);
        assert_eq!(skills.listing(), "- by-folder: Named for its folder.\n- pdf: Forms.\n");
        assert_eq!(notices.len(), 2, "{notices:?}");
        assert!(notices[0].contains("already a skill `pdf`") && notices[1].contains("does not begin"));
        assert!(skills.read(r#"{"name":"pdf"}"#).unwrap().ends_with("First"));
    }

    #[test]
    fn only_files_of_the_skill_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = skill(folder.path(), "a", "---\ndescription: d\n---\nBody");
        std::fs::create_dir(path.join("scripts")).unwrap();
        std::fs::write(path.join("scripts/run.py"), "print(1)").unwrap();
        std::fs::write(folder.path().join("secret"), "key").unwrap();
        std::os::unix::fs::symlink("../secret", path.join("link")).unwrap();
        let (skills, _) = Skills::discover(&[folder.path()]);
        assert!(skills.read(r#"{"name":"a"}"#).unwrap().contains("by their names: scripts/run.py]"));
        assert_eq!(skills.read(r#"{"name":"a","file":"scripts/run.py"}"#).as_deref(), Ok("print(1)"));
        for file in ["../secret", "link", "/etc/passwd", "scripts", "nothing"] {
            let error = skills.read(&json!({"name": "a", "file": file}).to_string()).unwrap_err();
            assert_eq!(error, format!("`{file}` is not a file of this skill"));
        }
        assert!(skills.read(r#"{"name":"b"}"#).unwrap_err().contains("there are: a"));
    }

    #[test]
    fn the_listing_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..100 {
            let text = format!("---\ndescription: {}\n---\n", "word ".repeat(200));
            skill(folder.path(), &format!("skill-{number}"), &text);
        }
        let (skills, _) = Skills::discover(&[folder.path()]);
        let listing = skills.listing();
        assert!(listing.len() < LISTING_BYTES_MAX + 100 && listing.contains("more: read_skill"), "{}", listing.len());
    }
}
