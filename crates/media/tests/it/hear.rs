//! Recordings and speech.

use serde_json::json;

use crate::studio::Studio;

const MP3: &[u8] = b"ID3\x04\0\0\0\0\0\0....";

#[tokio::test]
async fn recordings_are_written_down() {
    let studio = Studio::saying("Good morning.", &["openai"]).await;
    studio.write("note.bin", MP3);
    let result = studio.done("understand_audio", json!({"audio_paths": ["note.bin"]})).await;
    assert_eq!(result["transcriptions"][0]["transcription"], "Good morning.");
    assert_eq!(result["model"], "gpt-4o-transcribe");
    let request = studio.request();
    assert_eq!(request.path, "/v1/audio/transcriptions");
    let file = json!({"filename": "recording.mp3", "bytes": MP3.len()});
    assert_eq!(request.body, json!({"model": "gpt-4o-transcribe", "response_format": "json", "file": file}));
}

#[tokio::test]
async fn a_model_that_hears_is_asked_directly() {
    let studio = Studio::saying("Somebody greets.", &["gemini"]).await;
    studio.write("note.mp3", MP3);
    let result = studio.done("read_media", json!({"file_path": "note.mp3", "prompt": "What happens?"})).await;
    assert_eq!(result["response"], "Somebody greets.");
    assert_eq!(studio.request().body["contents"][0]["parts"][0]["inlineData"]["mimeType"], "audio/mpeg");
}

#[tokio::test]
async fn texts_are_read_out() {
    let studio = Studio::saying("Done.", &["openai", "gemini"]).await;
    let order =
        json!({"input_text": "Hello there", "voice": "nova", "instructions": "softly", "storage_path": "sound"});
    let result = studio.done("text_to_speech_transcription_generation", order).await;
    assert_eq!(result["audio_file"]["file_path"], "sound/Hello_there.mp3");
    assert_eq!(std::fs::read(studio.path("sound/Hello_there.mp3")).unwrap()[..2], [0xff, 0xfb]);
    let expected = json!({"model": "gpt-4o-mini-tts", "input": "Hello there", "voice": "nova",
        "response_format": "mp3", "instructions": "softly"});
    assert_eq!(studio.request().body, expected);
    let order = json!({"prompt": "Hi", "mode": "audio", "audio_format": "wav"});
    assert_eq!(studio.done("generate_media", order).await["file_path"], "Hi.wav");
    assert!(std::fs::read(studio.path("Hi.wav")).unwrap().starts_with(b"RIFF"));
}

#[tokio::test]
async fn prompts_are_answered_aloud() {
    let studio = Studio::saying("It is noon.", &["openai"]).await;
    let result = studio.done("text_to_speech_continue_generation", json!({"prompt": "What time is it?"})).await;
    assert_eq!(result["text_response"], "It is noon.");
    assert_eq!(result["audio_file"]["file_path"], "What_time_is_it.wav");
    assert!(std::fs::read(studio.path("What_time_is_it.wav")).unwrap().starts_with(b"RIFF"));
}

#[tokio::test]
async fn what_a_speaker_refuses_is_told() {
    let studio = Studio::saying("Done.", &["openai"]).await;
    let order = json!({"input_text": "Hello", "voice": "robot"});
    let error = studio.failed("text_to_speech_transcription_generation", order).await;
    assert!(error.contains("HTTP 400") && error.contains("'robot'"), "{error}");
    let error = studio.failed("text_to_speech_transcription_generation", json!({"input_text": "a".repeat(5000)})).await;
    assert!(error.contains("maximum length 4096"), "{error}");
    let order = json!({"input_text": "Hello", "audio_format": "midi"});
    let error = studio.failed("text_to_speech_transcription_generation", order).await;
    assert!(error.contains("mp3, opus"), "{error}");
}
