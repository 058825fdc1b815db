//! What users do with configs: those in the wild, typical mistakes, and anything at all.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

/// Prints past the test harness, which keeps what passing tests print.
macro_rules! state {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        // Where nobody reads it, nothing is lost.
        let _ = writeln!(std::io::stderr(), $($words)*);
    }};
}

mod corpus;
mod fuzz;
mod media;
mod mistakes;
mod options;
mod round_trip;
mod secrets;
mod tools;
mod work;

use std::path::{Path, PathBuf};

use massgen_config::{Environment, Format, Loaded, SourceText, load};

/// Loads a YAML text without variables.
fn load_yaml(text: &str) -> Loaded {
    load(&SourceText::new("team.yaml", text, Format::Yaml), &Environment::default())
}

/// The configs of the reference, if they are on this machine; says so if they are not.
fn corpus() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/configs-0.1.23");
    let mut files = Vec::new();
    if root.is_dir() {
        collect(&root, &mut files);
    } else {
        state!("SKIPPED: the configs of the reference are not at {}", root.display());
    }
    files.sort();
    let read = |path: &PathBuf| {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).unwrap())
    };
    files.iter().map(read).collect()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if matches!(path.extension().and_then(|suffix| suffix.to_str()), Some("yaml" | "yml")) {
            files.push(path);
        }
    }
}
