//! Model servers that answer on this machine.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A server that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalServer {
    /// The name that users know it by.
    pub(crate) name: &'static str,
    /// The backend type that speaks to it.
    pub(crate) backend: &'static str,
    /// Its address, where that backend type does not look by itself.
    pub(crate) base_url: Option<&'static str>,
    /// The models that it has. Some servers list only what is loaded.
    pub(crate) models: Vec<String>,
}

impl LocalServer {
    /// How many models it has, and the first of them.
    pub(crate) fn models_in_words(&self) -> String {
        match self.models.as_slice() {
            [] => "no model loaded".to_owned(),
            [one] => one.clone(),
            [first, second] => format!("{first}, {second}"),
            [first, second, others @ ..] => format!("{first}, {second} and {} more", others.len()),
        }
    }
}

/// A server and where it listens unless told otherwise.
struct Usual {
    name: &'static str,
    port: u16,
    backend: &'static str,
    base_url: Option<&'static str>,
}

const USUAL: &[Usual] = &[
    Usual { name: "LM Studio", port: 1234, backend: "lmstudio", base_url: None },
    Usual { name: "Ollama", port: 11434, backend: "ollama", base_url: None },
    Usual { name: "vLLM", port: 8000, backend: "vllm", base_url: None },
    Usual { name: "SGLang", port: 30000, backend: "sglang", base_url: None },
    Usual { name: "llama.cpp", port: 8080, backend: "chatcompletion", base_url: Some("http://localhost:8080/v1") },
];

/// Loopback answers within a millisecond; what takes longer than this is not worth the wait.
const CONNECT_TIME: Duration = Duration::from_millis(150);

/// How long a server may take to list its models.
const ANSWER_TIME: Duration = Duration::from_millis(500);

/// A list of models is a few kilobytes; what is longer is something else.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Asks the usual ports of this machine, all at once.
pub(crate) fn local_servers() -> Vec<LocalServer> {
    std::thread::scope(|scope| {
        let asked: Vec<_> = USUAL
            .iter()
            .map(|usual| {
                scope.spawn(move || {
                    let models = models_at(SocketAddr::from((Ipv4Addr::LOCALHOST, usual.port)))?;
                    Some(LocalServer { name: usual.name, backend: usual.backend, base_url: usual.base_url, models })
                })
            })
            .collect();
        asked.into_iter().filter_map(|thread| thread.join().ok().flatten()).collect()
    })
}

/// The models of the server at an address; `None`: nothing there speaks OpenAI's protocol.
fn models_at(address: SocketAddr) -> Option<Vec<String>> {
    let deadline = Instant::now() + ANSWER_TIME;
    let mut stream = TcpStream::connect_timeout(&address, CONNECT_TIME).ok()?;
    stream.set_write_timeout(Some(CONNECT_TIME)).ok()?;
    // HTTP/1.0: the end of the answer is the end of the connection, and nothing comes in chunks.
    let request = format!("GET /v1/models HTTP/1.0\r\nHost: {address}\r\nAccept: application/json\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    let mut buffer = [0; 8192];
    while answer.len() < ANSWER_BYTES_MAX {
        let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        stream.set_read_timeout(Some(left)).ok()?;
        match stream.read(&mut buffer).ok()? {
            0 => break,
            length => answer.extend(buffer.iter().take(length)),
        }
        if let Some(models) = models_in(&answer) {
            return Some(models);
        }
    }
    models_in(&answer)
}

/// Reads an answer, if it is whole.
fn models_in(answer: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(answer).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?;
    // A server that wants a key is there, too.
    if status == "401" {
        return Some(Vec::new());
    }
    // Even asked by HTTP/1.0, some servers send chunks: the list is what stands between the braces.
    let body = body.get(body.find('{')?..=body.rfind('}')?)?;
    let list: Value = serde_json::from_str(body).ok()?;
    let models = list.get("data")?.as_array()?.iter().filter_map(|model| model.get("id")?.as_str());
    Some(models.filter(|model| !is_for_something_else(model)).map(str::to_owned).collect())
}

/// Models that embed or transcribe cannot be asked a question.
fn is_for_something_else(model: &str) -> bool {
    let model = model.to_ascii_lowercase();
    ["embed", "whisper", "rerank", "bge-", "minilm"].iter().any(|word| model.contains(word))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn asked(answer: &'static str) -> Option<Vec<String>> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut request = [0; 256];
            let length = stream.read(&mut request).expect("a request");
            assert!(request[..length].starts_with(b"GET /v1/models "));
            stream.write_all(answer.as_bytes()).expect("sent");
        });
        let models = models_at(address);
        server.join().expect("served");
        models
    }

    #[test]
    fn a_server_is_known_by_its_list_of_models() {
        let list = "HTTP/1.1 200 OK\r\n\r\n{\"data\": [{\"id\": \"qwen3:8b\"}, {\"id\": \"nomic-embed-text\"}]}";
        assert_eq!(asked(list), Some(vec!["qwen3:8b".to_owned()]), "what embeds cannot answer");
        let chunked =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1a\r\n{\"data\": [{\"id\": \"llama\"}]}\r\n0\r\n\r\n";
        assert_eq!(asked(chunked), Some(vec!["llama".to_owned()]));
        assert_eq!(asked("HTTP/1.1 401 Unauthorized\r\n\r\n"), Some(vec![]));
    }

    #[test]
    fn another_program_at_the_port_is_not_taken_for_one() {
        assert_eq!(asked("HTTP/1.1 200 OK\r\n\r\n<html>hello</html>"), None);
        assert_eq!(asked("HTTP/1.1 404 Not Found\r\n\r\n{\"detail\": \"Not Found\"}"), None);
        assert_eq!(asked("SSH-2.0-OpenSSH_9.6\r\n"), None);
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port").local_addr().expect("an address");
        assert_eq!(models_at(free), None);
    }
}
