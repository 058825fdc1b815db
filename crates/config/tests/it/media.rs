//! Pictures, sound and films in the typed config.

use massgen_config::{Environment, Format, MediaChoice, SourceText, Text, load};

use crate::load_yaml;

const TEAM: &str = "\
agents:
  - id: a
    backend:
      model: gpt-5
      cwd: w
      enable_image_generation: true
      multimodal_config: {image: {model: gpt-4.1}, audio: {backend: openai}}
  - id: b
    backend: {model: gpt-5, cwd: w, enable_multimodal_tools: false, image_generation_model: gpt-image-1}
orchestrator:
  enable_multimodal_tools: true
  image_generation_backend: google
  multimodal_config: {image: {backend: openai, reasoning_effort: low}, smell: {backend: nose}}
";

fn choice(backend: Option<&str>, model: Option<&str>) -> MediaChoice {
    MediaChoice { backend: backend.map(Text::new), model: model.map(Text::new) }
}

#[test]
fn what_the_team_says_counts_where_the_agent_says_nothing() {
    let config = load_yaml(TEAM).config.unwrap();
    let of = |index: usize| config.agents[index].backend.media.within(&config.orchestrator.media);
    let (first, second) = (of(0), of(1));
    assert_eq!((first.enable_multimodal_tools, second.enable_multimodal_tools), (Some(true), Some(false)));
    assert_eq!((first.image_generation, second.image_generation), (true, false));
    assert_eq!(first.image.usual, choice(None, Some("gpt-4.1")), "a model stays with its backend");
    assert_eq!(first.image.maker(), choice(Some("google"), None));
    assert_eq!(second.image.usual, choice(Some("openai"), None));
    assert_eq!(second.image.maker(), choice(None, Some("gpt-image-1")));
    assert_eq!(first.audio.maker(), choice(Some("openai"), None));
    assert_eq!(first.video.maker(), choice(None, None));
}

#[test]
fn what_is_written_loads_as_what_was_written() {
    let config = load_yaml(TEAM).config.unwrap();
    for (format, text) in [(Format::Yaml, config.to_yaml()), (Format::Json, config.to_json())] {
        let again = load(&SourceText::new("again", text.as_str(), format), &Environment::default());
        assert_eq!(again.config.as_ref(), Some(&config), "{text}");
    }
}

#[test]
fn what_nobody_makes_is_said() {
    let loaded = load_yaml(
        "agent: {backend: {model: gpt-5, cwd: w, audio_generation_backend: elevenlabs, image_generation_backend: auto}}",
    );
    let rendered = loaded.diagnostics.render(massgen_config::Colour::Plain);
    assert!(rendered.contains("massgen asks no `elevenlabs` for media"), "{rendered}");
    assert!(!rendered.contains("auto`"), "{rendered}");
    let rendered = load_yaml(TEAM).diagnostics.render(massgen_config::Colour::Plain);
    assert!(rendered.contains("smell") && rendered.contains("reasoning_effort"), "{rendered}");
}
