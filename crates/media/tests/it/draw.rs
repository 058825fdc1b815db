//! Pictures that are made.

use massgen_media::Choice;
use serde_json::json;

use crate::studio::Studio;

fn is_png(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x89PNG\r\n\x1a\n")
}

#[tokio::test]
async fn every_provider_that_draws_is_asked_in_its_own_form() {
    let cases = [
        ("gemini", "gemini-2.5-flash-image", "/v1beta/models/gemini-2.5-flash-image:generateContent"),
        ("openai", "gpt-5.4", "/v1/responses"),
        ("grok", "grok-imagine-image-quality", "/v1/images/generations"),
        ("openrouter", "google/gemini-2.5-flash-image", "/v1/chat/completions"),
    ];
    for (kind, model, path) in cases {
        let studio = Studio::saying("Here it is.", &[kind]).await;
        let result = studio.done("text_to_image_generation", json!({"prompt": "A cat, in space!"})).await;
        assert_eq!((&result["backend"], &result["model"]), (&json!(kind), &json!(model)));
        assert_eq!(result["images"][0]["file_path"], "A_cat_in_space.png", "{kind}");
        assert!(is_png(&std::fs::read(studio.path("A_cat_in_space.png")).unwrap()), "{kind}");
        assert_eq!(studio.request().path, path);
    }
}

#[tokio::test]
async fn a_painter_of_openai_has_an_endpoint_of_its_own() {
    let mut studio = Studio::saying("Done.", &["openai", "gemini"]).await;
    studio.choices.image.generate = Choice { backend: None, model: Some("gpt-image-1".to_owned()) };
    let order = json!({"prompt": "a lake", "aspect_ratio": "16:9", "quality": "low", "storage_path": "art/lakes"});
    let result = studio.done("generate_media", order).await;
    assert_eq!(result["file_path"], "art/lakes/a_lake.png");
    assert!(is_png(&std::fs::read(studio.path("art/lakes/a_lake.png")).unwrap()));
    let request = studio.request();
    assert_eq!(request.path, "/v1/images/generations");
    let expected = json!({"model": "gpt-image-1", "prompt": "a lake", "n": 1, "size": "1536x1024", "quality": "low"});
    assert_eq!(request.body, expected);
    let error = studio.failed("generate_media", json!({"prompt": "x", "quality": "superb"})).await;
    assert!(error.contains("HTTP 400") && error.contains("superb"), "{error}");
}

#[tokio::test]
async fn pictures_are_made_from_pictures() {
    for kind in ["openai", "gemini", "openrouter"] {
        let studio = Studio::saying("Done.", &[kind]).await;
        let order = json!({"base_image_paths": ["dot.png", "dot.png"], "prompt": "bigger"});
        let result = studio.done("image_to_image_generation", order).await;
        assert_eq!(result["total_images"], 1, "{kind}");
        assert_eq!(studio.request().body.to_string().matches("iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB").count(), 2, "{kind}");
    }
    let studio = Studio::saying("Done.", &["openai"]).await;
    let order = json!({"prompt": "bigger", "input_images": ["dot.png"], "model": "gpt-image-1"});
    studio.done("generate_media", order).await;
    let body = studio.request().body;
    assert_eq!((&body["model"], &body["tools"][0]["model"]), (&json!("gpt-5.4"), &json!("gpt-image-1")));
}

#[tokio::test]
async fn nothing_is_overwritten_and_nothing_lands_outside() {
    let studio = Studio::saying("Done.", &["gemini"]).await;
    let outside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), studio.path("link")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("caught.png"), studio.path("dangling.png")).unwrap();
    studio.write("dot_2.png", b"mine");
    let result = studio.done("text_to_image_generation", json!({"prompt": "dot"})).await;
    assert_eq!(result["images"][0]["file_path"], "dot_3.png");
    assert_eq!(std::fs::read(studio.path("dot_2.png")).unwrap(), b"mine");
    for folder in ["link", "..", "/tmp", "link/deeper"] {
        let order = json!({"prompt": "dot", "storage_path": folder});
        let error = studio.failed("text_to_image_generation", order).await;
        assert!(error.contains("outside"), "{folder}: {error}");
    }
    let error = studio.call("text_to_image_generation", json!({"prompt": "dangling"})).await;
    assert!(error.is_error, "{}", error.content);
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_model_that_only_talks_is_quoted() {
    let models = json!({"*": [{"say": "I may not draw that.", "finish": "filtered"}]});
    for kind in ["gemini", "openai", "openrouter"] {
        let studio = Studio::open(models.clone(), &[kind]).await;
        let error = studio.failed("text_to_image_generation", json!({"prompt": "a dot"})).await;
        assert!(error.contains("drew nothing") && error.contains("I may not draw that."), "{kind}: {error}");
        assert_eq!(studio.names(), ["dot.png"], "{kind}");
    }
    let studio = Studio::open(models, &["grok"]).await;
    let error = studio.failed("text_to_image_generation", json!({"prompt": "a dot"})).await;
    assert!(error.contains("safety system"), "{error}");
}

#[tokio::test]
async fn several_are_made_one_after_the_other() {
    let models = json!({"*": [{"when": {"asked": "bad"}, "fault": {"status": 400}}, {"say": "ok"}]});
    let studio = Studio::open(models, &["gemini"]).await;
    let result = studio.done("generate_media", json!({"prompts": ["good one", "bad one", "good two"]})).await;
    assert_eq!(result["success"], false);
    let done: Vec<bool> =
        result["results"].as_array().unwrap().iter().map(|result| result["success"].as_bool().unwrap()).collect();
    assert_eq!(done, [true, false, true]);
    assert_eq!(studio.names(), ["dot.png", "good_one.png", "good_two.png"]);
    let error = studio.failed("generate_media", json!({"prompt": "a", "mode": "video"})).await;
    assert!(error.contains("films"), "{error}");
    let error = studio.failed("generate_media", json!({"prompt": "a", "prompts": ["b"]})).await;
    assert!(error.contains("either"), "{error}");
}

#[tokio::test]
async fn texts_are_written_into_files() {
    let studio = Studio::saying("# Report\n\nAll is well.", &["claude"]).await;
    let order = json!({"prompt": "A report", "file_format": "md", "filename": "report.md"});
    let result = studio.done("text_to_file_generation", order).await;
    assert_eq!(result["file_path"], "report.md");
    assert_eq!(std::fs::read_to_string(studio.path("report.md")).unwrap(), "# Report\n\nAll is well.");
    let error = studio.failed("text_to_file_generation", json!({"prompt": "A report", "file_format": "pdf"})).await;
    assert!(error.contains("txt and md"), "{error}");
}
