//! Which functions configurations may name, and where they stand.

use super::Builtin;

/// A function of the reference, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltinFunction {
    /// The function.
    pub name: &'static str,
    /// The file in which configurations say it is.
    pub file: &'static str,
    /// Whether it is here.
    pub presence: Presence,
}

/// Whether a function is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    Built(Builtin),
    /// It is not; the text says what serves instead or what is missing.
    Missing(&'static str),
}

const COMPUTER: &str = "it drives a desktop or a browser with a vendor's computer-use model";
const CRAWL: &str =
    "it needs a Crawl4AI server; an MCP server that fetches pages, such as mcp-server-fetch, serves instead";
const INTEROP: &str = "it runs an agent of another Python framework";
const FILM: &str = "making a film is a job of minutes at its vendor, and not a request";
const SCRIPT: &str = "`execute_command` runs programs, in a sandbox: set `enable_mcp_command_line: true`";

/// All functions that configurations of the reference name, and those that it finds by name alone.
pub const BUILTIN_FUNCTIONS: &[BuiltinFunction] = &[
    built("append_file_content", "massgen/tool/_file_handlers/_file_operations.py", Builtin::AppendFileContent),
    built("generate_media", "massgen/tool/_multimodal_tools/generation/generate_media.py", Builtin::GenerateMedia),
    built(
        "image_to_image_generation",
        "massgen/tool/_multimodal_tools/image_to_image_generation.py",
        Builtin::ImageToImageGeneration,
    ),
    built("read_file_content", "massgen/tool/_file_handlers/_file_operations.py", Builtin::ReadFileContent),
    built("read_media", "massgen/tool/_multimodal_tools/read_media.py", Builtin::ReadMedia),
    built("save_file_content", "massgen/tool/_file_handlers/_file_operations.py", Builtin::SaveFileContent),
    built(
        "text_to_file_generation",
        "massgen/tool/_multimodal_tools/text_to_file_generation.py",
        Builtin::TextToFileGeneration,
    ),
    built(
        "text_to_image_generation",
        "massgen/tool/_multimodal_tools/text_to_image_generation.py",
        Builtin::TextToImageGeneration,
    ),
    built(
        "text_to_speech_continue_generation",
        "massgen/tool/_multimodal_tools/text_to_speech_continue_generation.py",
        Builtin::TextToSpeechContinueGeneration,
    ),
    built(
        "text_to_speech_transcription_generation",
        "massgen/tool/_multimodal_tools/text_to_speech_transcription_generation.py",
        Builtin::TextToSpeechTranscriptionGeneration,
    ),
    built("two_num_tool", "massgen/tool/_basic/_two_num_tool.py", Builtin::TwoNumTool),
    built("understand_audio", "massgen/tool/_multimodal_tools/understand_audio.py", Builtin::UnderstandAudio),
    built("understand_file", "massgen/tool/_multimodal_tools/understand_file.py", Builtin::UnderstandFile),
    built("understand_image", "massgen/tool/_multimodal_tools/understand_image.py", Builtin::UnderstandImage),
    built("understand_video", "massgen/tool/_multimodal_tools/understand_video.py", Builtin::UnderstandVideo),
    missing("ag2_lesson_planner", "massgen/tool/_extraframework_agents/ag2_lesson_planner_tool.py", INTEROP),
    missing(
        "agentscope_lesson_planner",
        "massgen/tool/_extraframework_agents/agentscope_lesson_planner_tool.py",
        INTEROP,
    ),
    missing("browser_automation", "massgen/tool/_browser_automation/browser_automation_tool.py", COMPUTER),
    missing("claude_computer_use", "massgen/tool/_claude_computer_use/claude_computer_use_tool.py", COMPUTER),
    missing("computer_use", "massgen/tool/_computer_use/computer_use_tool.py", COMPUTER),
    missing("crawl4ai_crawl", "massgen/tool/_web_tools/crawl4ai_tool.py", CRAWL),
    missing("crawl4ai_execute_js", "massgen/tool/_web_tools/crawl4ai_tool.py", CRAWL),
    missing("crawl4ai_html", "massgen/tool/_web_tools/crawl4ai_tool.py", CRAWL),
    missing("crawl4ai_md", "massgen/tool/_web_tools/crawl4ai_tool.py", CRAWL),
    missing("crawl4ai_pdf", "massgen/tool/_web_tools/crawl4ai_tool.py", CRAWL),
    missing("crawl4ai_screenshot", "massgen/tool/_web_tools/crawl4ai_tool.py", CRAWL),
    missing(
        "fetch_github_issues",
        "massgen/tool/_self_evolution/_github_issue_analyzer.py",
        "an MCP server for GitHub serves instead",
    ),
    missing("gemini_computer_use", "massgen/tool/_gemini_computer_use/gemini_computer_use_tool.py", COMPUTER),
    missing(
        "langgraph_lesson_planner",
        "massgen/tool/_extraframework_agents/langgraph_lesson_planner_tool.py",
        INTEROP,
    ),
    missing(
        "openai_assistant_lesson_planner",
        "massgen/tool/_extraframework_agents/openai_assistant_lesson_planner_tool.py",
        INTEROP,
    ),
    missing(
        "run_massgen_with_recording",
        "massgen/tool/_multimodal_tools/run_massgen_with_recording.py",
        "it records a terminal with VHS",
    ),
    missing("run_python_script", "massgen/tool/_code_executors/_python_executor.py", SCRIPT),
    missing("run_shell_script", "massgen/tool/_code_executors/_shell_executor.py", SCRIPT),
    missing("simple_browser_automation", "massgen/tool/_browser_automation/browser_automation_tool.py", COMPUTER),
    missing(
        "smolagent_lesson_planner",
        "massgen/tool/_extraframework_agents/smolagent_lesson_planner_tool.py",
        INTEROP,
    ),
    missing("text_to_video_generation", "massgen/tool/_multimodal_tools/text_to_video_generation.py", FILM),
    missing("ui_tars_computer_use", "massgen/tool/_ui_tars_computer_use/ui_tars_computer_use_tool.py", COMPUTER),
];

/// The function called `name`.
pub(crate) fn find(name: &str) -> Option<&'static BuiltinFunction> {
    BUILTIN_FUNCTIONS.iter().find(|function| function.name == name)
}

/// The file in which configurations say that `builtin` is.
pub(crate) fn file_of(builtin: Builtin) -> Option<&'static str> {
    let function = BUILTIN_FUNCTIONS.iter().find(|function| function.presence == Presence::Built(builtin));
    function.map(|function| function.file)
}

/// The functions in a file of the reference, which configurations name relative to its repository.
pub(crate) fn find_in_file(path: &str) -> impl Iterator<Item = &'static BuiltinFunction> + use<> {
    let path = path.trim_start_matches("./").replace('\\', "/");
    BUILTIN_FUNCTIONS.iter().filter(move |function| function.file == path)
}

/// Whether a path is one inside of the reference's package.
pub(crate) fn belongs_to_package(path: &str) -> bool {
    let path = path.trim_start_matches("./");
    path.starts_with("massgen/") || path.starts_with("massgen.")
}

const fn built(name: &'static str, file: &'static str, builtin: Builtin) -> BuiltinFunction {
    BuiltinFunction { name, file, presence: Presence::Built(builtin) }
}

const fn missing(name: &'static str, file: &'static str, reason: &'static str) -> BuiltinFunction {
    BuiltinFunction { name, file, presence: Presence::Missing(reason) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_within_their_kind_and_unique() {
        let names = |built: bool| {
            let of_kind = move |f: &&BuiltinFunction| matches!(f.presence, Presence::Built(_)) == built;
            BUILTIN_FUNCTIONS.iter().filter(of_kind).map(|function| function.name).collect::<Vec<_>>()
        };
        for names in [names(true), names(false)] {
            assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
        }
        assert!(names(true).iter().all(|name| !names(false).contains(name)));
    }
}
