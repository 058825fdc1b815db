//! Keys that a section does not know: what was meant, or where they belong.

use crate::fields::{AGENT, BACKEND, COORDINATION, ORCHESTRATOR, Others, Section, Status, TIMEOUTS, TOP, UI};
use crate::suggest::nearest;

use super::Place;

/// Keys without which there is nothing to run: a misspelt one is an error.
const NEEDED: &[&str] = &["agents", "agent", "backend", "type", "model"];

/// The sections in which a misplaced key is looked for, and how they are called.
static HOMES: &[(&str, &Section)] = &[
    ("at the top of the config", &TOP),
    ("in `orchestrator`", &ORCHESTRATOR),
    ("in an entry of `agents`: check the indentation", &AGENT),
    ("in a `backend`: check the indentation", &BACKEND),
    ("in `timeout_settings`", &TIMEOUTS),
    ("in `orchestrator.coordination`", &COORDINATION),
    ("in `ui`", &UI),
];

pub(super) struct Unknown {
    /// What to do.
    pub(super) hint: Option<String>,
    /// The needed key that was probably meant.
    pub(super) missing: Option<&'static str>,
    /// Whether it is an option of another section.
    pub(super) misplaced: bool,
}

pub(super) fn explain(key: &str, section: &'static Section, place: &Place) -> Unknown {
    if let Some(home) = home_of(key, section) {
        return Unknown { hint: Some(format!("it belongs {home}")), missing: None, misplaced: true };
    }
    let known = section.fields.iter().filter(|field| !matches!(field.status, Status::Refused(_) | Status::Ignored(_)));
    let names = known.map(|field| field.key).filter(|key| !key.ends_with('*'));
    if let Some(meant) = nearest(key, names.clone()) {
        let missing = NEEDED.iter().copied().find(|needed| *needed == meant);
        return Unknown { hint: Some(format!("did you mean `{meant}`?")), missing, misplaced: false };
    }
    let few = section.others == Others::Reported && names.clone().count() <= 16;
    let hint = few.then(|| {
        let names = names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let of = if place.option.contains(['.', '[']) { "the options here are" } else { "the options at the top are" };
        format!("{of} {names}")
    });
    Unknown { hint, missing: None, misplaced: false }
}

/// Whether a key is an option of another section.
pub(super) fn is_misplaced(key: &str, section: &'static Section) -> bool {
    home_of(key, section).is_some()
}

/// The section that does know the key; rather one that acts upon it.
fn home_of(key: &str, section: &'static Section) -> Option<&'static str> {
    let find = |fits: &dyn Fn(Status) -> bool| {
        let knows = |home: &Section| home.fields.iter().any(|field| field.key == key && fits(field.status));
        HOMES.iter().find(|(_, home)| !std::ptr::eq(*home, section) && knows(home)).map(|(name, _)| *name)
    };
    find(&|status| matches!(status, Status::Supported | Status::PassedOn))
        .or_else(|| find(&|status| status == Status::NotYet))
}
