//! Scenarios: what each model says, and when.

mod check;
mod error;
mod file;
pub(crate) mod limit;
pub(crate) mod step;

pub use error::ScenarioError;
use file::ScenarioFile;
use limit::ModelLimit;
use step::Step;

/// A script for a team of models, read from YAML. `SCENARIOS.md` describes the format.
#[derive(Debug, Clone)]
pub struct Scenario {
    name: String,
    title: String,
    question: String,
    key: Key,
    requests_per_minute: Option<u32>,
    limits: Vec<(String, ModelLimit)>,
    workspaces: bool,
    also_accepts: Vec<String>,
    models: Vec<(String, Vec<Step>)>,
}

/// Which API key is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    /// None is needed.
    Optional,
    /// Any that is not empty.
    Any,
    /// This one.
    Exactly(String),
}

/// The model name under `limits` that stands for those without limits of their own.
const ANY_MODEL: &str = "any";

/// The model name that stands for every model.
const EVERY_MODEL: &str = "*";

const BUILTIN: &[(&str, &str)] = &[
    ("quasar", include_str!("../scenarios/quasar.yaml")),
    ("analysis", include_str!("../scenarios/analysis.yaml")),
    ("spectrograph", include_str!("../scenarios/spectrograph.yaml")),
    ("any", include_str!("../scenarios/any.yaml")),
    ("bulk", include_str!("../scenarios/bulk.yaml")),
];

impl Scenario {
    /// Reads a scenario. `name` is used in errors and labels; a file's path or stem will do.
    ///
    /// # Errors
    /// When the text is not YAML, has an unknown key, or describes something that cannot be played.
    pub fn parse(yaml: &str, name: &str) -> Result<Self, ScenarioError> {
        let file: ScenarioFile = serde_saphyr::from_str(yaml).map_err(|error| ScenarioError::yaml(name, &error))?;
        check::scenario(name, file)
    }

    /// A scenario that comes with the program.
    #[must_use]
    pub fn builtin(name: &str) -> Option<Self> {
        let (name, yaml) = BUILTIN.iter().find(|(known, _)| *known == name)?;
        Self::parse(yaml, name).ok()
    }

    /// The names of the scenarios that come with the program.
    pub fn builtin_names() -> impl Iterator<Item = &'static str> {
        BUILTIN.iter().map(|(name, _)| *name)
    }

    /// The name it was read under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One line that says what it shows.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The question to put to the team.
    #[must_use]
    pub fn question(&self) -> &str {
        self.question.trim_end()
    }

    /// The models that have a script of their own, in the order of the file.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.models.iter().map(|(model, _)| model.as_str()).filter(|model| *model != EVERY_MODEL)
    }

    /// Whether it is about agents that have workspaces and run commands.
    #[must_use]
    pub fn has_workspaces(&self) -> bool {
        self.workspaces
    }

    /// Whether a model without a script of its own is answered too.
    #[must_use]
    pub fn accepts_any_model(&self) -> bool {
        self.models.iter().any(|(model, _)| model == EVERY_MODEL)
    }

    /// Whether requests for `model` are answered at all.
    pub(crate) fn knows(&self, model: &str) -> bool {
        self.accepts_any_model() || self.models().any(|known| known == model)
    }

    /// The steps for `model`: its own, then those for every model.
    pub(crate) fn steps(&self, model: &str) -> impl Iterator<Item = &Step> {
        let of = |name: String| self.models.iter().filter(move |(known, _)| *known == name).flat_map(|(_, s)| s);
        of(model.to_owned()).chain(of(EVERY_MODEL.to_owned()))
    }

    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    pub(crate) fn requests_per_minute(&self) -> Option<u32> {
        self.requests_per_minute
    }

    /// The limits of `model`: its own, else those for any.
    pub(crate) fn limit(&self, model: &str) -> Option<&ModelLimit> {
        let of = |name: &str| self.limits.iter().find(|(known, _)| known == name).map(|(_, limit)| limit);
        of(model).or_else(|| of(ANY_MODEL))
    }

    /// Fields beyond OpenAI's that Chat Completions requests may have.
    pub(crate) fn also_accepts(&self) -> &[String] {
        &self.also_accepts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_scenario_parses() {
        for (name, yaml) in BUILTIN {
            let scenario = Scenario::parse(yaml, name).unwrap_or_else(|error| panic!("{error}"));
            assert!(!scenario.title().is_empty() && !scenario.question().is_empty(), "{name}");
        }
    }
}
