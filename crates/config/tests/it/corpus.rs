//! The configs that come with the reference.

use std::collections::BTreeMap;

use massgen_config::{Colour, Environment, Format, Severity, SourceText, load};

use crate::corpus;

#[test]
fn every_config_of_the_reference_loads() {
    let files = corpus();
    if files.is_empty() {
        return;
    }
    let mut refused = Vec::new();
    let mut notes: BTreeMap<String, usize> = BTreeMap::new();
    let mut warnings = BTreeMap::new();
    for (name, text) in &files {
        let loaded = load(&SourceText::new(name.as_str(), text.as_str(), Format::Yaml), &Environment::default());
        let found = &loaded.diagnostics;
        let verdict = match &loaded.config {
            Some(config) => format!("{} agents", config.agents.len()),
            None => "refused".to_owned(),
        };
        println!("{name}: {verdict}, {} warnings", found.count(Severity::Warning));
        if loaded.config.is_none() {
            refused.push((name.as_str(), found.render(Colour::Plain)));
        }
        assert_eq!(loaded.config.is_none(), found.has_errors(), "{name}");
        for note in found.of(Severity::Note) {
            let option = note.message.split(" (").next().unwrap_or_default();
            *notes.entry(option.to_owned()).or_default() += 1;
        }
        for warning in found.of(Severity::Warning) {
            *warnings.entry(warning.message.clone()).or_insert(0) += 1;
        }
    }
    let accepted = files.len() - refused.len();
    let names: Vec<&str> = refused.iter().map(|(name, _)| *name).collect();
    state!("{accepted} of {} configs of the reference load; refused: {}", files.len(), names.join(", "));
    assert_eq!(files.len(), 235);
    let [(name, said)] = refused.as_slice() else { panic!("{refused:#?}") };
    assert_eq!(*name, "rate_limits/rate_limits.yaml");
    assert!(said.contains("not a run config: a rate limits file"), "{said}");
    // All that the reference's own configs are warned of: nobody likes false alarms.
    insta::assert_snapshot!(listed(&warnings));
    insta::assert_snapshot!(listed(&notes));
}

fn listed(counts: &BTreeMap<String, usize>) -> String {
    counts.iter().map(|(text, count)| format!("{count:4} {text}\n")).collect()
}

#[test]
fn what_a_config_says_is_in_the_types() {
    let files = corpus();
    let Some((_, text)) = files.iter().find(|(name, _)| name.ends_with("multi/fifty_gemini_agents.yaml")) else {
        return;
    };
    let config = crate::load_yaml(text).config.unwrap();
    assert_eq!(config.agents.len(), 50);
    assert!(config.agents.iter().all(|agent| agent.backend.kind.kind == "gemini"));
}
