//! The table of backend types.

use crate::Capability::{
    AudioGeneration, AudioUnderstanding, Bash, CodeExecution, ImageGeneration, ImageUnderstanding, Mcp,
    NativeFilesystem, ProgrammaticToolCalling, Reasoning, ToolSearch, VideoGeneration, VideoUnderstanding, WebSearch,
    XSearch,
};
use crate::{KeyNeed, Protocol, Provider, Quirk};

/// A provider that speaks Chat Completions, needs a key and has nothing beyond tools.
const CHAT: Provider = Provider {
    kind: "chatcompletion",
    name: "Chat Completions",
    protocol: Protocol::ChatCompletions,
    base_url: None,
    key_variables: &["OPENAI_API_KEY"],
    key_need: KeyNeed::Required,
    default_model: None,
    capabilities: &[Mcp],
    models: &[],
    quirks: &[],
};

/// A coding agent that is run as a program and has a login of its own.
const PROGRAM: Provider = Provider {
    kind: "program",
    name: "Program",
    protocol: Protocol::Program,
    base_url: None,
    key_variables: &[],
    key_need: KeyNeed::Optional,
    default_model: None,
    capabilities: &[Bash, NativeFilesystem, Mcp, WebSearch],
    models: &[],
    quirks: &[],
};

/// Every backend type, the best-known first.
pub const PROVIDERS: &[Provider] = &[
    Provider {
        kind: "openai",
        name: "OpenAI",
        protocol: Protocol::Responses,
        base_url: Some("https://api.openai.com/v1"),
        key_variables: &["OPENAI_API_KEY"],
        default_model: Some("gpt-5.4"),
        capabilities: &[
            WebSearch,
            CodeExecution,
            Mcp,
            Reasoning,
            ImageGeneration,
            AudioGeneration,
            VideoGeneration,
            ImageUnderstanding,
            AudioUnderstanding,
        ],
        models: &[
            "gpt-5.4",
            "gpt-5.1",
            "gpt-5",
            "gpt-5-mini",
            "gpt-5-nano",
            "gpt-4.1",
            "gpt-4.1-mini",
            "gpt-4.1-nano",
            "gpt-4o",
            "gpt-4o-mini",
            "o3",
            "o3-mini",
            "o4-mini",
        ],
        ..CHAT
    },
    Provider {
        kind: "claude",
        name: "Anthropic Claude",
        protocol: Protocol::Messages,
        base_url: Some("https://api.anthropic.com"),
        key_variables: &["ANTHROPIC_API_KEY"],
        default_model: Some("claude-opus-4-6"),
        capabilities: &[
            WebSearch,
            CodeExecution,
            Mcp,
            Reasoning,
            ProgrammaticToolCalling,
            ToolSearch,
            ImageUnderstanding,
            AudioUnderstanding,
            VideoUnderstanding,
        ],
        models: &[
            "claude-opus-4-6",
            "claude-sonnet-4-6",
            "claude-opus-4-5",
            "claude-sonnet-4-5",
            "claude-haiku-4-5",
            "claude-opus-4-1",
            "claude-sonnet-4-20250514",
        ],
        ..CHAT
    },
    Provider {
        kind: "gemini",
        name: "Google Gemini",
        protocol: Protocol::Gemini,
        base_url: Some("https://generativelanguage.googleapis.com"),
        key_variables: &["GOOGLE_API_KEY", "GEMINI_API_KEY"],
        default_model: Some("gemini-3-flash-preview"),
        capabilities: &[WebSearch, CodeExecution, Mcp, Reasoning, ImageUnderstanding, ImageGeneration, VideoGeneration],
        models: &[
            "gemini-3.1-pro-preview",
            "gemini-3-pro-preview",
            "gemini-3-flash-preview",
            "gemini-2.5-pro",
            "gemini-2.5-flash",
            "gemini-2.5-flash-lite",
        ],
        ..CHAT
    },
    Provider {
        kind: "grok",
        name: "xAI Grok",
        protocol: Protocol::Responses,
        base_url: Some("https://api.x.ai/v1"),
        key_variables: &["XAI_API_KEY"],
        default_model: Some("grok-4.20-0309-reasoning"),
        capabilities: &[WebSearch, XSearch, CodeExecution, Mcp, Reasoning, ImageUnderstanding],
        models: &["grok-4.20-0309-reasoning", "grok-4-1-fast-reasoning", "grok-4", "grok-3", "grok-3-mini"],
        ..CHAT
    },
    Provider { capabilities: &[Mcp, AudioUnderstanding, VideoUnderstanding], ..CHAT },
    Provider {
        kind: "azure_openai",
        name: "Azure OpenAI",
        key_variables: &["AZURE_OPENAI_API_KEY"],
        default_model: Some("gpt-4o"),
        capabilities: &[WebSearch, CodeExecution, Mcp, ImageUnderstanding, ImageGeneration],
        models: &["gpt-4o", "gpt-4.1", "gpt-5"],
        quirks: &[Quirk::AzureDeployments],
        ..CHAT
    },
    Provider {
        kind: "openrouter",
        name: "OpenRouter",
        base_url: Some("https://openrouter.ai/api/v1"),
        key_variables: &["OPENROUTER_API_KEY"],
        capabilities: &[Mcp, WebSearch, AudioUnderstanding, VideoUnderstanding, ImageGeneration],
        ..CHAT
    },
    Provider {
        kind: "zai",
        name: "Z.ai",
        base_url: Some("https://api.z.ai/api/paas/v4"),
        key_variables: &["ZAI_API_KEY"],
        default_model: Some("glm-4.5"),
        models: &["glm-4.6", "glm-4.5", "glm-4.5-air"],
        ..CHAT
    },
    Provider {
        kind: "cerebras",
        name: "Cerebras",
        base_url: Some("https://api.cerebras.ai/v1"),
        key_variables: &["CEREBRAS_API_KEY"],
        default_model: Some("llama-3.3-70b"),
        models: &["gpt-oss-120b", "llama-3.3-70b"],
        ..CHAT
    },
    Provider {
        kind: "together",
        name: "Together AI",
        base_url: Some("https://api.together.xyz/v1"),
        key_variables: &["TOGETHER_API_KEY"],
        default_model: Some("Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8"),
        ..CHAT
    },
    Provider {
        kind: "fireworks",
        name: "Fireworks AI",
        base_url: Some("https://api.fireworks.ai/inference/v1"),
        key_variables: &["FIREWORKS_API_KEY"],
        default_model: Some("accounts/fireworks/models/llama-v3p3-70b-instruct"),
        ..CHAT
    },
    Provider {
        kind: "groq",
        name: "Groq",
        base_url: Some("https://api.groq.com/openai/v1"),
        key_variables: &["GROQ_API_KEY"],
        default_model: Some("llama-3.3-70b-versatile"),
        models: &["llama-3.3-70b-versatile"],
        ..CHAT
    },
    Provider {
        kind: "nebius",
        name: "Nebius AI Studio",
        base_url: Some("https://api.studio.nebius.ai/v1"),
        key_variables: &["NEBIUS_API_KEY"],
        default_model: Some("Qwen/Qwen3-4B-fast"),
        ..CHAT
    },
    Provider {
        kind: "moonshot",
        name: "Moonshot (Kimi)",
        base_url: Some("https://api.moonshot.cn/v1"),
        key_variables: &["MOONSHOT_API_KEY", "KIMI_API_KEY"],
        default_model: Some("moonshot-v1-128k"),
        models: &["moonshot-v1-128k", "kimi-k2.5"],
        ..CHAT
    },
    Provider {
        kind: "qwen",
        name: "Qwen (DashScope)",
        base_url: Some("https://dashscope-intl.aliyuncs.com/compatible-mode/v1"),
        key_variables: &["QWEN_API_KEY"],
        default_model: Some("qwen-max"),
        capabilities: &[Mcp, AudioUnderstanding, VideoUnderstanding],
        models: &["qwen-max", "qwen-plus"],
        ..CHAT
    },
    Provider {
        kind: "poe",
        name: "Poe",
        base_url: Some("https://api.poe.com/v1"),
        key_variables: &["POE_API_KEY"],
        ..CHAT
    },
    Provider {
        kind: "nvidia_nim",
        name: "NVIDIA NIM",
        base_url: Some("https://integrate.api.nvidia.com/v1"),
        key_variables: &["NGC_API_KEY", "NVIDIA_API_KEY"],
        default_model: Some("moonshotai/kimi-k2.5"),
        ..CHAT
    },
    Provider {
        kind: "lmstudio",
        name: "LM Studio",
        base_url: Some("http://localhost:1234/v1"),
        key_variables: &["LMSTUDIO_API_KEY"],
        key_need: KeyNeed::Optional,
        quirks: &[Quirk::RunsLocally],
        ..CHAT
    },
    Provider {
        kind: "ollama",
        name: "Ollama",
        base_url: Some("http://localhost:11434/v1"),
        key_variables: &["OLLAMA_API_KEY"],
        key_need: KeyNeed::Optional,
        quirks: &[Quirk::RunsLocally],
        ..CHAT
    },
    Provider {
        kind: "vllm",
        name: "vLLM",
        base_url: Some("http://localhost:8000/v1"),
        key_variables: &["VLLM_API_KEY"],
        key_need: KeyNeed::Optional,
        quirks: &[Quirk::RunsLocally, Quirk::ExtraBodyAtTopLevel],
        ..CHAT
    },
    Provider {
        kind: "sglang",
        name: "SGLang",
        base_url: Some("http://localhost:30000/v1"),
        key_variables: &["SGLANG_API_KEY"],
        key_need: KeyNeed::Optional,
        quirks: &[Quirk::RunsLocally, Quirk::ExtraBodyAtTopLevel],
        ..CHAT
    },
    Provider {
        kind: "claude_code",
        name: "Claude Code",
        key_variables: &["CLAUDE_CODE_API_KEY", "ANTHROPIC_API_KEY"],
        default_model: Some("claude-opus-4-6"),
        capabilities: &[Bash, NativeFilesystem, Mcp, CodeExecution, Reasoning, ImageUnderstanding, WebSearch],
        models: &["claude-opus-4-6", "claude-sonnet-4-6", "claude-sonnet-4-5"],
        ..PROGRAM
    },
    Provider {
        kind: "codex",
        name: "OpenAI Codex CLI",
        key_variables: &["OPENAI_API_KEY"],
        default_model: Some("gpt-5.4"),
        capabilities: &[Bash, NativeFilesystem, Mcp, Reasoning, ImageUnderstanding, WebSearch],
        models: &["gpt-5.4"],
        ..PROGRAM
    },
    Provider {
        kind: "gemini_cli",
        name: "Gemini CLI",
        key_variables: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        default_model: Some("gemini-3.1-pro-preview"),
        models: &["gemini-3.1-pro-preview", "gemini-2.5-pro", "gemini-2.5-flash"],
        ..PROGRAM
    },
    Provider {
        kind: "antigravity_cli",
        name: "Antigravity CLI",
        key_variables: &["GEMINI_API_KEY"],
        default_model: Some("gemini-3.5-flash"),
        ..PROGRAM
    },
    Provider { kind: "copilot", name: "GitHub Copilot CLI", default_model: Some("gpt-5-mini"), ..PROGRAM },
    Provider {
        kind: "ag2",
        name: "AG2",
        protocol: Protocol::Framework,
        key_variables: &["OPENAI_API_KEY"],
        key_need: KeyNeed::Optional,
        capabilities: &[CodeExecution],
        ..CHAT
    },
];
