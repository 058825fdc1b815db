//! Any bytes at all: never a panic, never a hang.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use massgen_config::{Colour, Environment, Format, SourceText, load};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::corpus;

/// Far more than any of these takes on a busy machine; what grows with the square of a text takes longer.
const TIME_MAX: Duration = Duration::from_secs(60);

fn check(text: &str, format: Format) {
    let started = Instant::now();
    let mut loaded = load(&SourceText::new("fuzz", text, format), &Environment::default());
    loaded.check_context_paths(&Environment::default(), |_| false);
    let _ = loaded.diagnostics.render(Colour::Ansi);
    let _ = loaded.diagnostics.to_json();
    let _ = loaded.document_for_logs();
    assert_eq!(loaded.config.is_none(), loaded.diagnostics.has_errors());
    if let Some(config) = loaded.config {
        let _ = (config.rules(), config.to_yaml(), format!("{config:?}"));
    }
    assert!(started.elapsed() < TIME_MAX, "{:?}", started.elapsed());
}

static CORPUS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut texts: Vec<String> = corpus().into_iter().map(|(_, text)| text).collect();
    texts.push("agents:\n  - id: &a x\n    backend: {type: openai, model: gpt-5, stop: [*a, \"b\"]}\n".to_owned());
    texts
});

fn yaml_like() -> impl Strategy<Value = String> {
    let pieces = [
        "agents", "backend", "type", "model", ":", ": ", "\n", "\n  ", "- ", "[", "]", "{", "}", ",", "&a ", "*a",
        "!!int ", "!x ", "|", ">", "\"", "'", "#", "%", "---", "...", "?", "<<", "~", "1", "0x1", "yes", "${A}", "${",
        "\t", " ", "\u{feff}", "\\", "openai", "@",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300), json in any::<bool>()) {
        let name = if json { "x.json" } else { "x.yaml" };
        if let Ok(source) = SourceText::from_bytes(name, bytes) {
            check(&source.text, source.format);
        }
    }

    #[test]
    fn any_text(text in any::<String>()) {
        check(&text, Format::Yaml);
        check(&text, Format::Json);
    }

    #[test]
    fn anything_like_yaml(text in yaml_like()) {
        check(&text, Format::Yaml);
        check(&text, Format::Json);
    }

    #[test]
    fn configs_with_accidents(
        which in any::<Index>(),
        accidents in prop::collection::vec((any::<Index>(), 0..40_usize, "[\\PC\\n\\t]{0,6}"), 1..5),
    ) {
        let mut chars: Vec<char> = which.get(&CORPUS).chars().collect();
        for (place, removed, inserted) in accidents {
            let start = place.index(chars.len() + 1);
            let end = (start + removed).min(chars.len());
            chars.splice(start..end, inserted.chars());
        }
        check(&chars.into_iter().collect::<String>(), Format::Yaml);
    }
}

#[test]
fn large_and_nasty_texts_end_soon() {
    let wide = |piece: &str, count: usize| piece.repeat(count);
    let keys: String = (0..60_000).map(|number| format!("k{number}: 012\n")).collect();
    let merges: String = format!("a: &a {{{}}}\n", (0..500).map(|n| format!("k{n}: 1, ")).collect::<String>())
        + &(0..500).map(|n| format!("m{n}: {{<<: [*a, *a]}}\n")).collect::<String>();
    for text in [
        wide("[", 1_000_000),
        wide("{a: ", 1_000_000),
        wide("- ", 1_000_000),
        wide("a: ", 1_000_000),
        wide("? ", 1_000_000),
        wide("&a ", 1_000_000),
        wide("!a ", 1_000_000),
        wide("'", 1_000_001),
        wide("\"\\", 1_000_000),
        wide("a\n", 1_000_000),
        wide("\n", 4_000_000),
        wide("#\n", 2_000_000),
        wide("- 012\n", 150_000),
        wide("x", 4_000_000),
        wide("x: x\n", 100_000),
        wide("---\n", 1_000_000),
        format!("a: &a {}\nb: [{}]\n", wide("x", 100_000), wide("*a,", 10_000)),
        keys,
        merges,
    ] {
        check(&text, Format::Yaml);
        check(&text, Format::Json);
    }
}
