//! Pictures and documents.

use serde_json::{Value, json};

use crate::studio::{PNG, Studio};

/// One of each protocol, with where its requests go.
const KINDS: [(&str, &str); 4] = [
    ("openai", "/v1/responses"),
    ("claude", "/v1/messages"),
    ("gemini", "/v1beta/models/gemini-3-flash-preview:generateContent"),
    ("openrouter", "/v1/chat/completions"),
];

#[tokio::test]
async fn every_protocol_is_shown_the_picture_itself() {
    for (kind, path) in KINDS {
        let studio = Studio::saying("A single black pixel.", &[kind]).await;
        let result =
            studio.done("understand_image", json!({"image_path": "dot.png", "prompt": "What colour is it?"})).await;
        assert_eq!(result["response"], "A single black pixel.", "{kind}");
        assert_eq!(result["backend"], kind);
        assert_eq!(result["operation"], "understand_image");
        let request = studio.request();
        assert_eq!(request.path, path);
        let sent = request.body.to_string();
        // The rehearsal provider has decoded it and looked at its first bytes; that it is this one, we see here.
        assert!(sent.contains("iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB"), "{kind}: {sent}");
        assert!(sent.contains("What colour is it?"), "{kind}: {sent}");
    }
}

#[tokio::test]
async fn the_agent_itself_looks_with_its_own_model() {
    let mut studio = Studio::open(json!({"gpt-5-nano": [{"say": "mine"}]}), &["openai", "gemini"]).await;
    studio.accounts[0].own_model = Some("gpt-5-nano".to_owned());
    let result = studio.done("understand_image", json!({"image_path": "dot.png"})).await;
    assert_eq!((&result["backend"], &result["model"]), (&json!("openai"), &json!("gpt-5-nano")));
    let result = studio.failed("understand_image", json!({"image_path": "dot.png", "model": "gpt-9"})).await;
    assert!(result.contains("HTTP 404") && result.contains("gpt-9") && result.contains("check `model`"), "{result}");
}

#[tokio::test]
async fn documents_go_as_documents_and_texts_as_text() {
    for (kind, _) in KINDS {
        let studio = Studio::saying("It is short.", &[kind]).await;
        studio.write("paper.pdf", b"%PDF-1.7\n%%EOF\n");
        let result = studio.done("understand_file", json!({"file_path": "paper.pdf"})).await;
        assert_eq!(result["response"], "It is short.", "{kind}");
        assert!(studio.request().body.to_string().contains("JVBERi0xLjc"), "{kind}");
    }
    let studio = Studio::saying("It is a list.", &["claude"]).await;
    studio.write("list.txt", "one\ntwo\nthree\n".as_bytes());
    studio.done("understand_file", json!({"file_path": "list.txt", "max_chars": 7})).await;
    let body = studio.request().body.to_string();
    assert!(body.contains("The file list.txt:\\n\\none\\ntwo\\n[... the rest is left out ...]"), "{body}");
}

#[tokio::test]
async fn films_go_to_gemini_alone() {
    let studio = Studio::saying("A door opens.", &["openai", "gemini"]).await;
    studio.write("door.mp4", b"\0\0\0\x18ftypisom....");
    let result = studio.done("understand_video", json!({"video_path": "door.mp4", "prompt": "What opens?"})).await;
    assert_eq!((&result["backend"], &result["response"]), (&json!("gemini"), &json!("A door opens.")));
    let request = studio.request();
    assert_eq!(request.body["contents"][0]["parts"][0]["inlineData"]["mimeType"], "video/mp4");
    let without = Studio::saying("Done.", &["openai"]).await;
    without.write("door.mp4", b"\0\0\0\x18ftypisom....");
    let error = without.failed("understand_video", json!({"video_path": "door.mp4"})).await;
    assert!(error.contains("nobody can watch films") && error.contains("GOOGLE_API_KEY"), "{error}");
}

#[tokio::test]
async fn several_questions_are_answered_in_their_order_and_one_failure_costs_one_answer() {
    let models = json!({"*": [
        {"when": {"asked": "first"}, "say": "one"},
        {"when": {"asked": "second"}, "say": "two"},
        {"say": "described"},
    ]});
    let studio = Studio::open(models, &["openai"]).await;
    studio.write("notes.txt", b"notes");
    let inputs = json!([
        {"files": ["dot.png"], "prompt": "the first?"},
        {"files": ["missing.png"]},
        {"files": {"a": "dot.png", "b": "notes.txt"}, "prompt": "the second?"},
    ]);
    let result = studio.done("read_media", json!({"inputs": inputs})).await;
    assert_eq!(result["success"], false);
    let responses: Vec<&Value> =
        result["results"].as_array().unwrap().iter().map(|result| &result["response"]).collect();
    assert_eq!(responses, [&json!("one"), &Value::Null, &json!("two")]);
    let result = studio.done("read_media", json!({"file_path": "dot.png"})).await;
    assert_eq!(result["response"], "described");
    let error = studio.failed("read_media", json!({})).await;
    assert!(error.contains("give a `file_path`"), "{error}");
}

#[tokio::test]
async fn what_is_looked_at_counts_as_looked_at() {
    let studio = Studio::saying("ok", &["openai"]).await;
    let outcome = studio.call("understand_image", json!({"image_path": "dot.png"})).await;
    assert_eq!(outcome.touched[0].path, studio.path("dot.png").canonicalize().unwrap());
    assert_eq!(std::fs::read(studio.path("dot.png")).unwrap(), PNG);
}
