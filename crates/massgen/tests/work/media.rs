//! Agents that look at pictures and have them made.

use std::fs;

use serde_json::json;

use crate::place::Place;
use crate::script::{call, play, steps};
use crate::team::{Team, solo};
use crate::told::{calls, notices, requests_of};

/// One black pixel.
const PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 0,
    0, 0, 0, 0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0, 10, b'I', b'D', b'A', b'T', 0x78, 0x9c, 0x63, 0x60, 0, 0, 0, 2, 0, 1,
    0x48, 0xaf, 0xa4, 0x71, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

/// As configs of the reference have it.
const UNDERSTAND: &str = "
agents:
  - id: understand_image_tool
    backend:
      type: openai
      model: gpt-5-nano
      cwd: workspace1
      custom_tools:
        - name: [understand_image]
          category: multimodal
          path: massgen/tool/_multimodal_tools/understand_image.py
          function: [understand_image]
orchestrator:
  context_paths:
    - {path: pictures, permission: read}
";

#[test]
fn a_config_of_the_reference_is_rehearsed_with_its_eyes_open() {
    let place = Place::new();
    fs::create_dir(place.path().join("pictures")).unwrap();
    fs::write(place.path().join("pictures/dot.png"), PNG).unwrap();
    fs::write(place.path().join("pictures/.env"), PNG).unwrap();
    let look = |path: &str| {
        let path = place.path().join("pictures").join(path);
        call("custom_tool__understand_image", json!({"image_path": path, "prompt": "Which colour is this?"}))
    };
    let model = [
        vec![json!({"when": {"asked": "Which colour"}, "say": "It is black."})],
        steps(json!({}), &[look("dot.png"), look(".env")], json!({"say": "The answer is black."})),
    ]
    .concat();
    let scenario = json!({"title": "test", "question": "What is in the picture?", "models": {"gpt-5-nano": model}});
    place.write("scenario.yaml", &scenario.to_string());
    place.write("team.yaml", UNDERSTAND);
    let args = ["rehearse", "scenario.yaml", "--config", "team.yaml", "--automation", "What is in the picture?"];
    let finished = place.massgen(args).run().expect(0);
    let log = place.log();
    let over = calls(&log);
    let result = over[0].json();
    assert_eq!(result["response"], "It is black.", "{finished}\n{over:#?}");
    assert_eq!((&result["backend"], &result["model"]), (&json!("openai"), &json!("gpt-5-nano")));
    assert!(over[1].is_refused() && over[1].result.contains("holds keys"), "{over:#?}");
    assert_eq!(notices(&log), Vec::<String>::new());
    assert_eq!(log.view().final_answer.unwrap().1, "The answer is black.");
}

#[test]
fn one_agent_draws_and_another_looks() {
    let place = Place::new();
    let script = |own: Vec<serde_json::Value>, looks: &[serde_json::Value]| {
        let mut script = vec![json!({"when": {"asked": "Is it round?"}, "say": "It is round."})];
        script.push(json!({"when": {"presenting": true}, "say": "The answer is 42."}));
        script.extend(own);
        script.extend(steps(json!({"shows": ["42"]}), looks, json!({"vote": {"for": "42", "reason": "It is right."}})));
        json!(script)
    };
    let draw = call("custom_tool__generate_media", json!({"prompt": "a disc", "storage_path": "art"}));
    let look = call(
        "custom_tool__read_media",
        json!({"file_path": "${peers}/agent1/art/a_disc.png", "prompt": "Is it round?"}),
    );
    let provider = play(json!({
        "one": script(steps(json!({"answers": 0}), &[draw], json!({"new_answer": "42, see art/a_disc.png"})), &[]),
        "two": script(vec![json!({"when": {"answers": 0}, "new_answer": "I do not know."})], &[look]),
        "gpt-image-1": [{"say": "drawn"}],
    }));
    let team = Team::new()
        .agent(&provider, "openai", "one", json!({}))
        .agent(&provider, "claude", "two", json!({}))
        .orchestrator(
            json!({"verification": "off", "enable_multimodal_tools": true, "image_generation_model": "gpt-image-1"}),
        );
    let finished = place.ask(&team.config(), &["--automation"]).run().expect(0);
    let over = calls(&place.log());
    assert_eq!(over[0].json()["file_path"], "art/a_disc.png", "{finished}\n{over:#?}");
    assert_eq!(over[1].json()["response"], "It is round.", "{over:#?}");
    let drawn = requests_of(&provider, "gpt-image-1");
    assert_eq!(drawn[0].path, "/v1/images/generations");
    let seen =
        requests_of(&provider, "two").into_iter().find(|request| request.body.to_string().contains("Is it round?"));
    assert!(seen.unwrap().body.to_string().contains("\"media_type\":\"image/png\""));
}

#[test]
fn what_nobody_can_do_is_said_and_costs_nothing_else() {
    let place = Place::new();
    fs::write(place.path().join("dot.png"), PNG).unwrap();
    let film = call("custom_tool__generate_media", json!({"prompt": "a film", "mode": "video"}));
    let speak = call("custom_tool__generate_media", json!({"prompt": "hello", "mode": "audio"}));
    let provider = play(json!({"solo": steps(json!({}), &[film, speak], json!({"say": "The answer is 42."}))}));
    let keys = json!({"type": "claude", "base_url": provider.url("claude"), "enable_multimodal_tools": true,
        "custom_tools": [{"name": "text_to_video_generation", "function": "text_to_video_generation",
                          "path": "massgen/tool/_multimodal_tools/text_to_video_generation.py"}]});
    place.ask(&solo(&provider, keys).config(), &["--automation"]).run().expect(0);
    let log = place.log();
    let over = calls(&log);
    assert!(over[0].is_refused() && over[0].result.contains("making films"), "{over:#?}");
    assert!(over[1].is_refused() && over[1].result.contains("set one of OPENAI_API_KEY (openai)"), "{over:#?}");
    let told = notices(&log).join("\n");
    assert!(told.contains("text_to_video_generation") && told.contains("making a film is a job of minutes"), "{told}");
    assert!(!told.contains("key-of-tests") && !log.text("events.jsonl").contains("key-of-tests"));
}
