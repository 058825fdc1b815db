//! `massgen --validate FILE`: everything that is wrong with a config, without a run.

use massgen_config::{Diagnostics, Severity};
use serde_json::json;

use crate::failure::Failure;
use crate::team::load_config;
use crate::{surroundings, terminal};

/// How a config is judged and reported.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judgement {
    /// Whether warnings count as errors.
    pub(crate) strict: bool,
    /// Whether the report is JSON.
    pub(crate) json: bool,
}

/// Checks a config.
pub(crate) fn validate(argument: &str, judgement: Judgement) -> Result<(), Failure> {
    let environment = surroundings::environment()?;
    let loaded = match load_config(argument, &environment) {
        Ok((loaded, _)) => loaded,
        Err(failure) if judgement.json => return Err(unreadable(&failure)),
        Err(failure) => return Err(failure),
    };
    let diagnostics = &loaded.diagnostics;
    let warnings = diagnostics.count(Severity::Warning);
    let is_good = loaded.config.is_some() && !(judgement.strict && warnings > 0);
    if judgement.json {
        let mut report = diagnostics.to_json();
        if let Some(report) = report.as_object_mut() {
            report.insert("valid".to_owned(), json!(is_good));
        }
        terminal::print_line(&format!("{report:#}"));
        return if is_good { Ok(()) } else { Err(Failure::told()) };
    }
    if !diagnostics.is_empty() {
        terminal::tell_painted(&diagnostics.render(surroundings::colour()));
    }
    let verdict = verdict(diagnostics);
    if is_good {
        let agents = loaded.config.map_or(0, |config| config.agents.len());
        let agents = count(agents, "agent", "agents");
        terminal::print_line(&format!("{} is valid: {agents}, {verdict}", diagnostics.source().name));
        return Ok(());
    }
    let failure = Failure::configuration(format!("the config {} has {verdict}", diagnostics.source().name));
    Err(if loaded.config.is_some() { failure.hint("without --strict, warnings are no errors") } else { failure })
}

/// How much was found, in words.
pub(crate) fn verdict(diagnostics: &Diagnostics) -> String {
    let notes = match diagnostics.count(Severity::Note) {
        0 => String::new(),
        notes => format!(", {}", count(notes, "note", "notes")),
    };
    let errors = count(diagnostics.count(Severity::Error), "error", "errors");
    let warnings = count(diagnostics.count(Severity::Warning), "warning", "warnings");
    format!("{errors}, {warnings}{notes}")
}

fn count(number: usize, one: &str, many: &str) -> String {
    match number {
        0 => format!("no {many}"),
        1 => format!("1 {one}"),
        number => format!("{number} {many}"),
    }
}

/// The report about a file that is not there or not a text.
fn unreadable(failure: &Failure) -> Failure {
    let error = json!({ "message": failure.message(), "location": null, "suggestion": null });
    let report = json!({
        "valid": false, "error_count": 1, "warning_count": 0, "errors": [error], "warnings": [], "notes": [],
    });
    terminal::print_line(&format!("{report:#}"));
    Failure::told()
}
