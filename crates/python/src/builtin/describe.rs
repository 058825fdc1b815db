//! What models are told of the functions.

use serde_json::{Value, json};

use super::{Builtin, make, read_media, understand};

impl Builtin {
    /// Its name, what it does, and the schema of its arguments.
    pub(super) fn described(self) -> (&'static str, &'static str, Value) {
        let path = json!({"type": "string", "description": "Path of the file, relative to your workspace"});
        match self {
            Self::TwoNumTool => (
                "two_num_tool",
                "Add two numbers together.",
                object(
                    &json!({
                        "x": {"type": "integer", "description": "First number"},
                        "y": {"type": "integer", "description": "Second number"},
                    }),
                    &["x", "y"],
                ),
            ),
            Self::ReadFileContent => (
                "read_file_content",
                "Read a text file, or some lines of it.",
                object(
                    &json!({
                        "target_path": path,
                        "line_range": {
                            "type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2,
                            "description": "First and last line, counted from 1; negative ones count from the end",
                        },
                    }),
                    &["target_path"],
                ),
            ),
            Self::SaveFileContent => (
                "save_file_content",
                "Write a text file; what was in it is gone.",
                object(
                    &json!({
                        "target_path": path,
                        "file_content": {"type": "string", "description": "What to write"},
                        "create_dirs": {
                            "type": "boolean", "default": true, "description": "Whether to create missing folders",
                        },
                    }),
                    &["target_path", "file_content"],
                ),
            ),
            Self::AppendFileContent => (
                "append_file_content",
                "Add to the end of a text file, or insert before one of its lines.",
                object(
                    &json!({
                        "target_path": path,
                        "additional_content": {"type": "string", "description": "What to add"},
                        "line_position": {
                            "type": "integer", "description": "Before which line, counted from 1; without it, at the end",
                        },
                    }),
                    &["target_path", "additional_content"],
                ),
            ),
            Self::GenerateMedia => (
                "generate_media",
                "Have pictures or speech made. They are saved in your workspace, under names that the result tells.",
                object(
                    &json!({
                        "prompt": {"type": "string", "description": "What to make; for speech, the words to say"},
                        "prompts": {
                            "type": "array", "items": {"type": "string"}, "maxItems": make::PROMPTS_MAX,
                            "description": "Several of them, in place of `prompt`",
                        },
                        "mode": {"type": "string", "enum": ["image", "audio"], "default": "image"},
                        "input_images": paths("Pictures to start from"),
                        "storage_path": storage_path(),
                        "backend_type": {"type": "string", "description": "Who makes it; usually left out"},
                        "model": model("makes it"),
                        "quality": {"type": "string", "description": "low, medium or high"},
                        "aspect_ratio": {"type": "string", "description": "Of a picture, such as 16:9"},
                        "voice": {"type": "string", "description": "Of speech, such as alloy or nova"},
                        "audio_format": audio_format("mp3"),
                        "instructions": {"type": "string", "description": "How to speak"},
                    }),
                    &[],
                ),
            ),
            Self::ImageToImageGeneration => (
                "image_to_image_generation",
                "Have a picture made from others. It is saved in your workspace.",
                object(
                    &json!({
                        "base_image_paths": paths("The pictures to start from"),
                        "prompt": {
                            "type": "string", "default": make::VARIATION_PROMPT, "description": "What to make of them",
                        },
                        "model": model("draws"),
                        "storage_path": storage_path(),
                    }),
                    &["base_image_paths"],
                ),
            ),
            Self::TextToImageGeneration => (
                "text_to_image_generation",
                "Have a picture made. It is saved in your workspace.",
                object(
                    &json!({
                        "prompt": {"type": "string", "description": "What it is to show"},
                        "model": model("draws"),
                        "storage_path": storage_path(),
                    }),
                    &["prompt"],
                ),
            ),
            Self::TextToSpeechTranscriptionGeneration => (
                "text_to_speech_transcription_generation",
                "Have a text read out, word for word. The recording is saved in your workspace.",
                object(
                    &json!({
                        "input_text": {"type": "string", "description": "The words"},
                        "model": model("speaks"),
                        "voice": {"type": "string", "default": make::VOICE},
                        "instructions": {"type": "string", "description": "How to speak"},
                        "storage_path": storage_path(),
                        "audio_format": audio_format("mp3"),
                    }),
                    &["input_text"],
                ),
            ),
            Self::TextToSpeechContinueGeneration => (
                "text_to_speech_continue_generation",
                "Have a prompt answered aloud. The recording is saved in your workspace.",
                object(
                    &json!({
                        "prompt": {"type": "string", "description": "What to answer"},
                        "model": model("speaks"),
                        "voice": {"type": "string", "default": make::VOICE},
                        "audio_format": audio_format("wav"),
                        "storage_path": storage_path(),
                    }),
                    &["prompt"],
                ),
            ),
            Self::TextToFileGeneration => (
                "text_to_file_generation",
                "Have a text written by another model and saved as a file in your workspace.",
                object(
                    &json!({
                        "prompt": {"type": "string", "description": "What to write"},
                        "file_format": {"type": "string", "enum": ["txt", "md"], "default": "txt"},
                        "filename": {"type": "string", "description": "Its name; otherwise it follows from the prompt"},
                        "model": model("writes"),
                        "storage_path": storage_path(),
                    }),
                    &["prompt"],
                ),
            ),
            Self::ReadMedia => (
                "read_media",
                "Ask about pictures, recordings, films and documents. Say what to look for: \"what is missing or \
                 broken?\" tells more than \"describe this\".",
                object(
                    &json!({
                        "file_path": {"type": "string", "description": "One file, relative to your workspace"},
                        "inputs": {
                            "type": "array", "maxItems": read_media::INPUTS_MAX,
                            "description": "Several questions, in place of `file_path`",
                            "items": {
                                "type": "object",
                                "properties": {
                                    "files": paths("The files that the question is about"),
                                    "prompt": {"type": "string"},
                                },
                                "required": ["files"],
                            },
                        },
                        "prompt": {"type": "string", "description": "The question, where an input has none of its own"},
                    }),
                    &[],
                ),
            ),
            Self::UnderstandAudio => (
                "understand_audio",
                "Have recordings written down, or ask a model about them.",
                object(
                    &json!({
                        "audio_paths": paths("The recordings"),
                        "prompt": {"type": "string", "description": "A question; without one, the words are written down"},
                        "model": model("listens"),
                    }),
                    &["audio_paths"],
                ),
            ),
            Self::UnderstandFile => (
                "understand_file",
                "Ask a model about a text file or a PDF document.",
                object(
                    &json!({
                        "file_path": {"type": "string", "description": "The file, relative to your workspace"},
                        "prompt": {
                            "type": "string", "default": understand::FILE_PROMPT, "description": "The question about it",
                        },
                        "model": model("reads it"),
                        "max_chars": {
                            "type": "integer", "default": understand::FILE_CHARACTERS, "minimum": 1,
                            "description": "How much of a text is read",
                        },
                    }),
                    &["file_path"],
                ),
            ),
            Self::UnderstandImage => (
                "understand_image",
                "Look at an image and answer a question about it, or describe it.",
                object(
                    &json!({
                        "image_path": {
                            "type": "string",
                            "description": "Path of a PNG, JPEG, GIF or WebP file, relative to your workspace",
                        },
                        "prompt": {
                            "type": "string", "default": understand::IMAGE_PROMPT,
                            "description": "The question about the image",
                        },
                        "model": model("looks at it"),
                    }),
                    &["image_path"],
                ),
            ),
            Self::UnderstandVideo => (
                "understand_video",
                "Ask a model about a film of up to 15 MiB.",
                object(
                    &json!({
                        "video_path": {"type": "string", "description": "The film, relative to your workspace"},
                        "prompt": {
                            "type": "string", "default": understand::VIDEO_PROMPT,
                            "description": "The question about it",
                        },
                        "model": model("watches it"),
                    }),
                    &["video_path"],
                ),
            ),
        }
    }
}

fn object(properties: &Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required})
}

fn paths(meaning: &str) -> Value {
    json!({
        "type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": super::attach::FILES_MAX,
        "description": format!("{meaning}, relative to your workspace"),
    })
}

fn model(does: &str) -> Value {
    json!({"type": "string", "description": format!("Which model {does}; usually left out")})
}

fn storage_path() -> Value {
    json!({"type": "string", "description": "The folder to save it in, relative to your workspace"})
}

fn audio_format(usual: &str) -> Value {
    json!({"type": "string", "enum": make::AUDIO_FORMATS, "default": usual})
}
