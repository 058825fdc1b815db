//! What goes wrong, and what is said of it.

use std::time::Duration;

use massgen_backends::ApiKey;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::studio::{PNG, Studio};

#[tokio::test]
async fn a_refusal_that_passes_is_waited_for() {
    for kind in ["openai", "claude", "gemini", "openrouter"] {
        let models = json!({"*": [
            {"when": {"call": 1}, "fault": {"status": 429, "retry_after": 0}},
            {"when": {"call": 2}, "fault": {"status": 503}},
            {"say": "at last"},
        ]});
        let studio = Studio::open(models, &[kind]).await;
        let result = studio.done("understand_image", json!({"image_path": "dot.png"})).await;
        assert_eq!(result["response"], "at last", "{kind}");
        assert_eq!(studio.server.received().len(), 3, "{kind}");
    }
}

#[tokio::test]
async fn a_refusal_that_stays_is_told_and_not_asked_for_again_and_again() {
    let studio = Studio::open(json!({"*": [{"fault": {"status": 503}}]}), &["openai"]).await;
    let error = studio.failed("understand_image", json!({"image_path": "dot.png"})).await;
    assert!(error.starts_with("OpenAI refused (HTTP 503)"), "{error}");
    assert_eq!(studio.server.received().len(), 3);
    // More patience than we have: what it asks for counts, also when that means to give up.
    let studio = Studio::open(json!({"*": [{"fault": {"status": 429, "retry_after": 3600}}]}), &["gemini"]).await;
    let error = studio.failed("understand_image", json!({"image_path": "dot.png"})).await;
    assert!(error.contains("HTTP 429") && error.contains("use another backend"), "{error}");
    assert_eq!(studio.server.received().len(), 1);
}

#[tokio::test]
async fn a_bad_key_is_named_by_its_variable_and_never_shown() {
    for (kind, variable) in
        [("openai", "OPENAI_API_KEY"), ("claude", "ANTHROPIC_API_KEY"), ("gemini", "GEMINI_API_KEY")]
    {
        let mut studio = Studio::saying("ok", &[kind]).await;
        let wrong = "a-wrong-key-that-is-secret";
        studio.accounts[0].key = Some(ApiKey::new(wrong));
        let error = studio.failed("understand_image", json!({"image_path": "dot.png"})).await;
        assert!(error.contains(variable) && !error.contains(wrong), "{kind}: {error}");
        assert_eq!(studio.server.received().len(), 1, "{kind}");
    }
}

#[tokio::test]
async fn files_are_checked_before_anybody_is_asked() {
    let studio = Studio::saying("ok", &["openai"]).await;
    studio.write("words.png", b"no picture");
    studio.write("empty.png", b"");
    studio.write("program.png", b"\x7fELF\0\0\xfe");
    studio.write("large.png", &[PNG, &vec![0; 16 << 20]].concat());
    std::fs::create_dir(studio.path("folder.png")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", studio.path("link.png")).unwrap();
    for (path, words) in [
        ("words.png", "is not a PNG, JPEG, GIF or WebP image: it is text"),
        ("empty.png", "is empty"),
        ("program.png", "nothing that models are shown"),
        ("large.png", "larger than 15 MiB"),
        ("folder.png", "not a file"),
        ("link.png", "outside"),
        ("/etc/passwd", "outside"),
        ("missing.png", "missing.png"),
    ] {
        let error = studio.failed("understand_image", json!({"image_path": path})).await;
        assert!(error.contains(words), "{path}: {error}");
    }
    assert!(studio.server.received().is_empty());
}

#[tokio::test]
async fn without_keys_the_functions_say_which_would_do() {
    let studio = Studio::saying("ok", &[]).await;
    let error = studio.failed("understand_image", json!({"image_path": "dot.png"})).await;
    assert!(error.contains("nobody can look at pictures") && error.contains("OPENAI_API_KEY (openai)"), "{error}");
    let error = studio.failed("generate_media", json!({"prompt": "x", "backend_type": "google"})).await;
    assert!(error.contains("set GOOGLE_API_KEY or GEMINI_API_KEY"), "{error}");
}

#[tokio::test]
async fn a_silent_provider_is_given_up() {
    let mut studio = Studio::open(json!({"*": [{"fault": "hang"}]}), &["openai"]).await;
    studio.policy.attempt_timeout = Duration::from_millis(50);
    let error = studio.failed("understand_image", json!({"image_path": "dot.png"})).await;
    assert!(error.contains("did not reply within"), "{error}");
    assert_eq!(studio.server.received().len(), 1, "what may have been done is not asked again");
}

#[tokio::test]
async fn a_cancelled_call_ends() {
    let studio = Studio::open(json!({"*": [{"fault": "hang"}]}), &["openai"]).await;
    studio.cancel.cancel();
    let error = studio.failed("understand_image", json!({"image_path": "dot.png"})).await;
    assert_eq!(error, "cancelled");
}

#[tokio::test]
async fn replies_without_end_and_of_nonsense_are_refused() {
    let mut studio = Studio::open(json!({"*": [{"say": "word", "fault": {"bulk_mb": 2}}]}), &["openai"]).await;
    studio.policy.reply_bytes_max = 1 << 20;
    let error = studio.failed("understand_image", json!({"image_path": "dot.png"})).await;
    assert!(error.contains("more than 1 MiB"), "{error}");

    for (reply, words) in
        [("<html>sorry</html>", "not JSON"), ("{\"output\": []}", "gave nothing back"), ("[1, 2]", "gave nothing back")]
    {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut studio = Studio::saying("ok", &["openai"]).await;
        studio.accounts[0].base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 16 << 10];
            let _ = stream.read(&mut buffer).await.unwrap();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", reply.len());
            stream.write_all(format!("{head}{reply}").as_bytes()).await.unwrap();
        };
        let (error, ()) = tokio::join!(studio.failed("understand_image", json!({"image_path": "dot.png"})), serve);
        assert!(error.contains(words), "{reply}: {error}");
    }
}

#[tokio::test]
async fn nobody_there_is_said() {
    let mut studio = Studio::saying("ok", &["openai"]).await;
    // A port that was free a moment ago.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    studio.accounts[0].base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let error = studio.failed("understand_image", json!({"image_path": "dot.png"})).await;
    assert!(error.contains("OpenAI cannot be reached") && error.contains("refused"), "{error}");
}
