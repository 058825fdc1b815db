//! What a server answers, as text for a model. Media and what is too long go to files in the agent's workspace.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use massgen_tool::ToolOutcome;
use rmcp::model::{CallToolResult, ContentBlock, GetPromptResult, ResourceContents, Role, ServerResult};
use serde_json::Value;

use crate::AgentPlace;

mod keep;

use keep::keep;

/// Decodes what servers send, whose padding is not always there.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Turns results into outcomes, for one agent and one tool.
#[derive(Debug, Clone)]
pub(crate) struct Writer<'a> {
    pub place: &'a AgentPlace,
    /// The tool's name, for the names of files.
    pub tool: &'a str,
    pub chars_max: usize,
}

impl Writer<'_> {
    /// The outcome of one or more results of the same call.
    pub(crate) async fn outcome(&self, results: Vec<ServerResult>) -> ToolOutcome {
        let mut parts = Vec::new();
        let mut is_error = false;
        for result in results {
            is_error |= self.add(result, &mut parts).await;
        }
        let text = parts.join("\n");
        let content =
            if text.trim().is_empty() { "the tool returned nothing".to_owned() } else { self.bounded(text).await };
        if is_error { ToolOutcome::failed(content) } else { ToolOutcome::done(content) }
    }

    /// Adds one result's parts; whether it is an error.
    async fn add(&self, result: ServerResult, parts: &mut Vec<String>) -> bool {
        match result {
            ServerResult::CallToolResult(result) => return self.add_call(result, parts).await,
            ServerResult::ReadResourceResult(result) => {
                for contents in result.contents {
                    parts.push(self.resource(contents).await);
                }
            }
            ServerResult::GetPromptResult(result) => self.add_prompt(result, parts).await,
            other => parts.push(listing(serde_json::to_value(&other).unwrap_or_default())),
        }
        false
    }

    async fn add_call(&self, result: CallToolResult, parts: &mut Vec<String>) -> bool {
        let start = parts.len();
        for block in result.content {
            parts.push(self.block(block).await);
        }
        let is_silent = parts.iter().skip(start).all(|part| part.trim().is_empty());
        if let (true, Some(structured)) = (is_silent, result.structured_content) {
            parts.push(structured.to_string());
        }
        result.is_error == Some(true)
    }

    async fn add_prompt(&self, result: GetPromptResult, parts: &mut Vec<String>) {
        parts.extend(result.description);
        for message in result.messages {
            let role = if message.role == Role::Assistant { "assistant" } else { "user" };
            parts.push(format!("{role}: {}", self.block(message.content).await));
        }
    }

    async fn block(&self, block: ContentBlock) -> String {
        match block {
            ContentBlock::Text(text) => text.text,
            ContentBlock::Image(image) => self.media("image", &image.mime_type, image.data).await,
            ContentBlock::Audio(audio) => self.media("audio", &audio.mime_type, audio.data).await,
            ContentBlock::Resource(embedded) => self.resource(embedded.resource).await,
            ContentBlock::ResourceLink(link) => {
                let about = link.description.map(|about| format!(": {about}")).unwrap_or_default();
                format!("[resource {} at {}{about}]", link.name, link.uri)
            }
            _ => "[content of a kind that massgen does not know]".to_owned(),
        }
    }

    async fn resource(&self, contents: ResourceContents) -> String {
        match contents {
            ResourceContents::TextResourceContents { uri, text, .. } => format!("[resource {uri}]\n{text}"),
            ResourceContents::BlobResourceContents { uri, mime_type, blob, .. } => {
                let kind = format!("resource {uri}");
                self.media(&kind, mime_type.as_deref().unwrap_or("application/octet-stream"), blob).await
            }
            _ => "[resource of a kind that massgen does not know]".to_owned(),
        }
    }

    /// Saves what is not text, and names it.
    async fn media(&self, kind: &str, mime_type: &str, data: String) -> String {
        let Ok(bytes) = BASE64.decode(data.split_whitespace().collect::<String>()) else {
            return format!("[{kind}, {mime_type}, which cannot be decoded]");
        };
        let size = bytes.len();
        match keep(self.place, self.tool, extension(mime_type), bytes).await {
            Ok(path) => format!("[{kind}, {mime_type}, {size} bytes, saved as {path}]"),
            Err(why) => format!("[{kind}, {mime_type}, {size} bytes, not saved: {why}]"),
        }
    }

    /// Cuts a text that is too long, and saves the whole.
    async fn bounded(&self, text: String) -> String {
        let Some((cut, _)) = text.char_indices().nth(self.chars_max) else { return text };
        let total = text.chars().count();
        let mut shown = text.get(..cut).unwrap_or_default().to_owned();
        let rest = match keep(self.place, self.tool, "txt", text.into_bytes()).await {
            Ok(path) => format!("the whole is in {path}"),
            Err(why) => format!("the rest is lost: {why}"),
        };
        shown.push_str(&format!("\n[cut after {} of {total} characters; {rest}]", self.chars_max));
        shown
    }
}

/// A list for a model: without what only clients need.
fn listing(mut value: Value) -> String {
    if let Value::Object(fields) = &mut value {
        fields.retain(|name, _| !matches!(name.as_str(), "_meta" | "resultType" | "ttlMs" | "cacheScope"));
        for items in fields.values_mut() {
            for item in items.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
                item.retain(|name, _| !matches!(name.as_str(), "_meta" | "icons"));
            }
        }
    }
    serde_json::to_string_pretty(&value).unwrap_or_default()
}

/// How files of a media type usually end.
fn extension(mime_type: &str) -> &'static str {
    let essence = mime_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "image/png" => "png",
        "image/jpeg" | "image/jpg" => "jpg",
        "image/gif" => "gif",
        "image/webp" => "webp",
        "image/svg+xml" => "svg",
        "audio/wav" | "audio/x-wav" | "audio/wave" => "wav",
        "audio/mpeg" | "audio/mp3" => "mp3",
        "audio/ogg" => "ogg",
        "video/mp4" => "mp4",
        "application/pdf" => "pdf",
        "application/json" => "json",
        "application/zip" => "zip",
        "application/gzip" => "gz",
        "text/html" => "html",
        "text/csv" => "csv",
        essence if essence.starts_with("text/") => "txt",
        _ => "bin",
    }
}

#[cfg(test)]
mod tests {
    use massgen_protocol::AgentIndex;
    use serde_json::json;

    use super::*;

    async fn outcome(place: &AgentPlace, chars_max: usize, result: Value) -> ToolOutcome {
        let result: CallToolResult = serde_json::from_value(result).unwrap();
        let writer = Writer { place, tool: "mcp__s__shot", chars_max };
        writer.outcome(vec![ServerResult::CallToolResult(result)]).await
    }

    #[tokio::test]
    async fn media_are_saved_in_the_workspace_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let place = AgentPlace::new(AgentIndex(0), folder.path());
        let result = json!({"content": [
            {"type": "text", "text": "Here:"},
            {"type": "image", "mimeType": "image/png", "data": "aGVs\nbG8"},
            {"type": "resource", "resource": {"uri": "file:///a.bin", "blob": "AAE="}},
            {"type": "resource", "resource": {"uri": "file:///a.txt", "text": "inside"}},
            {"type": "resource_link", "uri": "file:///b", "name": "b"},
        ]});
        let outcome = outcome(&place, 1000, result).await;
        let expected = "Here:\n[image, image/png, 5 bytes, saved as mcp_results/mcp__s__shot-1.png]\n\
            [resource file:///a.bin, application/octet-stream, 2 bytes, saved as mcp_results/mcp__s__shot-1.bin]\n\
            [resource file:///a.txt]\ninside\n[resource b at file:///b]";
        assert_eq!(outcome.content, expected);
        assert_eq!(std::fs::read(folder.path().join("mcp_results/mcp__s__shot-1.png")).unwrap(), b"hello");
    }

    #[tokio::test]
    async fn structured_content_stands_in_for_missing_text_only() {
        let place = AgentPlace::without_workspace(AgentIndex(0));
        let both = json!({"content": [{"type": "text", "text": "x"}], "structuredContent": {"a": 1}});
        assert_eq!(outcome(&place, 100, both).await.content, "x");
        let alone = json!({"content": [], "structuredContent": {"a": 1}, "isError": true});
        let alone = outcome(&place, 100, alone).await;
        assert_eq!((alone.content.as_str(), alone.is_error), ("{\"a\":1}", true));
        let nothing = json!({"content": []});
        assert_eq!(outcome(&place, 100, nothing).await.content, "the tool returned nothing");
    }

    #[tokio::test]
    async fn what_is_too_long_is_cut_and_kept_whole_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let place = AgentPlace::new(AgentIndex(0), folder.path());
        let long = "ä".repeat(500);
        let outcome = outcome(&place, 100, json!({"content": [{"type": "text", "text": long}]})).await;
        let expected = format!(
            "{}\n[cut after 100 of 500 characters; the whole is in mcp_results/mcp__s__shot-1.txt]",
            "ä".repeat(100)
        );
        assert_eq!(outcome.content, expected);
        assert_eq!(std::fs::read_to_string(folder.path().join("mcp_results/mcp__s__shot-1.txt")).unwrap(), long);
    }

    #[tokio::test]
    async fn a_planted_link_does_not_lead_out_of_the_workspace() {
        let folder = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("mcp_results")).unwrap();
        let place = AgentPlace::new(AgentIndex(0), folder.path());
        let image = json!({"content": [{"type": "image", "mimeType": "image/png", "data": "aGVsbG8="}]});
        let outcome = outcome(&place, 100, image).await;
        assert!(outcome.content.contains("not saved"), "{}", outcome.content);
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }
}
