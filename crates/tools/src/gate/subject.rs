//! What a call is about: what rules are matched with.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use massgen_protocol::ToolCall;
use massgen_tool::{Effect, Tool};
use serde_json::{Map, Value};
use url::Url;

use crate::files::FilePlaces;

use super::Action;
use super::command_line::{CommandLine, Simple};
use super::glob::HOLE;
use super::hard_line::{self, is_harmless_device};
use super::risk::{self, Risk};

/// One thing that a call is about.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) action: Action,
    /// Whole, in words for the user; a path without links.
    pub(super) text: String,
    /// As the model wrote it.
    pub(super) said: String,
    pub(super) form: Form,
    pub(super) risk: Risk,
    /// Why no rule can allow it.
    pub(super) never: Option<&'static str>,
    /// Whether it only adds to another subject: it may be denied or asked about, and is allowed with that one.
    pub(super) is_aside: bool,
}

/// How it is matched.
#[derive(Debug)]
pub(super) enum Form {
    /// A simple command of a line that is or is not plain.
    Command {
        part: Simple,
        line: String,
        is_plain: bool,
        /// The folders that it may run in.
        folders: Vec<PathBuf>,
    },
    /// A path without links, as far as that can be told now.
    Path {
        path: PathBuf,
        /// Whether all beneath it is meant.
        is_deep: bool,
        /// Whether it is in the agent's workspace or its copies.
        is_own: bool,
        /// Whether no part of it is only known to the shell.
        is_known: bool,
    },
    /// An address; `None` where it is none.
    Url(Option<Url>),
    /// The names that a tool goes by.
    Names(Vec<String>),
}

/// How a path argument is used.
type Use = (&'static str, Action, bool);

const READ: Action = Action::ReadFile;
const WRITE: Action = Action::WriteFile;

/// The path arguments of file tools: name, action, whether all beneath is meant.
fn path_uses(bare: &str) -> Option<&'static [Use]> {
    Some(match bare {
        "read_text_file"
        | "read_file"
        | "read_media_file"
        | "get_file_info"
        | "list_directory"
        | "list_directory_with_sizes" => &[("path", READ, false)],
        "read_multiple_files" => &[("paths", READ, false)],
        "directory_tree" | "search_files" | "grep" => &[("path", READ, true)],
        "write_file" | "edit_file" | "create_directory" => &[("path", WRITE, false)],
        "move_file" => &[("source", WRITE, true), ("destination", WRITE, false)],
        "copy_file" => &[("source_path", READ, true), ("destination_path", WRITE, false)],
        "copy_files_batch" => &[("source_base_path", READ, true), ("destination_base_path", WRITE, false)],
        "delete_file" => &[("path", WRITE, true)],
        "delete_files_batch" => &[("base_path", WRITE, true)],
        "compare_directories" => &[("dir1", READ, true), ("dir2", READ, true)],
        "compare_files" => &[("file1", READ, false), ("file2", READ, false)],
        "list_allowed_directories" => &[],
        _ => return None,
    })
}

/// Other names that the file tools take for their arguments.
fn aliases(name: &str) -> &'static [&'static str] {
    match name {
        "path" => &["file_path", "directory_path"],
        "source" => &["source_path"],
        "destination" => &["destination_path"],
        "source_path" => &["source"],
        "destination_path" => &["destination"],
        _ => &[],
    }
}

/// What `call` is about. Looks at links on disk.
pub(super) fn subjects(tool: &Tool, call: &ToolCall, places: &FilePlaces) -> Vec<Subject> {
    let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
    let empty = Map::new();
    let arguments = arguments.as_object().unwrap_or(&empty);
    let bare = call.name.rsplit("__").next().unwrap_or(&call.name);
    let is_of = |server: &str| call.name.strip_prefix("mcp__").is_some_and(|rest| rest.starts_with(server));
    let is_shell = matches!(bare, "execute_command" | "start_background_shell")
        && (is_of("command_line__") || !call.name.contains("__"));
    if is_shell && let Some(command) = arguments.get("command").and_then(Value::as_str) {
        let folder = arguments
            .get("work_dir")
            .and_then(Value::as_str)
            .map_or_else(|| places.workspace.clone(), |folder| places.workspace.join(folder));
        return of_command(command, &folder, places);
    }
    let is_for_files = is_of("filesystem__") || is_of("workspace_tools__");
    if is_for_files && let Some(uses) = path_uses(bare) {
        return uses.iter().flat_map(|path_use| of_arguments(arguments, *path_use, places)).collect();
    }
    let risk = match tool.effect {
        Effect::None | Effect::Own => Risk::Low,
        Effect::Outside => Risk::Medium,
    };
    let action = if call.name.starts_with("mcp__") { Action::Mcp } else { Action::Any };
    let names = names_of(&call.name);
    let (text, said) = (call.name.clone(), call.name.clone());
    let mut subjects =
        vec![Subject { action, text, said, form: Form::Names(names), risk, never: None, is_aside: false }];
    subjects.extend(addresses(arguments));
    subjects
}

fn names_of(name: &str) -> Vec<String> {
    let mut names = vec![name.to_owned()];
    if let Some(rest) = name.strip_prefix("mcp__") {
        names.push(rest.to_owned());
        if let Some((server, tool)) = rest.split_once("__") {
            names.extend([format!("{server}/{tool}"), format!("{server}.{tool}"), server.to_owned()]);
        }
    }
    names
}

fn addresses(arguments: &Map<String, Value>) -> impl Iterator<Item = Subject> {
    let texts = arguments.iter().filter(|(name, _)| matches!(name.as_str(), "url" | "uri" | "urls" | "endpoint"));
    let texts = texts.flat_map(|(_, value)| match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        other => other.as_str().map(str::to_owned).into_iter().collect::<Vec<_>>(),
    });
    texts.map(|text| {
        let form = Form::Url(Url::parse(&text).ok());
        Subject {
            action: Action::ReadUrl,
            said: text.clone(),
            text,
            form,
            risk: Risk::Medium,
            never: None,
            is_aside: true,
        }
    })
}

fn of_arguments(arguments: &Map<String, Value>, (name, action, is_deep): Use, places: &FilePlaces) -> Vec<Subject> {
    let names = std::iter::once(&name).chain(aliases(name));
    let value = names.filter_map(|name| arguments.get(*name)).find(|value| !value.is_null());
    let texts: Vec<&str> = match value {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(text)) if text.is_empty() => vec!["."],
        Some(Value::String(text)) => vec![text],
        _ => vec!["."],
    };
    texts.into_iter().map(|text| of_path(text, &places.workspace, action, is_deep, places)).collect()
}

fn of_path(text: &str, folder: &Path, action: Action, is_deep: bool, places: &FilePlaces) -> Subject {
    let home = text.strip_prefix("~/").and_then(|rest| Some(std::env::home_dir()?.join(rest)));
    let joined = home.unwrap_or_else(|| folder.join(text));
    let path = real_path(&joined);
    let own = [&places.workspace, &places.views].into_iter().filter(|place| place.is_absolute());
    let is_known = !joined.to_string_lossy().contains(HOLE);
    let is_own = is_known && own.map(|place| real_path(place)).any(|place| path.starts_with(place));
    let never = if action == Action::WriteFile { hard_line::of_path(&path) } else { None };
    let risk = if action == Action::ReadFile || is_own { Risk::Low } else { Risk::Medium };
    let (said, text) = (text.replace(HOLE, "?"), path.display().to_string().replace(HOLE, "?"));
    Subject { action, text, said, form: Form::Path { path, is_deep, is_own, is_known }, risk, never, is_aside: false }
}

fn of_command(command: &str, folder: &Path, places: &FilePlaces) -> Vec<Subject> {
    let line = CommandLine::parse(command);
    let never = hard_line::of_command_line(command, &line);
    let is_plain = line.is_plain();
    let mut subjects = Vec::new();
    let mut folders = vec![folder.to_owned()];
    for part in line.parts {
        let mut targets = Vec::new();
        for (texts, action) in [(&part.writes, Action::WriteFile), (&part.reads, Action::ReadFile)] {
            for text in texts.iter().filter(|text| !is_harmless_device(text)) {
                targets.extend(folders.iter().map(|folder| of_path(text, folder, action, false, places)));
            }
        }
        if let Some(next) = next_folder(&part, &folders) {
            folders.push(next);
        }
        if !part.words.is_empty() {
            let is_unknown = part.has_hole() || line.opaque.is_some();
            let risk = risk::of_command(&part).max(if is_unknown { Risk::Medium } else { Risk::Low });
            let text = part.text().replace(HOLE, "?");
            let form = Form::Command { part, line: command.to_owned(), is_plain, folders: folders.clone() };
            subjects.push(Subject {
                action: Action::Command,
                said: text.clone(),
                text,
                form,
                risk,
                never,
                is_aside: false,
            });
        }
        subjects.extend(targets);
    }
    if subjects.is_empty() || !is_plain {
        // What stands for the line as a whole.
        let part = Simple { words: vec![command.to_owned()], ..Simple::default() };
        let form = Form::Command { part, line: command.to_owned(), is_plain: false, folders };
        let text = command.to_owned();
        subjects.push(Subject {
            action: Action::Command,
            said: text.clone(),
            text,
            form,
            risk: Risk::Medium,
            never,
            is_aside: false,
        });
    }
    subjects
}

/// Where commands behind a `cd` may run: whether it is reached, only the shell knows.
fn next_folder(part: &Simple, folders: &[PathBuf]) -> Option<PathBuf> {
    let is_move = part.words.first().is_some_and(|name| name == "cd" || name == "pushd");
    let target = part.words.iter().skip(1).find(|word| !word.starts_with('-'));
    match (is_move, target, folders.last()) {
        (true, Some(target), Some(folder)) => Some(folder.join(target)),
        (true, ..) => Some(PathBuf::from(HOLE.to_string())),
        _ => None,
    }
}

/// `path` without links and `..`, as far as it exists; the rest by its words.
pub(super) fn real_path(path: &Path) -> PathBuf {
    let mut done = PathBuf::from("/");
    let mut ahead: Vec<OsString> = parts(path);
    let mut links = 0;
    while let Some(part) = ahead.pop() {
        if part == ".." {
            done.pop();
            continue;
        }
        let next = done.join(&part);
        match std::fs::read_link(&next) {
            Ok(target) if links < 40 => {
                links += 1;
                if target.is_absolute() {
                    done = PathBuf::from("/");
                }
                ahead.extend(parts(&target));
            }
            _ => done = next,
        }
    }
    done
}

/// The parts of a path, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let part = |component: Component<'_>| match component {
        Component::ParentDir => Some(OsString::from("..")),
        Component::Normal(name) => Some(name.to_owned()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    };
    path.components().rev().filter_map(part).collect()
}
