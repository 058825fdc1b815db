//! Which endpoint a path is.

use axum::http::Method;

use super::media::Making;
use crate::wire::Wire;

/// An endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// Says what this is.
    Label,
    /// The list of models, in the form of the protocol.
    Models(Wire),
    /// Something is made beside the four protocols.
    Make(Making),
    /// A model is asked. With Gemini and Azure, the path names it and the form of the reply.
    Generate {
        /// The protocol.
        wire: Wire,
        /// The model, where the path names it.
        model: Option<String>,
        /// Whether Azure's rules for keys apply.
        azure: bool,
        /// How the path asks for a stream.
        stream: PathStream,
    },
}

/// How a path asks for a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathStream {
    /// The body says it.
    InBody,
    /// No stream.
    No,
    /// Server-sent events.
    Events,
    /// A JSON array.
    Array,
}

/// Finds the endpoint; `None` if there is none. Providers that speak Chat Completions have it under
/// many prefixes, so the end of the path decides.
pub(super) fn route(method: &Method, path: &str, query: &str, anthropic: bool) -> Option<Endpoint> {
    if method == Method::HEAD || (method == Method::GET && path == "/") {
        return Some(Endpoint::Label);
    }
    if method == Method::GET {
        let wire = match path {
            _ if path.starts_with("/v1beta/") => Wire::Gemini,
            _ if anthropic => Wire::Messages,
            _ => Wire::ChatCompletions,
        };
        return path.ends_with("/models").then_some(Endpoint::Models(wire));
    }
    if method != Method::POST {
        return None;
    }
    if let Some((_, tail)) = path.rsplit_once("/models/") {
        let (model, verb) = tail.rsplit_once(':')?;
        let stream = match verb {
            "generateContent" => PathStream::No,
            "streamGenerateContent" if parameter(query, "alt") == Some("sse") => PathStream::Events,
            "streamGenerateContent" => PathStream::Array,
            _ => return None,
        };
        return Some(Endpoint::Generate { wire: Wire::Gemini, model: Some(decoded(model)), azure: false, stream });
    }
    let generate = |wire| Endpoint::Generate { wire, model: None, azure: false, stream: PathStream::InBody };
    if let Some(head) = path.strip_suffix("/chat/completions") {
        let deployment = head.rsplit_once("/openai/deployments/").map(|(_, model)| decoded(model));
        let azure = deployment.is_some() || path.starts_with("/openai/");
        let wire = Wire::ChatCompletions;
        return Some(Endpoint::Generate { wire, model: deployment, azure, stream: PathStream::InBody });
    }
    let making = [
        ("/images/generations", Making::Images),
        ("/audio/speech", Making::Speech),
        ("/audio/transcriptions", Making::Transcription),
    ];
    if let Some((_, making)) = making.iter().find(|(end, _)| path.ends_with(end)) {
        return Some(Endpoint::Make(*making));
    }
    if path.ends_with("/responses") {
        return Some(generate(Wire::Responses));
    }
    path.ends_with("/v1/messages").then(|| generate(Wire::Messages))
}

/// The value of a query parameter.
pub(super) fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Undoes percent-encoding, which clients use for the slash in a model's name.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, tail)) = rest.split_once('%') {
        bytes.extend_from_slice(plain.as_bytes());
        let byte = tail.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let Some((byte, tail)) = byte.zip(tail.get(2..)) else {
            bytes.push(b'%');
            rest = tail;
            continue;
        };
        bytes.push(byte);
        rest = tail;
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posted(path: &str, query: &str) -> Option<(Wire, Option<String>, PathStream)> {
        match route(&Method::POST, path, query, false)? {
            Endpoint::Generate { wire, model, stream, .. } => Some((wire, model, stream)),
            Endpoint::Label | Endpoint::Models(_) | Endpoint::Make(_) => None,
        }
    }

    #[test]
    fn paths_of_all_providers() {
        use PathStream::{Array, Events, InBody, No};
        use Wire::{ChatCompletions, Gemini, Messages, Responses};
        let model = |name: &str| Some(name.to_owned());
        let azure = "/openai/deployments/gpt-4o/chat/completions";
        let gemini = "/v1beta/models/gemini-2.5-flash:streamGenerateContent";
        assert_eq!(posted("/v1/responses", ""), Some((Responses, None, InBody)));
        assert_eq!(posted("/v1/chat/completions", ""), Some((ChatCompletions, None, InBody)));
        assert_eq!(posted("/api/paas/v4/chat/completions", ""), Some((ChatCompletions, None, InBody)));
        assert_eq!(posted(azure, "api-version=2024-12-01-preview"), Some((ChatCompletions, model("gpt-4o"), InBody)));
        assert_eq!(posted("/v1/messages", "beta=true"), Some((Messages, None, InBody)));
        assert_eq!(posted(gemini, "alt=sse"), Some((Gemini, model("gemini-2.5-flash"), Events)));
        assert_eq!(posted(gemini, "key=x"), Some((Gemini, model("gemini-2.5-flash"), Array)));
        assert_eq!(posted("/v1/models/a%2Fb:generateContent", ""), Some((Gemini, model("a/b"), No)));
        assert_eq!(posted("/v1/embeddings", ""), None);
        assert_eq!(posted("/v1/models/x:embedContent", ""), None);
    }
}
