//! The functions that configurations name and that belong to massgen.

mod attach;
mod describe;
mod files;
mod make;
mod read_media;
mod table;
mod understand;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use massgen_protocol::ToolSpec;
use massgen_tool::{CallContext, Effect, Tool, ToolOutcome};
use serde_json::{Map, Value};

use crate::media::MediaProvider;
use crate::paths::ToolPaths;
use crate::spec::{FunctionSpec, custom_tool_name};
pub use table::{BUILTIN_FUNCTIONS, BuiltinFunction, Presence};
pub(crate) use table::{belongs_to_package, file_of, find, find_in_file};

/// Arguments of the reference that nothing here depends on: paths are confined in any case, and a film goes to the model
/// as it is.
const WITHOUT_MEANING: &[&str] = &["agent_cwd", "allowed_paths", "num_frames", "task_context"];

/// What functions of massgen work with.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) paths: Arc<dyn ToolPaths>,
    pub(crate) media: Option<Arc<dyn MediaProvider>>,
    pub(crate) output_bytes_max: usize,
}

/// A function of massgen as a tool.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BuiltinTool {
    function: Builtin,
    pub(crate) tool: Tool,
    preset: Map<String, Value>,
}

/// The functions that exist here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builtin {
    /// Appends to a file, or inserts a line.
    AppendFileContent,
    /// Has pictures or speech made.
    GenerateMedia,
    /// Has a picture made from pictures.
    ImageToImageGeneration,
    /// Reads a text file.
    ReadFileContent,
    /// Asks a model about pictures, recordings, films and documents.
    ReadMedia,
    /// Writes a text file.
    SaveFileContent,
    /// Has a text written into a file.
    TextToFileGeneration,
    /// Has a picture made.
    TextToImageGeneration,
    /// Has a prompt answered aloud.
    TextToSpeechContinueGeneration,
    /// Has a text read out.
    TextToSpeechTranscriptionGeneration,
    /// Adds two numbers.
    TwoNumTool,
    /// Has recordings written down.
    UnderstandAudio,
    /// Asks a model about a document.
    UnderstandFile,
    /// Asks a model about an image.
    UnderstandImage,
    /// Asks a model about a film.
    UnderstandVideo,
}

impl BuiltinTool {
    /// `function` as `spec` wants it offered.
    pub(crate) fn new(function: Builtin, spec: &FunctionSpec) -> Result<Self, String> {
        let (name, description, mut parameters) = function.described();
        let known = parameters.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        // Arguments that the reference has beside, and that have no meaning here, are let through.
        let strange = |key: &&String| !known.contains_key(*key) && !WITHOUT_MEANING.contains(&key.as_str());
        if let Some(key) = spec.preset_args.keys().find(strange) {
            return Err(format!("preset argument `{key}` that the function does not have"));
        }
        hide(&mut parameters, &spec.preset_args);
        let effect = if function.effect() == Effect::None { Effect::None } else { spec.effect.min(function.effect()) };
        let spec_of_tool = ToolSpec {
            name: custom_tool_name(spec.name.as_deref().unwrap_or(name)),
            description: spec.description.clone().unwrap_or_else(|| description.to_owned()),
            parameters,
        };
        let tool = Tool { spec: spec_of_tool, effect };
        Ok(Self { function, tool, preset: spec.preset_args.clone() })
    }

    /// Runs a call. What the user has decided on outweighs what the model says.
    pub(crate) async fn call(
        &self,
        arguments: Map<String, Value>,
        context: &CallContext,
        surroundings: &Surroundings,
    ) -> ToolOutcome {
        let mut arguments = arguments;
        arguments.extend(self.preset.clone());
        let run: BoxFuture<'_, Result<ToolOutcome, String>> = match self.function {
            Builtin::TwoNumTool => Box::pin(std::future::ready(two_num_tool(&arguments))),
            Builtin::ReadFileContent => Box::pin(files::read(&arguments, context, surroundings)),
            Builtin::SaveFileContent => Box::pin(files::save(&arguments, context, surroundings)),
            Builtin::AppendFileContent => Box::pin(files::append(&arguments, context, surroundings)),
            Builtin::GenerateMedia => Box::pin(make::media(&arguments, context, surroundings)),
            Builtin::ImageToImageGeneration => Box::pin(make::from_images(&arguments, context, surroundings)),
            Builtin::TextToFileGeneration => Box::pin(make::file(&arguments, context, surroundings)),
            Builtin::TextToImageGeneration => Box::pin(make::image(&arguments, context, surroundings)),
            Builtin::TextToSpeechContinueGeneration => Box::pin(make::answer(&arguments, context, surroundings)),
            Builtin::TextToSpeechTranscriptionGeneration => Box::pin(make::speech(&arguments, context, surroundings)),
            Builtin::ReadMedia => Box::pin(read_media::read(&arguments, context, surroundings)),
            Builtin::UnderstandAudio => Box::pin(understand::audio(&arguments, context, surroundings)),
            Builtin::UnderstandFile => Box::pin(understand::file(&arguments, context, surroundings)),
            Builtin::UnderstandImage => Box::pin(understand::image(&arguments, context, surroundings)),
            Builtin::UnderstandVideo => Box::pin(understand::video(&arguments, context, surroundings)),
        };
        run.await.unwrap_or_else(ToolOutcome::failed)
    }
}

impl Builtin {
    /// Whether it asks a provider.
    pub(crate) fn needs_media(self) -> bool {
        !matches!(self, Self::AppendFileContent | Self::ReadFileContent | Self::SaveFileContent | Self::TwoNumTool)
    }

    fn effect(self) -> Effect {
        match self {
            Self::TwoNumTool
            | Self::ReadFileContent
            | Self::ReadMedia
            | Self::UnderstandAudio
            | Self::UnderstandFile
            | Self::UnderstandImage
            | Self::UnderstandVideo => Effect::None,
            Self::SaveFileContent
            | Self::AppendFileContent
            | Self::GenerateMedia
            | Self::ImageToImageGeneration
            | Self::TextToFileGeneration
            | Self::TextToImageGeneration
            | Self::TextToSpeechContinueGeneration
            | Self::TextToSpeechTranscriptionGeneration => Effect::Own,
        }
    }
}

/// Takes what is decided out of a schema.
fn hide(parameters: &mut Value, preset: &Map<String, Value>) {
    if let Some(properties) = parameters.get_mut("properties").and_then(Value::as_object_mut) {
        properties.retain(|name, _| !preset.contains_key(name));
    }
    if let Some(required) = parameters.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| !name.as_str().is_some_and(|name| preset.contains_key(name)));
    }
}

fn two_num_tool(arguments: &Map<String, Value>) -> Result<ToolOutcome, String> {
    let number = |name: &str| match arguments.get(name) {
        Some(Value::Number(number)) => Ok(number.clone()),
        _ => Err(format!("`{name}` must be a number")),
    };
    let (x, y) = (number("x")?, number("y")?);
    let sum = match (x.as_i64(), y.as_i64()) {
        (Some(a), Some(b)) => (i128::from(a) + i128::from(b)).to_string(),
        _ => {
            let float = |number: &serde_json::Number| number.as_f64().unwrap_or(f64::NAN);
            (float(&x) + float(&y)).to_string()
        }
    };
    Ok(ToolOutcome::done(format!("The sum of {x} and {y} is {sum}")))
}

/// A text argument that may be left out.
fn optional<'a>(arguments: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    arguments.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
}

/// A text argument that must be there.
fn text<'a>(arguments: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    arguments.get(name).and_then(Value::as_str).ok_or_else(|| format!("`{name}` must be a text"))
}
