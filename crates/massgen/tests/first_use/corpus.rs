//! The configs of the Python MassGen.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use massgen_config::{Environment, Format, SourceText, TeamConfig, load};
use massgen_providers::Protocol;

use crate::newcomer::{Newcomer, Said, read};

/// Where they are, beside the workspace; `None`: they are not on this machine.
fn corpus() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/configs-0.1.23");
    root.is_dir().then_some(root)
}

fn configs(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            configs(&path, found);
        } else if path.extension().is_some_and(|suffix| suffix == "yaml" || suffix == "yml") {
            found.push(path);
        }
    }
}

/// Why a config is not run; `None`: it needs only model backends.
fn left_out(config: Option<&TeamConfig>) -> Option<String> {
    let Some(config) = config else { return Some("not a run config".to_owned()) };
    let others = config.agents.iter().map(|agent| agent.backend.kind).find(|kind| match kind.protocol {
        Protocol::Program | Protocol::Framework => true,
        Protocol::Responses | Protocol::ChatCompletions | Protocol::Messages | Protocol::Gemini => false,
    });
    others.map(|kind| format!("needs {}", kind.name))
}

#[test]
fn every_config_that_needs_only_model_backends_completes_a_run() {
    let Some(root) = corpus() else {
        state!("SKIPPED: the corpus is not on this machine: no config of the reference was run");
        return;
    };
    let mut paths = Vec::new();
    configs(&root, &mut paths);
    paths.sort();
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut to_run = Vec::new();
    let mut in_full = 0;
    for path in &paths {
        let name = path.strip_prefix(&root).expect("inside").display().to_string();
        let source = SourceText::new(name.as_str(), read(path), Format::Yaml);
        let loaded = load(&source, &Environment::default());
        match left_out(loaded.config.as_ref()) {
            Some(reason) => reasons.entry(reason).or_default().push(name),
            None => {
                in_full += usize::from(loaded.diagnostics.is_empty());
                to_run.push((name, path));
            }
        }
    }
    let failures = run_all(&to_run);
    state!("{} configs of the reference ran against the rehearsal provider", to_run.len() - failures.len());
    state!(
        "  {in_full} of them with nothing to be said, {} with options that are not built yet",
        to_run.len() - in_full
    );
    for (reason, names) in &reasons {
        state!("{} left out: {reason}", names.len());
        names.iter().for_each(|name| state!("  {name}"));
    }
    for (name, said) in &failures {
        state!("FAILED {name}: exit code {}\n{}\n{}", said.code, said.stdout, said.stderr);
    }
    assert!(failures.is_empty(), "{} of {} failed", failures.len(), to_run.len());
    assert_eq!((paths.len(), reasons.get("not a run config").map(Vec::len)), (235, Some(1)));
}

/// Makes the files and directories that a config is about, which the reference's users have and we do not.
fn provide_context_paths(config: &Path, folder: &Path) {
    let text = read(config);
    let (_, contexts) = text.split_once("context_paths:").unwrap_or_default();
    for line in contexts.lines() {
        let Some((_, path)) = line.split_once("path:") else { continue };
        let path = folder.join(path.split('#').next().unwrap_or_default().trim().trim_matches(['"', '\'']));
        if path.extension().is_some_and(|suffix| suffix.len() <= 4 && !suffix.to_string_lossy().starts_with('0')) {
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, "").expect("a file");
        } else {
            std::fs::create_dir_all(path).expect("a folder");
        }
    }
}

/// Runs each and returns those that did not end well. Two at a time: most of a run is waiting.
fn run_all(configs: &[(String, &PathBuf)]) -> Vec<(String, Said)> {
    let failures = Mutex::new(Vec::new());
    let work = Mutex::new(configs.iter());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = work.lock().expect("no panic").next();
                    let Some((name, path)) = next else { break };
                    let newcomer = Newcomer::new();
                    provide_context_paths(path, &newcomer.path("."));
                    let path = path.display().to_string();
                    let arguments = ["--config", &path, "--rehearse", "--automation", "What is worth knowing?"];
                    let said = newcomer.run(&arguments);
                    if said.code != 0 || !said.stdout.contains("COMPLETED:") {
                        failures.lock().expect("no panic").push((name.clone(), said));
                    }
                }
            });
        }
    });
    failures.into_inner().expect("no panic")
}
