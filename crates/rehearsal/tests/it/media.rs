//! Pictures, sound and documents, sent and made. Every refusal is of a good request with one defect.

use massgen_rehearsal::{RehearsalServer, Wire};
use serde_json::{Value, json};

use crate::client::{headers, model, post, request, start};

const ECHO: &str = "models: {'*': [{say: seen}]}";
/// The smallest things with the first bytes of what they stand for.
const PNG: &str = "iVBORw0KGgo=";
const JPEG: &str = "/9j/4A==";
const PDF: &str = "JVBERi0xLjc=";

/// A question about a file, in each protocol's form.
fn asking(wire: Wire, kind: &str, data: &str) -> Value {
    let url = format!("data:{kind};base64,{data}");
    let is_image = kind.starts_with("image/");
    let part = match wire {
        Wire::Responses if is_image => json!({"type": "input_image", "image_url": url, "detail": "auto"}),
        Wire::Responses => json!({"type": "input_file", "filename": "a.pdf", "file_data": url}),
        Wire::ChatCompletions if is_image => json!({"type": "image_url", "image_url": {"url": url}}),
        Wire::ChatCompletions => json!({"type": "file", "file": {"filename": "a.pdf", "file_data": url}}),
        Wire::Messages => {
            let block = if is_image { "image" } else { "document" };
            json!({"type": block, "source": {"type": "base64", "media_type": kind, "data": data}})
        }
        Wire::Gemini => json!({"inlineData": {"mimeType": kind, "data": data}}),
    };
    let name = model(wire);
    match wire {
        Wire::Responses => json!({"model": name, "input": [{"role": "user", "content": [part]}]}),
        Wire::ChatCompletions => json!({"model": name, "messages": [{"role": "user", "content": [part]}]}),
        Wire::Messages => {
            json!({"model": name, "max_tokens": 100, "messages": [{"role": "user", "content": [part]}]})
        }
        Wire::Gemini => json!({"contents": [{"role": "user", "parts": [part]}]}),
    }
}

#[tokio::test]
async fn what_is_attached_must_be_what_it_says() {
    let server = start(ECHO).await;
    for wire in Wire::ALL {
        for (kind, data) in [("image/png", PNG), ("image/jpeg", JPEG), ("application/pdf", PDF)] {
            let reply = post(&server, wire, false, &asking(wire, kind, data)).await;
            assert_eq!(reply.status, 200, "{wire:?} {kind}: {}", reply.text());
        }
        let mut defects = vec![("image/png", "not Base64!"), ("image/png", "AAAA"), ("image/bmp", "Qk0=")];
        if wire != Wire::Gemini {
            defects.push(("application/pdf", PNG));
        }
        for (kind, data) in defects {
            let reply = post(&server, wire, false, &asking(wire, kind, data)).await;
            assert_eq!(reply.status, 400, "{wire:?} {kind} {data}: {}", reply.text());
        }
    }
    for wire in [Wire::Messages, Wire::Gemini] {
        let reply = post(&server, wire, false, &asking(wire, "image/png", JPEG)).await;
        assert_eq!(reply.status, 400, "{wire:?} sees through a wrong label: {}", reply.text());
    }
}

async fn make(server: &RehearsalServer, path: &str, body: &Value) -> crate::client::Reply {
    request(server, "POST", path, headers(Wire::ChatCompletions), &body.to_string()).await.unwrap()
}

#[tokio::test]
async fn whoever_insists_on_a_picture_gets_one() {
    let server = start(ECHO).await;
    let drawn = |reply: &Value, place: &str| {
        reply.pointer(place).and_then(Value::as_str).unwrap_or_else(|| panic!("{reply}")).contains("iVBORw0KGgo")
    };
    let tools = json!([{"type": "image_generation", "quality": "low"}]);
    let mut body = json!({"model": "gpt-5-nano", "input": "a disc", "tools": tools});
    let talked = post(&server, Wire::Responses, false, &body).await.json();
    assert_eq!(talked["output"][0]["type"], "message", "an offer is no order");
    body["tool_choice"] = json!({"type": "image_generation"});
    let reply = post(&server, Wire::Responses, false, &body).await.json();
    assert!(drawn(&reply, "/output/0/result"));
    body["stream"] = json!(true);
    let events = post(&server, Wire::Responses, true, &body).await.events();
    assert!(events.iter().any(|event| event["type"] == "response.image_generation_call.completed"));
    body["tools"] = json!([]);
    assert_eq!(post(&server, Wire::Responses, false, &body).await.status, 400, "a choice that is not offered");

    let chat =
        json!({"model": "m", "messages": [{"role": "user", "content": "a disc"}], "modalities": ["image", "text"]});
    let reply = post(&server, Wire::ChatCompletions, false, &chat).await.json();
    assert!(drawn(&reply, "/choices/0/message/images/0/image_url/url"));

    let gemini = json!({"contents": [{"parts": [{"text": "a disc"}]}],
        "generationConfig": {"responseModalities": ["TEXT", "IMAGE"], "imageConfig": {"aspectRatio": "16:9"}}});
    let at = |model: &str| format!("/v1beta/models/{model}:generateContent");
    let ask = |model: &str| {
        let (path, gemini) = (at(model), gemini.to_string());
        let server = &server;
        async move { request(server, "POST", &path, headers(Wire::Gemini), &gemini).await.unwrap() }
    };
    assert!(drawn(&ask("gemini-2.5-flash-image").await.json(), "/candidates/0/content/parts/1/inlineData/data"));
    assert_eq!(ask("gemini-2.5-flash").await.status, 400, "a model that does not draw");

    let good = json!({"model": "gpt-image-1", "prompt": "a disc", "size": "1024x1024"});
    assert!(drawn(&make(&server, "/v1/images/generations", &good).await.json(), "/data/0/b64_json"));
    for (key, value) in [
        ("size", json!("7x7")),
        ("response_format", json!("b64_json")),
        ("model", json!("gpt-5")),
        ("n", json!("one")),
        ("colour", json!("red")),
    ] {
        let mut bad = good.clone();
        bad[key] = value;
        assert_eq!(make(&server, "/v1/images/generations", &bad).await.status, 400, "{key}");
    }
    let grok = json!({"model": "grok-imagine-image", "prompt": "a disc", "size": "1024x1024"});
    let reply = make(&server, "/v1/images/generations", &grok).await.text();
    assert!(reply.contains("Argument not supported: size"), "{reply}");
}

#[tokio::test]
async fn texts_are_read_out_and_prompts_answered_aloud() {
    let server = start(ECHO).await;
    let good = json!({"model": "gpt-4o-mini-tts", "input": "hello", "voice": "alloy"});
    let reply = make(&server, "/v1/audio/speech", &good).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("audio/mpeg")));
    assert_eq!(reply.chunks.concat()[..2], [0xff, 0xfb]);
    for (key, value) in [("voice", json!("robot")), ("response_format", json!("midi")), ("input", Value::Null)] {
        let mut bad = good.clone();
        bad[key] = value;
        assert_eq!(make(&server, "/v1/audio/speech", &bad).await.status, 400, "{key}");
    }
    let mut chat = json!({"model": "gpt-4o-audio-preview", "messages": [{"role": "user", "content": "hello"}],
        "modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}});
    let audio =
        post(&server, Wire::ChatCompletions, false, &chat).await.json()["choices"][0]["message"]["audio"].clone();
    assert_eq!(audio["transcript"], "seen");
    assert!(audio["data"].as_str().unwrap().starts_with("UklGR"), "{audio}");
    chat["audio"] = Value::Null;
    assert_eq!(post(&server, Wire::ChatCompletions, false, &chat).await.status, 400, "a voice is needed");
}

#[tokio::test]
async fn recordings_are_written_down() {
    let server = start(ECHO).await;
    let form = |fields: &str, file: &str, content: &str| {
        format!(
            "--b\r\n{fields}Content-Disposition: form-data; name=\"file\"; filename=\"{file}\"\r\n\r\n{content}\r\n--b--\r\n"
        )
    };
    let field =
        |name: &str, value: &str| format!("Content-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n--b\r\n");
    let mut all = headers(Wire::ChatCompletions).to_vec();
    all.push(("content-type", "multipart/form-data; boundary=b"));
    let named = field("model", "gpt-4o-transcribe");
    let send = async |body: String| request(&server, "POST", "/v1/audio/transcriptions", &all, &body).await.unwrap();
    let reply = send(form(&named, "a.mp3", "ID3....")).await;
    assert_eq!((reply.status, reply.json()), (200, json!({"text": "seen"})));
    let verbose = named.clone() + &field("response_format", "verbose_json");
    for (what, body) in [
        ("no model", form("", "a.mp3", "ID3....")),
        ("a name that tells no format", form(&named, "a.bin", "ID3....")),
        ("no recording", form(&named, "a.mp3", "hello")),
        ("a format that this model does not have", form(&verbose, "a.mp3", "ID3....")),
        ("an unknown field", form(&(named.clone() + &field("colour", "red")), "a.mp3", "ID3....")),
        ("no form", "{}".to_owned()),
    ] {
        assert_eq!(send(body).await.status, 400, "{what}");
    }
    let received = server.received();
    assert_eq!(received[0].body["file"], json!({"filename": "a.mp3", "bytes": 7}));
}

#[tokio::test]
async fn faults_and_keys_count_for_everything_that_is_made() {
    let yaml = "key: good\nmodels: {gpt-image-1: [{times: 1, fault: {status: 429, retry_after: 7}}, {say: drawn}]}";
    let server = start(yaml).await;
    let body = json!({"model": "gpt-image-1", "prompt": "a disc"}).to_string();
    let with = async |key: &str| {
        let bearer = format!("Bearer {key}");
        request(&server, "POST", "/v1/images/generations", &[("authorization", &bearer)], &body).await.unwrap()
    };
    assert_eq!(with("bad").await.status, 401);
    let limited = with("good").await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("7")));
    assert_eq!(with("good").await.status, 200);
    let other = json!({"model": "gpt-image-2", "prompt": "a disc"}).to_string();
    let reply = request(&server, "POST", "/v1/images/generations", &[("authorization", "Bearer good")], &other).await;
    assert_eq!(reply.unwrap().status, 404);
}
