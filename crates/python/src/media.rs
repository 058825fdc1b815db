//! What models see, hear, draw and say for tools.

mod recognise;

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use massgen_tool::CallContext;
pub(crate) use recognise::recognise;

/// Why a provider could not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct MediaError {
    /// What failed and what to do, in words for the model and the user. It holds no key.
    pub message: String,
}

impl MediaError {
    /// An error in these words.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// What kind of thing a file is to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A recording.
    Audio,
    /// A film.
    Video,
    /// A PDF document. Plain text is not among the kinds: it is part of the prompt.
    Document,
}

impl MediaKind {
    /// As configurations write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Document => "file",
        }
    }
}

/// A file that a tool has read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub kind: MediaKind,
    /// `image/png` and the like, from its first bytes, not from its name.
    pub media_type: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
}

impl Attachment {
    /// The file's name without its folders.
    #[must_use]
    pub fn file_name(&self) -> String {
        self.path.file_name().map_or_else(|| "file".to_owned(), |name| name.to_string_lossy().into_owned())
    }
}

/// Whom a call asks for; without a wish, the configuration and the keys that are there decide.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MediaTarget<'a> {
    /// A backend type, such as `openai`.
    pub backend: Option<&'a str>,
    /// A model of it.
    pub model: Option<&'a str>,
}

/// A question about files, or about nothing but its own words.
#[derive(Debug, Clone, Copy)]
pub struct MediaQuestion<'a> {
    /// The files, in the order in which they are shown.
    pub attachments: &'a [Attachment],
    /// The question.
    pub prompt: &'a str,
    /// Who is to answer.
    pub target: MediaTarget<'a>,
}

/// A picture to be made.
#[derive(Debug, Clone, Copy)]
pub struct DrawingOrder<'a> {
    /// What it is to show.
    pub prompt: &'a str,
    /// Pictures to start from.
    pub images: &'a [Attachment],
    /// Width to height, such as `16:9`.
    pub aspect_ratio: Option<&'a str>,
    /// `low`, `medium`, `high` and what else the provider knows.
    pub quality: Option<&'a str>,
    /// Who is to draw.
    pub target: MediaTarget<'a>,
}

/// Speech to be made.
#[derive(Debug, Clone, Copy)]
pub struct SpeechOrder<'a> {
    /// What is to be read out, or what is to be answered.
    pub text: &'a str,
    /// Whether the text is a prompt, which a model answers aloud, and not the words themselves.
    pub answers: bool,
    /// A voice of the provider's.
    pub voice: &'a str,
    /// `mp3`, `wav` and the like.
    pub format: &'a str,
    /// How to speak.
    pub instructions: Option<&'a str>,
    /// Who is to speak.
    pub target: MediaTarget<'a>,
}

/// What a model says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaAnswer {
    /// Its words.
    pub text: String,
    /// The backend type that was asked.
    pub backend: &'static str,
    /// The model that was asked.
    pub model: String,
}

/// What a model made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeMedia {
    /// The files; at least one.
    pub files: Vec<MadeFile>,
    /// What the model says of them, if anything.
    pub text: Option<String>,
    /// The backend type that was asked.
    pub backend: &'static str,
    /// The model that was asked.
    pub model: String,
}

/// One file that a model made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeFile {
    /// Its content.
    pub bytes: Vec<u8>,
    /// How its name ends, without the dot.
    pub extension: String,
}

/// Whoever can ask models about pictures and sound, and have them made. The tools check paths, types and sizes; this
/// makes the calls. Dropping a future gives its call up.
pub trait MediaProvider: Send + Sync {
    /// What a model answers.
    fn understand<'a>(
        &'a self,
        question: MediaQuestion<'a>,
        context: &'a CallContext,
    ) -> BoxFuture<'a, Result<MediaAnswer, MediaError>>;

    /// A picture.
    fn draw<'a>(
        &'a self,
        order: DrawingOrder<'a>,
        context: &'a CallContext,
    ) -> BoxFuture<'a, Result<MadeMedia, MediaError>>;

    /// Speech.
    fn speak<'a>(
        &'a self,
        order: SpeechOrder<'a>,
        context: &'a CallContext,
    ) -> BoxFuture<'a, Result<MadeMedia, MediaError>>;
}
