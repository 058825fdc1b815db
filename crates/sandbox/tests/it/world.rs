//! What is around a job that tries to get out.

use std::fs;
use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use massgen_sandbox::{Grants, Invocation, Job};

use crate::box_drivers::{folder, limits};

/// What must not be seen. It lies in files, in the environment and in the memory of processes around the job.
pub(crate) const SECRET: &str = "massgen-key-5f1e77";

/// Folders, processes and listeners around a job.
pub(crate) struct World {
    _folder: tempfile::TempDir,
    pub(crate) root: PathBuf,
    /// A process of the same user.
    pub(crate) bystander: Child,
    tcp: TcpListener,
    udp: UdpSocket,
    abstract_socket: UnixListener,
    path_socket: UnixListener,
    _granted_socket: UnixListener,
    /// A segment of shared memory, which has no path.
    shared: u32,
}

impl World {
    pub(crate) fn new() -> Self {
        let (folder, root) = folder();
        for name in ["own", "own/kept", "own/way", "own/way/kept", "peer", "secret"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        for name in ["secret/key", "own/kept/file", "own/way/kept/file", "peer/file"] {
            fs::write(root.join(name), SECRET).unwrap();
        }
        fs::write(root.join("peer/file"), "peer").unwrap();
        fs::write(root.join("own/kept/file"), "kept").unwrap();
        fs::write(root.join("own/way/kept/file"), "kept").unwrap();
        fs::set_permissions(root.join("secret"), PermissionsExt::from_mode(0o700)).unwrap();
        symlink(root.join("secret/key"), root.join("own/link")).unwrap();
        symlink(root.join("secret"), root.join("peer/out")).unwrap();
        let mut command = Command::new("sleep");
        command.arg("1000").env("API_KEY", SECRET).stdin(Stdio::null()).stdout(Stdio::null());
        let bystander = command.spawn().unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let name = SocketAddr::from_abstract_name(root.as_os_str().as_encoded_bytes()).unwrap();
        let abstract_socket = UnixListener::bind_addr(&name).unwrap();
        let path_socket = UnixListener::bind(root.join("secret/socket")).unwrap();
        let granted_socket = UnixListener::bind(root.join("peer/socket")).unwrap();
        tcp.set_nonblocking(true).unwrap();
        udp.set_nonblocking(true).unwrap();
        abstract_socket.set_nonblocking(true).unwrap();
        path_socket.set_nonblocking(true).unwrap();
        let shared = Command::new("ipcmk").args(["-M", "4096", "-p", "0666"]).output().expect("ipcmk (util-linux)");
        let shared = String::from_utf8_lossy(&shared.stdout);
        let shared = shared.trim().rsplit(' ').next().and_then(|id| id.parse().ok()).expect("ipcmk tells a number");
        Self {
            _folder: folder,
            root,
            _granted_socket: granted_socket,
            bystander,
            shared,
            tcp,
            udp,
            abstract_socket,
            path_socket,
        }
    }

    /// A Python program that knows where everything is. `attempt` runs a function and says how it was stopped.
    pub(crate) fn python(&self, driver: &str, body: &str) -> Job {
        let prelude = format!(
            r#"
import ctypes, errno, fcntl, mmap, os, re, signal, socket, struct, subprocess, sys, threading, time
ROOT = {root:?}; OWN = ROOT + '/own'; PEER = ROOT + '/peer'
MAIN = {main}; SHARED = {shared}; OTHER = {other}; TCP = {tcp}; UDP = {udp}
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    words = [ctypes.c_char_p(a) if isinstance(a, bytes) else ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = libc.syscall(ctypes.c_long(number), *words)
    if result < 0:
        e = ctypes.get_errno()
        raise OSError(e, os.strerror(e))
    return result
def attempt(action):
    try:
        result = action()
    except BaseException as error:
        print('STOPPED', type(error).__name__, str(error).replace(ROOT, '')[:90], flush=True)
    else:
        print('ESCAPED', str(result)[:200], flush=True)
def denied(action):
    # Not any error: the call itself is refused or unknown.
    try:
        result = action()
    except OSError as error:
        must(error.errno in (errno.EPERM, errno.ENOSYS), error)
    else:
        print('ESCAPED', str(result)[:200], flush=True)
def use_descriptors(pid):
    for number in os.listdir(f'/proc/{{pid}}/fd'):
        try:
            return os.readlink(f'/proc/{{pid}}/fd/{{number}}')
        except OSError:
            pass
    raise OSError('none of them can be used')
def must(condition, evidence):
    print('STOPPED' if condition else 'ESCAPED', evidence, flush=True)
def read(path):
    with open(path, 'rb') as file:
        return file.read(100000)
def write(path):
    with open(path, 'r+b') as file:
        file.write(b'overwritten')
"#,
            root = self.root,
            main = std::process::id(),
            shared = self.shared,
            other = self.bystander.id(),
            tcp = self.tcp.local_addr().unwrap().port(),
            udp = self.udp.local_addr().unwrap().port(),
        );
        let script = format!("{prelude}\n{body}");
        let mut grants =
            Grants { read: vec![self.root.join("peer")], write: vec![self.root.join("own")], ..Grants::default() };
        if driver == "bubblewrap" {
            grants.protected = vec![self.root.join("own/kept"), self.root.join("own/way/kept")];
        }
        Job {
            invocation: Invocation::Program(["/usr/bin/python3", "-c", &script].map(Into::into).to_vec()),
            cwd: self.root.join("own"),
            env: [("LANG".to_owned(), "C.UTF-8".to_owned())].into(),
            terminal: None,
            grants,
            limits: limits(),
        }
    }

    /// What outside was reached or changed, if anything.
    pub(crate) fn damage(&mut self) -> Option<String> {
        let quiet = |kind: ErrorKind| kind == ErrorKind::WouldBlock;
        if !self.tcp.accept().is_err_and(|error| quiet(error.kind())) {
            return Some("a TCP connection arrived".to_owned());
        }
        if !self.udp.recv(&mut [0; 64]).is_err_and(|error| quiet(error.kind())) {
            return Some("a datagram arrived".to_owned());
        }
        for socket in [&self.abstract_socket, &self.path_socket] {
            if !socket.accept().is_err_and(|error| quiet(error.kind())) {
                return Some("a connection arrived at a Unix socket".to_owned());
            }
        }
        if self.bystander.try_wait().unwrap().is_some() {
            return Some("a process outside was killed".to_owned());
        }
        for file in fs::read_dir(self.root.join("own")).unwrap().flatten() {
            if file.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o6000 != 0) {
                return Some(format!("{} runs with its owner's rights", file.path().display()));
            }
        }
        for (file, content) in [("secret/key", SECRET), ("peer/file", "peer")] {
            if fs::read_to_string(self.root.join(file)).ok().as_deref() != Some(content) {
                return Some(format!("{file} was changed"));
            }
        }
        None
    }

    /// What is protected and was changed.
    pub(crate) fn protected_damage(&self) -> Option<String> {
        for file in ["own/kept/file", "own/way/kept/file"] {
            if fs::read_to_string(self.root.join(file)).ok().as_deref() != Some("kept") {
                return Some(format!("{file} was changed"));
            }
        }
        None
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.bystander.kill();
        let _ = self.bystander.wait();
        let _ = Command::new("ipcrm").args(["-m", &self.shared.to_string()]).status();
    }
}

/// Processes whose command line starts with a word.
pub(crate) fn alive(word: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.starts_with(word)).collect()
}
