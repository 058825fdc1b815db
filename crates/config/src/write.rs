//! The typed config as a document again.

mod commands;
mod media;
mod tools;
mod yaml;

use massgen_protocol::redact;
use massgen_providers::Price;
use serde_json::{Map, Value, json};

use crate::team::DisplayType;
use crate::words::{NOVELTY, PERMISSION, SENSITIVITY, STRATEGY, word_for};
use crate::{
    AgentConfig, Apply, BackendConfig, BudgetConfig, ContextPath, CoordinationConfig, DriftConflictPolicy,
    FallbackConfig, OrchestratorConfig, Secret, TeamConfig, Text, TimeoutConfig, UiConfig, Verification, WriteMode,
};

impl TeamConfig {
    /// The config as a document that loads as this config: what differs from its default, with
    /// references as the user wrote them. A literal key stays what it is; for logs see
    /// [`document_for_logs`](Self::document_for_logs).
    #[must_use]
    pub fn to_document(&self) -> Value {
        let mut map = Map::new();
        map.insert("agents".to_owned(), self.agents.iter().map(agent).collect());
        put_map(&mut map, "orchestrator", orchestrator(&self.orchestrator));
        put_map(&mut map, "timeout_settings", timeouts(&self.timeouts));
        put_map(&mut map, "budget", budget(&self.budget));
        put_map(&mut map, "ui", ui(&self.ui));
        put_text(&mut map, "cassette", self.cassette.as_ref());
        put_text(&mut map, "prompt", self.prompt.as_ref());
        put_text(&mut map, "session_id", self.session_id.as_ref());
        map.extend(self.unbuilt.0.clone());
        Value::Object(map)
    }

    /// The [document](Self::to_document) without literal keys: for logs of a team that comes from no file.
    #[must_use]
    pub fn document_for_logs(&self) -> Value {
        let mut document = self.to_document();
        redact(&mut document);
        document
    }

    /// The [document](Self::to_document) in YAML.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        yaml::write(&self.to_document())
    }

    /// The [document](Self::to_document) in JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        format!("{:#}\n", self.to_document())
    }
}

fn agent(agent: &AgentConfig) -> Value {
    let mut map = Map::new();
    map.insert("id".to_owned(), json!(agent.id.as_str()));
    put_text(&mut map, "system_message", agent.system_message.as_ref());
    map.insert("backend".to_owned(), backend(&agent.backend));
    map.extend(agent.unbuilt.0.clone());
    Value::Object(map)
}

fn backend(backend: &BackendConfig) -> Value {
    let mut map = Map::new();
    map.insert("type".to_owned(), json!(backend.kind.kind));
    put_text(&mut map, "model", Some(&backend.model));
    put_text(&mut map, "base_url", backend.base_url.as_ref());
    if let Some(key) = &backend.api_key {
        map.insert("api_key".to_owned(), json!(Secret::written(key)));
    }
    put_text(&mut map, "cwd", backend.cwd.as_ref());
    for (key, enabled) in [
        ("enable_web_search", backend.web_search),
        ("enable_x_search", backend.x_search),
        ("enable_code_execution", backend.code_execution),
    ] {
        put_if(&mut map, key, enabled, true);
    }
    put_contexts(&mut map, &backend.files.context_paths);
    put_if(&mut map, "enforce_read_before_delete", backend.files.enforce_read_before_delete, false);
    put_if(&mut map, "exclude_file_operation_mcps", backend.files.exclude_file_operation_mcps, true);
    if let Some(config) = &backend.commands {
        commands::put_commands(&mut map, config);
    }
    tools::put_tools(&mut map, &backend.tools);
    media::put_media(&mut map, &backend.media);
    if let Some(config) = &backend.permissions {
        put_map(&mut map, "permissions", tools::permissions(config));
    }
    if !backend.fallback.is_empty() {
        map.insert("fallback".to_owned(), backend.fallback.iter().map(fallback).collect());
    }
    put_price(&mut map, backend.price);
    map.extend(backend.params.written.clone());
    map.extend(backend.unbuilt.0.clone());
    Value::Object(map)
}

fn fallback(config: &FallbackConfig) -> Value {
    let mut map = Map::new();
    map.insert("type".to_owned(), json!(config.kind.kind));
    put_text(&mut map, "model", Some(&config.model));
    put_text(&mut map, "base_url", config.base_url.as_ref());
    if let Some(key) = &config.api_key {
        map.insert("api_key".to_owned(), json!(Secret::written(key)));
    }
    put_price(&mut map, config.price);
    map.extend(config.params.written.clone());
    Value::Object(map)
}

fn put_price(map: &mut Map<String, Value>, price: Option<Price>) {
    if let Some(Price { input, cached_input, cache_write, output }) = price {
        let price =
            json!({ "input": input, "cached_input": cached_input, "cache_write": cache_write, "output": output });
        map.insert("price".to_owned(), price);
    }
}

fn budget(config: &BudgetConfig) -> Map<String, Value> {
    let mut map = Map::new();
    for (scope, limits) in [("run", config.run), ("agent", config.agent), ("turn", config.turn)] {
        let mut inside = Map::new();
        if let Some(usd) = limits.usd {
            inside.insert("usd".to_owned(), json!(usd));
        }
        put_number(&mut inside, "tokens", limits.tokens);
        put_number(&mut inside, "calls", limits.calls);
        if let Some(time) = limits.seconds {
            inside.insert("seconds".to_owned(), seconds(time));
        }
        put_map(&mut map, scope, inside);
    }
    map
}

fn orchestrator(config: &OrchestratorConfig) -> Map<String, Value> {
    let usual = OrchestratorConfig::default();
    let mut map = Map::new();
    if config.voting_sensitivity != usual.voting_sensitivity {
        map.insert("voting_sensitivity".to_owned(), json!(word_for(SENSITIVITY, &config.voting_sensitivity)));
    }
    put_number(&mut map, "max_new_answers_per_agent", config.max_new_answers_per_agent);
    put_number(&mut map, "max_new_answers_global", config.max_new_answers_global);
    if config.answer_novelty_requirement != usual.answer_novelty_requirement {
        let word = word_for(NOVELTY, &config.answer_novelty_requirement);
        map.insert("answer_novelty_requirement".to_owned(), json!(word));
    }
    put_if(&mut map, "fairness_enabled", config.fairness_enabled, !usual.fairness_enabled);
    if config.fairness_lead_cap_answers != usual.fairness_lead_cap_answers {
        put_number(&mut map, "fairness_lead_cap_answers", Some(config.fairness_lead_cap_answers));
    }
    if let Some(defer) = config.defer_voting_until_all_answered {
        map.insert("defer_voting_until_all_answered".to_owned(), json!(defer));
    }
    if let Some(strategy) = &config.final_answer_strategy {
        map.insert("final_answer_strategy".to_owned(), json!(word_for(STRATEGY, strategy)));
    }
    put_if(&mut map, "skip_final_presentation", config.skip_final_presentation, true);
    if config.verification != usual.verification {
        map.insert("verification".to_owned(), json!(word_for(Verification::NAMES, &config.verification)));
    }
    if let Some(apply) = &config.apply {
        map.insert("apply".to_owned(), json!(word_for(Apply::NAMES, apply)));
    }
    put_text(&mut map, "snapshot_storage", config.snapshot_storage.as_ref());
    put_text(&mut map, "agent_temporary_workspace", config.agent_temporary_workspace.as_ref());
    put_contexts(&mut map, &config.context_paths);
    media::put_media(&mut map, &config.media);
    put_map(&mut map, "coordination", coordination(&config.coordination));
    map.extend(config.unbuilt.0.clone());
    map
}

fn coordination(config: &CoordinationConfig) -> Map<String, Value> {
    let usual = CoordinationConfig::default();
    let mut map = Map::new();
    put_if(&mut map, "enable_planning_mode", config.enable_planning_mode, true);
    put_text(&mut map, "planning_mode_instruction", config.planning_mode_instruction.as_ref());
    put_if(&mut map, "use_skills", config.use_skills, true);
    put_text(&mut map, "skills_directory", config.skills_directory.as_ref());
    if config.write_mode != usual.write_mode {
        map.insert("write_mode".to_owned(), json!(word_for(WriteMode::NAMES, &config.write_mode)));
    }
    if config.drift_conflict_policy != usual.drift_conflict_policy {
        let word = word_for(DriftConflictPolicy::NAMES, &config.drift_conflict_policy);
        map.insert("drift_conflict_policy".to_owned(), json!(word));
    }
    map.extend(config.unbuilt.0.clone());
    map
}

fn put_contexts(map: &mut Map<String, Value>, contexts: &[ContextPath]) {
    if !contexts.is_empty() {
        map.insert("context_paths".to_owned(), contexts.iter().map(context_path).collect());
    }
}

fn context_path(context: &ContextPath) -> Value {
    let mut map = Map::new();
    put_text(&mut map, "path", Some(&context.path));
    map.insert("permission".to_owned(), json!(word_for(PERMISSION, &context.permission)));
    put_list(&mut map, "protected_paths", &context.protected_paths);
    put_text(&mut map, "description", context.description.as_ref());
    Value::Object(map)
}

fn timeouts(config: &TimeoutConfig) -> Map<String, Value> {
    let usual = TimeoutConfig::default();
    let mut map = Map::new();
    let whole = Some(config.orchestrator_timeout_seconds).filter(|whole| *whole != usual.orchestrator_timeout_seconds);
    for (key, number) in [
        ("orchestrator_timeout_seconds", whole),
        ("initial_round_timeout_seconds", config.initial_round_timeout_seconds),
        ("subsequent_round_timeout_seconds", config.subsequent_round_timeout_seconds),
        ("stall_timeout_seconds", config.stall_timeout_seconds),
    ] {
        if let Some(number) = number {
            map.insert(key.to_owned(), seconds(number));
        }
    }
    map
}

fn ui(config: &UiConfig) -> Map<String, Value> {
    let usual = UiConfig::default();
    let mut map = Map::new();
    if config.display_type != usual.display_type {
        map.insert("display_type".to_owned(), json!(word_for(DisplayType::NAMES, &config.display_type)));
    }
    put_if(&mut map, "logging_enabled", config.logging_enabled, !usual.logging_enabled);
    map.extend(config.unbuilt.0.clone());
    map
}

/// A number of seconds, without a fraction if it has none.
fn seconds(seconds: f64) -> Value {
    let is_whole = seconds.fract() == 0.0 && seconds < 1e12;
    if is_whole { json!(seconds as u64) } else { json!(seconds) }
}

fn list(texts: &[Text]) -> Value {
    texts.iter().map(|text| json!(text.written())).collect()
}

fn put_list(map: &mut Map<String, Value>, key: &str, texts: &[Text]) {
    if !texts.is_empty() {
        map.insert(key.to_owned(), list(texts));
    }
}

fn put_text(map: &mut Map<String, Value>, key: &str, text: Option<&Text>) {
    if let Some(text) = text {
        map.insert(key.to_owned(), json!(text.written()));
    }
}

fn put_number(map: &mut Map<String, Value>, key: &str, number: Option<u32>) {
    if let Some(number) = number {
        map.insert(key.to_owned(), json!(number));
    }
}

fn put_if(map: &mut Map<String, Value>, key: &str, value: bool, worth_saying: bool) {
    if value == worth_saying {
        map.insert(key.to_owned(), json!(value));
    }
}

fn put_map(map: &mut Map<String, Value>, key: &str, value: Map<String, Value>) {
    if !value.is_empty() {
        map.insert(key.to_owned(), Value::Object(value));
    }
}
