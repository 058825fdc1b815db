//! What each backend type is: the wire protocol it speaks, where it is, how it is paid, what its
//! models can do. Data only: a provider that speaks a known protocol is a row here, not a module.

mod infer;
mod price;
mod table;

pub use infer::{provider_for_base_url, provider_for_model};
pub use price::{Price, Prices, price};
pub use table::PROVIDERS;

/// One backend type of the config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provider {
    /// The config's `backend.type`.
    pub kind: &'static str,
    /// The name that users read.
    pub name: &'static str,
    /// What it speaks.
    pub protocol: Protocol,
    /// Where it is, unless the config says otherwise; `None`: the config must say.
    pub base_url: Option<&'static str>,
    /// The variables that hold its key; the first one that is set counts.
    pub key_variables: &'static [&'static str],
    /// Whether a request needs a key.
    pub key_need: KeyNeed,
    /// The model when the config names none; `None`: the config must name one.
    pub default_model: Option<&'static str>,
    /// What it can do beyond plain chat.
    pub capabilities: &'static [Capability],
    /// Its best-known models, for wizards and lists. Others are allowed.
    pub models: &'static [&'static str],
    /// Where it departs from its protocol.
    pub quirks: &'static [Quirk],
}

impl Provider {
    /// Whether this backend type can do `capability`.
    #[must_use]
    pub fn can(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }

    /// Whether this backend type departs from its protocol by `quirk`.
    #[must_use]
    pub fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }
}

/// What a backend speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// OpenAI Responses.
    Responses,
    /// OpenAI Chat Completions.
    ChatCompletions,
    /// Anthropic Messages.
    Messages,
    /// Gemini `streamGenerateContent`.
    Gemini,
    /// A coding agent that is run as a program, such as Claude Code.
    Program,
    /// An agent framework in the user's Python, such as AG2.
    Framework,
}

/// Whether a request needs a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyNeed {
    /// Without one, no request is made.
    Required,
    /// Sent when it is there: local servers, programs with a login of their own.
    Optional,
}

/// What a backend can do beyond plain chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Understands audio.
    AudioUnderstanding,
    /// Makes audio.
    AudioGeneration,
    /// Brings a shell of its own.
    Bash,
    /// Runs code on the provider's side.
    CodeExecution,
    /// Brings file tools of its own.
    NativeFilesystem,
    /// Makes images.
    ImageGeneration,
    /// Understands images.
    ImageUnderstanding,
    /// Takes MCP servers.
    Mcp,
    /// Calls tools from code on the provider's side.
    ProgrammaticToolCalling,
    /// Reasons before it answers, adjustably.
    Reasoning,
    /// Finds tools by search on the provider's side.
    ToolSearch,
    /// Makes video.
    VideoGeneration,
    /// Understands video.
    VideoUnderstanding,
    /// Searches the web on the provider's side.
    WebSearch,
    /// Searches X on the provider's side.
    XSearch,
}

impl Capability {
    /// The name in configs and lists.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AudioUnderstanding => "audio_understanding",
            Self::AudioGeneration => "audio_generation",
            Self::Bash => "bash",
            Self::CodeExecution => "code_execution",
            Self::NativeFilesystem => "filesystem_native",
            Self::ImageGeneration => "image_generation",
            Self::ImageUnderstanding => "image_understanding",
            Self::Mcp => "mcp",
            Self::ProgrammaticToolCalling => "programmatic_tool_calling",
            Self::Reasoning => "reasoning",
            Self::ToolSearch => "tool_search",
            Self::VideoGeneration => "video_generation",
            Self::VideoUnderstanding => "video_understanding",
            Self::WebSearch => "web_search",
            Self::XSearch => "x_search",
        }
    }
}

/// Where a provider departs from its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quirk {
    /// Takes no `stream_options` and so sends no usage.
    NoStreamOptions,
    /// Refuses `tool_choice: required`.
    NoRequiredToolChoice,
    /// Takes sampling parameters that OpenAI does not know only at the top level of the body.
    ExtraBodyAtTopLevel,
    /// Serves deployments under `/openai/deployments/MODEL` with an `api-key` header.
    AzureDeployments,
    /// Bills in tokens that run on the user's own machine: the price is zero.
    RunsLocally,
}

/// The row of a `backend.type`. Case does not matter; `autogen` is the old name of `ag2`.
#[must_use]
pub fn provider(kind: &str) -> Option<&'static Provider> {
    let kind = if kind.eq_ignore_ascii_case("autogen") { "ag2" } else { kind };
    PROVIDERS.iter().find(|provider| provider.kind.eq_ignore_ascii_case(kind))
}
