//! Text files by line, as `read_file_content` and its relatives handle them.

use massgen_tool::{CallContext, ToolOutcome, Touch, TouchKind};
use serde_json::{Map, Value};
use tokio::io::AsyncReadExt as _;

use super::{Surroundings, text};
use crate::paths::PathIntent;
use crate::text::bounded;

/// More than this is never read.
const FILE_BYTES_MAX: u64 = 32 << 20;

pub(super) async fn read(
    arguments: &Map<String, Value>,
    context: &CallContext,
    surroundings: &Surroundings,
) -> Result<ToolOutcome, String> {
    let wanted = text(arguments, "target_path")?;
    let path = surroundings.paths.resolve(wanted, PathIntent::Read, context)?;
    let content = load(wanted, &path).await?;
    let shown = match line_range(arguments)? {
        None => format!("Content of {wanted}:\n```\n{}```", bounded(&content, surroundings.output_bytes_max)),
        Some(range) => {
            let lines: Vec<&str> = content.split_inclusive('\n').collect();
            let (first, last) = resolve_range(range, lines.len())?;
            let selected = lines.get(first - 1..last).unwrap_or_default().iter().zip(first..);
            let numbered: String = selected.map(|(line, number)| format!("{number:4}│ {line}")).collect();
            let numbered = bounded(&numbered, surroundings.output_bytes_max);
            format!("Content of {wanted} (lines {first}-{last}):\n```\n{numbered}```")
        }
    };
    Ok(ToolOutcome::done(shown).touching([Touch { path, kind: TouchKind::Read }]))
}

pub(super) async fn save(
    arguments: &Map<String, Value>,
    context: &CallContext,
    surroundings: &Surroundings,
) -> Result<ToolOutcome, String> {
    let wanted = text(arguments, "target_path")?;
    let content = text(arguments, "file_content")?;
    let path = surroundings.paths.resolve(wanted, PathIntent::Write, context)?;
    if arguments.get("create_dirs").and_then(Value::as_bool).unwrap_or(true)
        && let Some(parent) = path.parent()
    {
        tokio::fs::create_dir_all(parent)
            .await
            .map_err(|error| format!("cannot create folders of {wanted}: {error}"))?;
    }
    tokio::fs::write(&path, content).await.map_err(|error| format!("cannot write {wanted}: {error}"))?;
    Ok(ToolOutcome::done(format!("Successfully wrote {} characters to {wanted}", content.chars().count())))
}

pub(super) async fn append(
    arguments: &Map<String, Value>,
    context: &CallContext,
    surroundings: &Surroundings,
) -> Result<ToolOutcome, String> {
    let wanted = text(arguments, "target_path")?;
    let addition = text(arguments, "additional_content")?;
    let path = surroundings.paths.resolve(wanted, PathIntent::Write, context)?;
    let mut content = load(wanted, &path).await?;
    match arguments.get("line_position") {
        None | Some(Value::Null) => content.push_str(addition),
        Some(position) => {
            let mut lines: Vec<&str> = content.split_inclusive('\n').collect();
            let position = position.as_u64().and_then(|position| usize::try_from(position).ok());
            let Some(index) = position.and_then(|at| at.checked_sub(1)).filter(|index| *index <= lines.len()) else {
                return Err(format!("`line_position` must be from 1 to {}", lines.len() + 1));
            };
            let line = if addition.ends_with('\n') { addition.to_owned() } else { format!("{addition}\n") };
            lines.insert(index, &line);
            content = lines.concat();
        }
    }
    tokio::fs::write(&path, &content).await.map_err(|error| format!("cannot write {wanted}: {error}"))?;
    Ok(ToolOutcome::done(format!("Successfully added {} characters to {wanted}", addition.chars().count())))
}

async fn load(wanted: &str, path: &std::path::Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("cannot read {wanted}: {error}");
    // What is not a file, such as a named pipe, might never end.
    let found = tokio::fs::metadata(path).await.map_err(failed)?;
    if !found.is_file() {
        return Err(format!("cannot read {wanted}: it is not a file"));
    }
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).await.map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("cannot read {wanted}: it is larger than {} MiB", FILE_BYTES_MAX >> 20));
    }
    String::from_utf8(bytes).map_err(|_| format!("cannot read {wanted}: it is not a text in UTF-8"))
}

fn line_range(arguments: &Map<String, Value>) -> Result<Option<(i64, i64)>, String> {
    match arguments.get("line_range") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(pair)) => match pair.as_slice() {
            [first, last] => match (first.as_i64(), last.as_i64()) {
                (Some(first), Some(last)) => Ok(Some((first, last))),
                _ => Err("`line_range` must be two whole numbers".to_owned()),
            },
            _ => Err("`line_range` must be two whole numbers".to_owned()),
        },
        Some(_) => Err("`line_range` must be two whole numbers".to_owned()),
    }
}

/// First and last line, counted from 1. Ranges of agents that reach before the first line begin there.
fn resolve_range((first, last): (i64, i64), lines: usize) -> Result<(usize, usize), String> {
    let absolute = |line: i64| {
        let count = i64::try_from(lines).unwrap_or(i64::MAX);
        usize::try_from(if line < 0 { count.saturating_add(line).saturating_add(1).max(1) } else { line }).unwrap_or(0)
    };
    let (first, last) = (absolute(first), absolute(last));
    if first == 0 || first > last || last > lines {
        return Err(format!("there are no lines {first} to {last}: the file has {lines}"));
    }
    Ok((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_count_from_both_ends() {
        assert_eq!(resolve_range((1, 3), 3), Ok((1, 3)));
        assert_eq!(resolve_range((-2, -1), 3), Ok((2, 3)));
        assert_eq!(resolve_range((-100, -1), 3), Ok((1, 3)));
        for wrong in [(0, 1), (2, 1), (1, 4)] {
            assert!(resolve_range(wrong, 3).is_err(), "{wrong:?}");
        }
        assert!(resolve_range((1, 1), 0).is_err());
        assert!(resolve_range((i64::MIN, i64::MAX), 3).is_err());
    }
}
