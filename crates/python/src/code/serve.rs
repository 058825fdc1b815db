//! The socket behind generated code.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{CodeError, CodeSettings, Dispatch};

/// What `sockaddr_un` has room for on the narrowest system.
const PATH_BYTES_MAX: usize = 103;
/// How long a request may take to arrive: its sender has it in memory.
const REQUEST_LIMIT: Duration = Duration::from_secs(60);

/// Listens, and serves each connection: one request, one answer.
#[derive(Debug)]
pub(super) struct Service {
    directory: PathBuf,
    socket: PathBuf,
    allowed: Arc<RwLock<BTreeSet<String>>>,
    tasks: Mutex<JoinSet<()>>,
}

struct Shared {
    dispatch: Arc<dyn Dispatch>,
    allowed: Arc<RwLock<BTreeSet<String>>>,
    token: String,
    calls: Semaphore,
    request_bytes_max: usize,
}

#[derive(Deserialize)]
struct Request {
    token: String,
    tool: String,
    #[serde(default)]
    arguments: Value,
}

impl Service {
    pub(super) fn open(
        directory: &Path,
        settings: &CodeSettings,
        dispatch: Arc<dyn Dispatch>,
    ) -> Result<Self, CodeError> {
        let socket = directory.join("tools.sock");
        if socket.as_os_str().len() > PATH_BYTES_MAX {
            return Err(CodeError::SocketPathTooLong { path: socket, max: PATH_BYTES_MAX });
        }
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(CodeError::io("create", directory))?;
        let token = token().map_err(CodeError::io("read", Path::new("/dev/urandom")))?;
        write_private(&directory.join("token"), &token)?;
        // One that a killed run has left.
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).map_err(CodeError::io("listen at", &socket))?;
        std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600))
            .map_err(CodeError::io("protect", &socket))?;
        let allowed = Arc::<RwLock<BTreeSet<String>>>::default();
        let shared = Shared {
            dispatch,
            allowed: Arc::clone(&allowed),
            token,
            calls: Semaphore::new(settings.calls_max.max(1)),
            request_bytes_max: settings.request_bytes_max,
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::new(shared), settings.connections_max.max(1)));
        Ok(Self { directory: directory.to_path_buf(), socket, allowed, tasks: Mutex::new(tasks) })
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Only these tools can be called.
    pub(super) fn allow(&self, names: impl Iterator<Item = String>) {
        *self.allowed.write().unwrap_or_else(PoisonError::into_inner) = names.collect();
    }

    pub(super) async fn close(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.shutdown().await;
        self.remove();
    }

    fn remove(&self) {
        let _ = std::fs::remove_file(&self.socket);
        let _ = std::fs::remove_file(self.directory.join("token"));
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.remove();
    }
}

async fn accept(listener: UnixListener, shared: Arc<Shared>, connections_max: usize) {
    // Dropped with this future: all connections end with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() < connections_max => {
                    connections.spawn(serve(stream, Arc::clone(&shared)));
                }
                Ok((stream, _)) => refuse(&stream),
                // Out of descriptors, most likely: a moment later there may be some.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Says no without waiting. The sender may not have sent its request yet; it reads the answer all the same.
fn refuse(stream: &UnixStream) {
    let _ = stream.try_write(&frame(&json!({"ok": false, "error": "too many calls at once; make fewer at a time"})));
}

async fn serve(mut stream: UnixStream, shared: Arc<Shared>) {
    let request = match tokio::time::timeout(REQUEST_LIMIT, read_request(&mut stream, shared.request_bytes_max)).await {
        Ok(Ok(request)) => request,
        Ok(Err(Some(reason))) => {
            let _ = stream.write_all(&frame(&json!({"ok": false, "error": reason}))).await;
            return;
        }
        Ok(Err(None)) | Err(_) => return,
    };
    let (mut reader, mut writer) = stream.split();
    let answer = tokio::select! {
        answer = answer(request, &shared) => answer,
        // The program has ended: so does its call.
        () = until_end(&mut reader) => return,
    };
    let _ = writer.write_all(&frame(&answer)).await;
    let _ = writer.shutdown().await;
}

async fn until_end(reader: &mut (impl tokio::io::AsyncRead + Unpin)) {
    let mut buffer = [0; 1024];
    while let Ok(1..) = reader.read(&mut buffer).await {}
}

async fn answer(request: Request, shared: &Shared) -> Value {
    let fail = |error: &str| json!({"ok": false, "error": error});
    if !same(request.token.as_bytes(), shared.token.as_bytes()) {
        return fail("the token is wrong");
    }
    if !shared.allowed.read().unwrap_or_else(PoisonError::into_inner).contains(&request.tool) {
        return fail("there is no such tool");
    }
    let arguments = match request.arguments {
        Value::Null => json!({}),
        Value::Object(_) => request.arguments,
        _ => return fail("the arguments must be an object"),
    };
    let Ok(_permit) = shared.calls.acquire().await else { return fail("the tools are closed") };
    let outcome = shared.dispatch.dispatch(&request.tool, arguments).await;
    match outcome.is_error {
        true => fail(&outcome.content),
        false => json!({"ok": true, "content": outcome.content}),
    }
}

/// `Err(None)`: there is nobody to answer to.
async fn read_request(stream: &mut UnixStream, bytes_max: usize) -> Result<Request, Option<String>> {
    let length = stream.read_u32().await.map_err(|_| None)? as usize;
    if length > bytes_max {
        return Err(Some(format!(
            "the request is larger than {bytes_max} bytes; pass a file name instead of its content"
        )));
    }
    // Grows with what comes, not with what is announced.
    let mut body = Vec::new();
    let read = stream.take(length as u64).read_to_end(&mut body).await.map_err(|_| None)?;
    if read < length {
        return Err(None);
    }
    serde_json::from_slice(&body).map_err(|error| Some(format!("the request is not understood: {error}")))
}

fn frame(value: &Value) -> Vec<u8> {
    let body = value.to_string().into_bytes();
    // 4 GiB of result do not come about: sources bound their results.
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut frame = length.to_be_bytes().to_vec();
    frame.extend(body);
    frame
}

fn token() -> std::io::Result<String> {
    let mut bytes = [0; 24];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn write_private(path: &Path, content: &str) -> Result<(), CodeError> {
    use std::io::Write as _;
    let _ = std::fs::remove_file(path);
    let mut options = std::fs::OpenOptions::new();
    let mut file =
        options.write(true).create_new(true).mode(0o600).open(path).map_err(CodeError::io("create", path))?;
    file.write_all(content.as_bytes()).map_err(CodeError::io("write", path))
}

/// Compares in a time that does not tell where the difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
}
