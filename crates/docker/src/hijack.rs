//! The streams of an exec: a request over the engine's socket after which the connection carries raw bytes.
//!
//! The client crate does this, too, but it takes what a terminal prints for frames when it begins with certain bytes,
//! and then waits for gigabytes. A program must not be able to do that to us.

use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use massgen_sandbox::{Output, OutputStream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// The longest head of a response, and the most that is read at once.
const BUFFER_BYTES: usize = 32 << 10;

/// How long the body of a refusal may take.
const REFUSAL_WAIT: Duration = Duration::from_secs(2);

/// How long the engine may take to answer, and how much it may say.
const ANSWER_WAIT: Duration = Duration::from_secs(60);
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// The streams of an exec.
#[derive(Debug)]
pub(crate) struct Attached {
    pub(crate) reader: Reader,
    pub(crate) writer: OwnedWriteHalf,
}

/// What an exec prints.
#[derive(Debug)]
pub(crate) struct Reader {
    socket: OwnedReadHalf,
    frames: Frames,
}

impl Attached {
    pub(crate) async fn open(socket: &Path, exec: &str, has_terminal: bool) -> io::Result<Self> {
        let body = format!(r#"{{"Detach":false,"Tty":{has_terminal}}}"#);
        let request = format!(
            "POST /exec/{exec}/start HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: \
             application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = UnixStream::connect(socket).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut buffer = BytesMut::with_capacity(BUFFER_BYTES);
        let head = loop {
            if stream.read_buf(&mut buffer).await? == 0 || buffer.len() >= BUFFER_BYTES {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the engine's response broke off"));
            }
            if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break buffer.split_to(end + 4);
            }
        };
        let head = String::from_utf8_lossy(&head).into_owned();
        match head.split(' ').nth(1) {
            Some("101" | "200") => {}
            _ => return Err(io::Error::other(refusal(&head, &mut stream, buffer).await)),
        }
        let (socket, writer) = stream.into_split();
        let frames = Frames { buffer, has_terminal, left: 0, stream: OutputStream::Stdout };
        Ok(Self { reader: Reader { socket, frames }, writer })
    }
}

impl Reader {
    /// The next piece of output; `None` at the end. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Output>> {
        loop {
            if let Some(output) = self.frames.next()? {
                return Ok(Some(output));
            }
            self.frames.buffer.reserve(BUFFER_BYTES);
            if self.socket.read_buf(&mut self.frames.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }
}

/// What came of the streams. Without a terminal, pieces stand behind heads of eight bytes: the stream, three zeros, and
/// the length of the piece, most significant byte first.
#[derive(Debug)]
struct Frames {
    buffer: BytesMut,
    has_terminal: bool,
    /// How much of the present frame is still to come.
    left: usize,
    stream: OutputStream,
}

impl Frames {
    /// What is there of the next piece: parts of frames are not waited for.
    fn next(&mut self) -> io::Result<Option<Output>> {
        if self.has_terminal {
            let bytes = self.buffer.split().freeze();
            return Ok((!bytes.is_empty()).then_some(Output { stream: OutputStream::Stdout, bytes }));
        }
        while self.left == 0 {
            let Some(head) = self.buffer.first_chunk::<8>() else { return Ok(None) };
            let [stream, _, _, _, length @ ..] = *head;
            self.stream = match stream {
                0 | 1 => OutputStream::Stdout,
                2 => OutputStream::Stderr,
                _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "the engine's stream has an unknown form")),
            };
            self.left = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
            self.buffer.advance(8);
        }
        let bytes: Bytes = self.buffer.split_to(self.left.min(self.buffer.len())).freeze();
        self.left -= bytes.len();
        Ok((!bytes.is_empty()).then_some(Output { stream: self.stream, bytes }))
    }
}

/// What the engine says when it refuses.
async fn refusal(head: &str, stream: &mut UnixStream, mut body: BytesMut) -> String {
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let whole = async {
        while body.len() < length.unwrap_or(BUFFER_BYTES).min(BUFFER_BYTES)
            && stream.read_buf(&mut body).await.is_ok_and(|count| count > 0)
        {}
    };
    let _ = tokio::time::timeout(REFUSAL_WAIT, whole).await;
    let body = String::from_utf8_lossy(&body);
    let message = body.split_once(r#""message":""#).and_then(|(_, rest)| rest.rsplit_once('"'));
    let message = message.map_or(body.trim(), |(message, _)| message);
    if message.is_empty() { head.lines().next().unwrap_or_default().to_owned() } else { message.to_owned() }
}

/// Asks the engine for a list. An answer to this version of the protocol comes in one piece, up to the end.
pub(crate) async fn get(socket: &Path, path: &str) -> io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: engine\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    let mut bounded = stream.take(ANSWER_BYTES_MAX);
    tokio::time::timeout(ANSWER_WAIT, bounded.read_to_end(&mut answer))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let head_end = answer.windows(4).position(|window| window == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    let body = answer.split_off(head_end);
    let head = String::from_utf8_lossy(&answer);
    if head.split(' ').nth(1) == Some("200") {
        return Ok(body);
    }
    Err(io::Error::other(format!("{}: {}", head.lines().next().unwrap_or_default(), String::from_utf8_lossy(&body))))
}

/// Removes a container without a runtime. Nobody can be told of a failure; the next start of massgen tries again.
pub(crate) fn remove_blocking(socket: &Path, container: &str) {
    let wait = Some(Duration::from_secs(30));
    let remove = || -> io::Result<()> {
        let mut stream = std::os::unix::net::UnixStream::connect(socket)?;
        stream.set_write_timeout(wait)?;
        stream.set_read_timeout(wait)?;
        let request = format!(
            "DELETE /containers/{container}?force=true&v=true HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes())?;
        // An engine may drop what nobody waits for.
        stream.read_exact(&mut [0])
    };
    let _ = remove();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], size: usize, has_terminal: bool) -> io::Result<(String, String)> {
        let mut frames = Frames { buffer: BytesMut::new(), has_terminal, left: 0, stream: OutputStream::Stdout };
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        for piece in bytes.chunks(size) {
            frames.buffer.extend_from_slice(piece);
            while let Some(output) = frames.next()? {
                match output.stream {
                    OutputStream::Stdout => stdout.extend_from_slice(&output.bytes),
                    OutputStream::Stderr => stderr.extend_from_slice(&output.bytes),
                }
            }
        }
        Ok((String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap()))
    }

    #[test]
    fn frames_are_read_at_every_boundary() {
        let bytes = b"\x01\0\0\0\0\0\0\x03out\x02\0\0\0\0\0\0\x03err\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\x01!";
        for size in 1..=bytes.len() {
            assert_eq!(read(bytes, size, false).unwrap(), ("out!".to_owned(), "err".to_owned()), "{size}");
        }
        assert!(read(b"HTTP/1.1 500", 3, false).is_err());
    }

    #[test]
    fn what_a_terminal_prints_is_never_taken_for_frames() {
        let bytes = b"\x01\x7f\x7f\x7f\x7f\x7f\x7f\x7fmore";
        assert_eq!(read(bytes, 5, true).unwrap().0.as_bytes(), bytes);
    }
}
