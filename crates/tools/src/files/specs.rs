//! What models are told of the file tools: sent with every call, so in as few words as will do.

use std::sync::LazyLock;

use massgen_protocol::ToolSpec;
use massgen_tool::{Effect, Tool};
use serde_json::{Map, Value, json};

const FILESYSTEM: &str = "mcp__filesystem__";
const WORKSPACE: &str = "mcp__workspace_tools__";

/// The tools.
pub(super) fn tools() -> Vec<Tool> {
    TOOLS.clone()
}

/// The name of a file tool without its server's.
pub(super) fn bare_name(name: &str) -> Option<&str> {
    name.strip_prefix(FILESYSTEM).or_else(|| name.strip_prefix(WORKSPACE))
}

/// The arguments of a tool in short: `{path, head?}`.
pub(super) fn usage(bare: &str) -> String {
    let tool = TOOLS.iter().find(|tool| bare_name(&tool.spec.name) == Some(bare));
    let Some(parameters) = tool.map(|tool| &tool.spec.parameters) else { return "{}".to_owned() };
    let is_required = |name: &str| {
        let required = parameters.get("required").and_then(Value::as_array);
        required.is_some_and(|names| names.iter().any(|required| required == name))
    };
    let properties = parameters.get("properties").and_then(Value::as_object);
    let names = properties.into_iter().flat_map(Map::keys);
    let names: Vec<_> = names.map(|name| if is_required(name) { name.clone() } else { format!("{name}?") }).collect();
    format!("{{{}}}", names.join(", "))
}

static TOOLS: LazyLock<Vec<Tool>> = LazyLock::new(|| {
    let (text, number, flag, texts) = (text(), number(), flag(), texts());
    let paged = |mut properties: Vec<(&'static str, Value)>| {
        properties.extend([("offset", number.clone()), ("limit", number.clone())]);
        properties
    };
    let path = || ("path", text.clone());
    vec![
        reads(
            "read_text_file",
            "Read a text file, whole or some lines.",
            paged(vec![
                path(),
                ("head", number.clone()),
                ("tail", number.clone()),
                ("numbers", json!({"type": "boolean", "description": "Show line numbers"})),
            ]),
            &["path"],
        ),
        reads("read_multiple_files", "Read several text files.", vec![("paths", texts.clone())], &["paths"]),
        writes(
            "write_file",
            "Create or overwrite a file; folders are made as needed.",
            vec![path(), ("content", text.clone())],
            &["path", "content"],
        ),
        writes(
            "edit_file",
            "Replace texts in a file, all or nothing; each oldText must occur exactly once. Returns a diff.",
            vec![path(), ("edits", edits()), ("dryRun", flag.clone())],
            &["path", "edits"],
        ),
        writes("create_directory", "Create a folder and its parents.", vec![path()], &["path"]),
        reads("list_directory", "List a folder.", paged(vec![path()]), &[]),
        reads(
            "list_directory_with_sizes",
            "List a folder with sizes.",
            paged(vec![path(), ("sortBy", json!({"enum": ["name", "size"]}))]),
            &[],
        ),
        reads(
            "directory_tree",
            "Show a folder and what is in it as a tree.",
            paged(vec![path(), ("depth", number.clone()), ("excludePatterns", texts.clone())]),
            &[],
        ),
        writes(
            "move_file",
            "Move or rename a file or folder; the destination must not exist.",
            vec![("source", text.clone()), ("destination", text.clone())],
            &["source", "destination"],
        ),
        reads(
            "search_files",
            "Find files by name, such as *.py or src/**/test_*.",
            paged(vec![path(), ("pattern", text.clone()), ("excludePatterns", texts.clone())]),
            &["pattern"],
        ),
        reads(
            "grep",
            "Find lines by a regular expression; ignored and binary files are left out.",
            paged(vec![
                ("pattern", text.clone()),
                path(),
                ("glob", text.clone()),
                ("context", number.clone()),
                ("ignoreCase", flag.clone()),
                ("output", json!({"enum": ["lines", "files", "count"]})),
            ]),
            &["pattern"],
        ),
        reads("get_file_info", "Size, type, times and permissions of a file or folder.", vec![path()], &["path"]),
        reads("list_allowed_directories", "List where you may read and write.", vec![], &[]),
        writes(
            "copy_file",
            "Copy a file or folder.",
            vec![("source_path", text.clone()), ("destination_path", text.clone()), ("overwrite", flag.clone())],
            &["source_path", "destination_path"],
        ),
        writes(
            "copy_files_batch",
            "Copy the files of a folder that match globs.",
            vec![
                ("source_base_path", text.clone()),
                ("destination_base_path", text.clone()),
                ("include_patterns", texts.clone()),
                ("exclude_patterns", texts.clone()),
                ("overwrite", flag.clone()),
            ],
            &["source_base_path"],
        ),
        writes(
            "delete_file",
            "Delete a file, or a folder with recursive.",
            vec![path(), ("recursive", flag.clone())],
            &["path"],
        ),
        writes(
            "delete_files_batch",
            "Delete the files of a folder that match globs.",
            vec![("base_path", text.clone()), ("include_patterns", texts.clone()), ("exclude_patterns", texts.clone())],
            &["base_path", "include_patterns"],
        ),
        reads(
            "compare_directories",
            "Compare two folders.",
            vec![
                ("dir1", text.clone()),
                ("dir2", text.clone()),
                ("show_content_diff", flag.clone()),
                ("offset", number.clone()),
            ],
            &["dir1", "dir2"],
        ),
        reads(
            "compare_files",
            "Show a diff of two text files.",
            vec![
                ("file1", text.clone()),
                ("file2", text.clone()),
                ("ignore_whitespace", flag.clone()),
                ("offset", number.clone()),
            ],
            &["file1", "file2"],
        ),
    ]
});

/// The tools that the reference gives to its second server.
const WORKSPACE_TOOLS: [&str; 6] =
    ["copy_file", "copy_files_batch", "delete_file", "delete_files_batch", "compare_directories", "compare_files"];

fn reads(name: &str, description: &str, properties: Vec<(&str, Value)>, required: &[&str]) -> Tool {
    tool(name, description, properties, required, Effect::None)
}

fn writes(name: &str, description: &str, properties: Vec<(&str, Value)>, required: &[&str]) -> Tool {
    tool(name, description, properties, required, Effect::Own)
}

fn tool(name: &str, description: &str, properties: Vec<(&str, Value)>, required: &[&str], effect: Effect) -> Tool {
    let server = if WORKSPACE_TOOLS.contains(&name) { WORKSPACE } else { FILESYSTEM };
    let properties: Map<_, _> = properties.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    let mut parameters = json!({"type": "object", "properties": properties});
    if let (false, Some(map)) = (required.is_empty(), parameters.as_object_mut()) {
        map.insert("required".to_owned(), json!(required));
    }
    let spec = ToolSpec { name: format!("{server}{name}"), description: description.to_owned(), parameters };
    Tool { spec, effect }
}

fn text() -> Value {
    json!({"type": "string"})
}

fn number() -> Value {
    json!({"type": "integer"})
}

fn flag() -> Value {
    json!({"type": "boolean"})
}

fn texts() -> Value {
    json!({"type": "array", "items": {"type": "string"}})
}

fn edits() -> Value {
    let edit = json!({
        "type": "object",
        "properties": {"oldText": text(), "newText": text()},
        "required": ["oldText", "newText"],
    });
    json!({"type": "array", "items": edit})
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sent with each model call: about four bytes are a token.
    const BYTES_MAX: usize = 9 * 1024;

    #[test]
    fn the_schemas_stay_small() {
        let sent = |Tool { spec, .. }: &Tool| json!({"name": spec.name, "description": spec.description, "parameters": spec.parameters});
        let bytes: usize = tools().iter().map(|tool| sent(tool).to_string().len()).sum();
        eprintln!("{} file tools, {bytes} bytes of schemas", tools().len());
        assert!(bytes < BYTES_MAX, "{bytes}");
    }

    #[test]
    fn usage_names_what_may_be_left_out() {
        assert_eq!(usage("edit_file"), "{path, edits, dryRun?}");
        assert_eq!(usage("list_allowed_directories"), "{}");
    }
}
