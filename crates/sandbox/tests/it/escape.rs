//! Attempts to get out of the box. Each is a row of a table: what was tried, under which driver, as which user, and by
//! what it was stopped. A row that says anything else than "stopped" fails the test.

use std::fs;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use massgen_sandbox::{Driver, Ending, Grants, StartError, TerminalSize};

mod hidden;

use crate::box_drivers::{driver, finish, run};
use crate::user;
use crate::world::{SECRET, World, alive};

/// The attempts that are programs: they say themselves how they were stopped, and what is outside is looked at besides.
const ATTEMPTS: &[(&str, &str)] = &[
    // Files.
    ("`..` out of the workspace", "attempt(lambda: read(OWN + '/../secret/key'))"),
    ("an absolute path outside", "attempt(lambda: read(ROOT + '/secret/key'))"),
    ("listing a folder outside", "attempt(lambda: os.listdir(ROOT + '/secret'))"),
    ("a link in the own workspace", "attempt(lambda: read(OWN + '/link'))"),
    ("a link planted by a peer", "attempt(lambda: read(PEER + '/out/key'))"),
    (
        "hard link to a file outside",
        "attempt(lambda: (os.link(ROOT + '/secret/key', OWN + '/hard'), read(OWN + '/hard')))",
    ),
    (
        "hard link to a readable file, to write it",
        "attempt(lambda: (os.link(PEER + '/file', OWN + '/hard2'), write(OWN + '/hard2')))",
    ),
    (
        "moving a readable file to where it can be written",
        "attempt(lambda: (os.rename(PEER + '/file', OWN + '/moved')))",
    ),
    ("writing through a read grant", "attempt(lambda: write(PEER + '/file'))"),
    ("making a file in a read grant", "attempt(lambda: open(PEER + '/new', 'w'))"),
    ("truncating by path", "attempt(lambda: os.truncate(PEER + '/file', 0))"),
    ("truncating outside by path", "attempt(lambda: os.truncate(ROOT + '/secret/key', 0))"),
    ("removing from a read grant", "attempt(lambda: os.unlink(PEER + '/file'))"),
    (
        "opening for reading, then writing through /proc/self/fd",
        "fd = os.open(PEER + '/file', os.O_RDONLY)\nattempt(lambda: write(f'/proc/self/fd/{fd}'))",
    ),
    ("reading password hashes", "attempt(lambda: (lambda text: text or 1/0)(read('/etc/shadow')))"),
    ("reading root's home", "attempt(lambda: os.listdir('/root') or 1/0)"),
    ("writing to /etc", "attempt(lambda: open('/etc/massgen-test', 'w'))"),
    ("writing to /usr", "attempt(lambda: open('/usr/bin/massgen-test', 'w'))"),
    ("opening by file handle", "denied(lambda: call(304, -100, b'x' * 16, 0))"),
    // Processes.
    ("/proc of the main program: root", "attempt(lambda: os.listdir(f'/proc/{MAIN}/root/'))"),
    ("/proc of the main program: cwd", "attempt(lambda: os.listdir(f'/proc/{MAIN}/cwd/'))"),
    ("/proc of the main program: environ", "attempt(lambda: read(f'/proc/{MAIN}/environ'))"),
    ("/proc of the main program: mem", "attempt(lambda: open(f'/proc/{MAIN}/mem', 'rb'))"),
    ("/proc of the main program: maps", "attempt(lambda: read(f'/proc/{MAIN}/maps') or 1/0)"),
    ("/proc of the main program: fd", "attempt(lambda: use_descriptors(MAIN))"),
    ("/proc of another process: environ", "attempt(lambda: read(f'/proc/{OTHER}/environ'))"),
    ("/proc of another process: mem", "attempt(lambda: open(f'/proc/{OTHER}/mem', 'r+b'))"),
    ("/proc of the helper: mem", "attempt(lambda: open(f'/proc/{os.getppid() or 1}/mem', 'r+b'))"),
    ("/proc of the helper: fd", "attempt(lambda: use_descriptors(os.getppid() or 1))"),
    ("overwriting the helper's program", "attempt(lambda: open(f'/proc/{os.getppid() or 1}/exe', 'r+b'))"),
    (
        "environments of all processes",
        "own = os.getpid()\ndef every():\n    for pid in os.listdir('/proc'):\n        if pid.isdigit() and int(pid) != own:\n            try:\n                found = read(f'/proc/{pid}/environ')\n            except OSError:\n                continue\n            return pid, found\n    raise OSError('none of them could be read')\nattempt(every)",
    ),
    (
        "the parent's memory by process_vm_readv",
        "buffer = ctypes.create_string_buffer(8)\ndenied(lambda: call(310, MAIN, buffer, 0, buffer, 0, 0))",
    ),
    (
        "ptrace of a sibling",
        "child = subprocess.Popen(['sleep', '5'])\ndenied(lambda: call(101, 16, child.pid, 0, 0))\nchild.kill()",
    ),
    ("ptrace by the x32 number", "denied(lambda: call(0x40000000 + 521, 16, os.getppid(), 0, 0))"),
    ("ptrace of a process outside", "denied(lambda: call(101, 16, OTHER, 0, 0))"),
    (
        "borrowing a descriptor by pidfd_getfd",
        "pid = os.pidfd_open(os.getppid() or 1) if os.getppid() else 0\ndenied(lambda: call(438, pid, 0, 0))",
    ),
    ("killing a process outside", "attempt(lambda: os.kill(OTHER, 9))"),
    ("killing the main program", "attempt(lambda: os.kill(MAIN, 9))"),
    (
        "killing everything: kill(-1)",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntry:\n    os.kill(-1, 15)\nexcept OSError as error:\n    pass\nprint('STOPPED only processes of the job can be reached')",
    ),
    (
        "killing the helper",
        "parent = os.getppid()\ndef kill():\n    os.kill(parent, 9)\n    time.sleep(0.1)\n    assert os.getppid() != parent, 'it lives on'\nattempt(kill)",
    ),
    (
        "raising the limits",
        "import resource\nattempt(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1000000, 1000000)))",
    ),
    // Inheritance.
    (
        "inherited descriptors",
        "numbers = [int(n) for n in os.listdir('/proc/self/fd')]\nopen_ = []\nfor n in numbers:\n    try:\n        os.fstat(n); open_.append(n)\n    except OSError: pass\nmust(open_ == [0, 1, 2], f'open in the job: {open_}')",
    ),
    (
        "keys in the environment",
        "names = sorted(os.environ)\nmust(not set(names) - {'LANG', 'PATH', 'HOME', 'TMPDIR'}, f'the job has {names}')",
    ),
    // Network.
    ("TCP to a listener of the host", "attempt(lambda: socket.create_connection(('127.0.0.1', TCP), 2))"),
    ("TCP to the internet", "attempt(lambda: socket.create_connection(('192.0.2.1', 80), 2))"),
    (
        "UDP to a listener of the host",
        "s = None\ndef send():\n    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('127.0.0.1', UDP)); s.send(b'x'); s.send(b'x')\n    s.settimeout(1); s.recv(1)\nattempt(send)",
    ),
    (
        "a name server",
        "def ask():\n    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('192.0.2.53', 53)); s.send(b'x')\nattempt(ask)",
    ),
    ("resolving a name", "attempt(lambda: socket.getaddrinfo('example.com', 80))"),
    ("an abstract Unix socket", "attempt(lambda: socket.socket(socket.AF_UNIX).connect('\\0' + ROOT))"),
    ("a Unix socket outside", "attempt(lambda: socket.socket(socket.AF_UNIX).connect(ROOT + '/secret/socket'))"),
    (
        "interfaces of the host by netlink",
        "try:\n    names = socket.if_nameindex()\n    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)\n    must([n for _, n in names] == ['lo'], f'sees {names}, its own')\nexcept OSError as error:\n    must(True, repr(error))",
    ),
    ("the kernel's other netlink protocols", "attempt(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9))"),
    ("raw packets", "attempt(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x300))"),
    ("raw IP", "attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))"),
    ("sockets of virtual machines", "attempt(lambda: socket.socket(40, socket.SOCK_STREAM))"),
    ("the kernel's cryptography", "attempt(lambda: socket.socket(38, 5))"),
    // Mounts, namespaces, the kernel.
    ("remounting a read grant", "denied(lambda: call(165, b'none', PEER.encode(), 0, 32 | 4096, 0))"),
    ("mounting", "denied(lambda: call(165, b'none', b'/tmp', b'tmpfs', 0, 0))"),
    ("unmounting", "denied(lambda: call(166, PEER.encode(), 2))"),
    ("the new mount interface", "denied(lambda: call(428, -100, b'/', 1))"),
    ("a user namespace by unshare", "denied(lambda: call(272, 0x10000000))"),
    (
        "a user namespace by clone",
        "def clone():\n    pid = call(56, 0x10000000 | 17, 0, 0, 0, 0)\n    if pid == 0: os._exit(0)\n    return pid\ndenied(clone)",
    ),
    (
        "a user namespace by clone3",
        "def clone():\n    pid = call(435, struct.pack('<QQQQQQQQ', 0x10000000, 0, 0, 0, 17, 0, 0, 0), 64)\n    if pid == 0: os._exit(0)\n    return pid\ndenied(clone)",
    ),
    ("joining a namespace", "def join():\n    call(308, 0, 0)\ndenied(join)"),
    ("chroot", "denied(lambda: os.chroot(OWN))"),
    ("pivot_root", "denied(lambda: call(155, OWN.encode(), OWN.encode()))"),
    ("the keyring", "denied(lambda: call(250, 0, -3, 0))"),
    ("adding a key", "denied(lambda: call(248, b'user', b'massgen', b'x', 1, -5))"),
    ("bpf", "denied(lambda: call(321, 0, b'x' * 64, 64))"),
    ("io_uring", "denied(lambda: call(425, 1, b'\\0' * 120))"),
    ("perf events", "denied(lambda: call(298, b'\\0' * 120, 0, -1, -1, 0))"),
    ("userfaultfd", "denied(lambda: call(323, 1))"),
    ("loading a module", "denied(lambda: call(175, b'x', 1, b''))"),
    ("kexec", "denied(lambda: call(246, 0, 0, 0, 0))"),
    ("the kernel's log", "denied(lambda: call(103, 3, b'x' * 64, 64))"),
    ("setting the clock", "denied(lambda: call(227, 9999, struct.pack('qq', 0, 0)))"),
    ("the core pattern", "attempt(lambda: os.open('/proc/sys/kernel/core_pattern', os.O_WRONLY))"),
    ("sysrq", "attempt(lambda: os.open('/proc/sysrq-trigger', os.O_WRONLY))"),
    (
        "device nodes",
        "def node():\n    os.mknod(OWN + '/disk', 0o60600, os.makedev(254, 0)); return read(OWN + '/disk')[:4]\nattempt(node)",
    ),
    (
        "/dev/mem, /dev/kmsg and disks",
        "def every():\n    for name in ['mem', 'kmsg', 'kvm', 'fuse', 'vda', 'sda', 'nvme0n1', 'ptmx_']:\n        try: os.open('/dev/' + name, os.O_RDWR)\n        except OSError: continue\n        return name\n    raise OSError('none of them can be opened')\nattempt(every)",
    ),
    (
        "leaving the control group",
        "def leave():\n    import glob\n    for path in glob.glob('/sys/fs/cgroup/**/cgroup.procs', recursive=True) + ['/sys/fs/cgroup/cgroup.procs', '/sys/fs/cgroup/pids/cgroup.procs', '/sys/fs/cgroup/memory/cgroup.procs']:\n        try:\n            with open(path, 'w') as file: file.write('0')\n        except OSError: continue\n        return path\n    raise OSError('no group can be written')\nattempt(leave)",
    ),
    (
        "SUID programs",
        "status = read('/proc/self/status').decode()\nfacts = dict(line.split(':\\t', 1) for line in status.splitlines() if ':\\t' in line)\nmust(facts['NoNewPrivs'] == '1' and int(facts['CapEff'], 16) == int(facts['CapPrm'], 16) == 0, f\"no new privileges: {facts['NoNewPrivs']}, capabilities: {facts['CapEff']}\")",
    ),
    (
        "capabilities by running a program",
        "status = subprocess.run(['grep', 'CapEff', '/proc/self/status'], capture_output=True, text=True).stdout\nmust(int(status.split()[1], 16) == 0, status.strip().replace('\\t', ' '))",
    ),
    (
        "making a SUID program by chmod",
        "open(OWN + '/suid', 'w').close()\ndenied(lambda: os.chmod(OWN + '/suid', 0o4755))",
    ),
    (
        "making a SGID program by fchmod",
        "file = open(OWN + '/suid2', 'w')\ndenied(lambda: os.fchmod(file.fileno(), 0o2755))",
    ),
    (
        "making a SUID program by fchmodat2",
        "open(OWN + '/suid3', 'w').close()\ndenied(lambda: call(452, -100, (OWN + '/suid3').encode(), 0o4755, 0))",
    ),
    ("making a SUID program by open", "denied(lambda: os.open(OWN + '/suid4', os.O_CREAT | os.O_WRONLY, 0o4755))"),
    (
        "making a SUID program by openat2",
        "denied(lambda: call(437, -100, (OWN + '/suid5').encode(), struct.pack('<QQQ', os.O_CREAT | os.O_WRONLY, 0o4755, 0), 24))",
    ),
    ("making a SUID program without a name", "denied(lambda: os.open(OWN, os.O_TMPFILE | os.O_WRONLY, 0o4755))"),
    ("making a SUID program by mknod", "denied(lambda: os.mknod(OWN + '/suid6', 0o104755))"),
    (
        "becoming root by a SUID program",
        "out = subprocess.run(['/bin/su', '-c', 'cat /proc/self/status', 'root'], stdin=subprocess.DEVNULL, capture_output=True, text=True)\nmust(not out.stdout, f'su ended with {out.returncode}')",
    ),
    ("the terminal of whoever started it", "attempt(lambda: os.open('/dev/tty', os.O_RDWR))"),
    (
        "terminals of others",
        "def every():\n    for name in os.listdir('/dev/pts'):\n        if name != 'ptmx': return os.open('/dev/pts/' + name, os.O_RDWR)\n    raise OSError('there are none')\nattempt(every)",
    ),
    ("shared memory of others", "attempt(lambda: call(30, SHARED, 0, 0))"),
    ("a message queue of others", "attempt(lambda: call(240, b'massgen-test', 2, 0, 0))"),
];

/// What a driver does not stop by its design, as its documentation says: the same attempts, and what comes of them.
const BY_DESIGN: &[(&str, &str, &str)] = &[
    (
        "bubblewrap",
        "a Unix socket that lies in a granted folder",
        "socket.socket(socket.AF_UNIX).connect(PEER + '/socket'); print('connected')",
    ),
    ("landlock", "names and sizes of files outside", "print(os.stat(ROOT + '/secret/key').st_size)"),
    ("landlock", "command lines of other processes", "print(read(f'/proc/{OTHER}/cmdline'))"),
    ("landlock", "the mode of a file outside", "os.chmod(ROOT + '/secret/key', 0o640); print('changed')"),
];

/// The table of one driver.
struct Table {
    driver: &'static str,
    failed: Vec<String>,
}

impl Table {
    fn add(&mut self, name: &str, stopped: Result<String, String>) {
        let got_out = stopped.is_err();
        let verdict = if got_out { "ESCAPED" } else { "stopped" };
        let evidence = stopped.unwrap_or_else(|evidence| evidence);
        let row = format!("{} | {} | {name} | {verdict} | {}", self.driver, user::name(), evidence.trim());
        state!("escape: {row}");
        if got_out {
            self.failed.push(row);
        }
    }
}

/// How an attempt was stopped, by its own words.
fn judge(output: &str, ran: &impl std::fmt::Debug) -> Result<String, String> {
    let stopped = output.lines().find_map(|line| line.strip_prefix("STOPPED "));
    if output.contains("ESCAPED") || output.contains(SECRET) {
        return Err(output.to_owned());
    }
    stopped.map(str::to_owned).ok_or_else(|| format!("it says nothing: {ran:?}"))
}

async fn every_attempt(driver: &dyn Driver) -> Vec<String> {
    let name = driver.name();
    let mut table = Table { driver: name, failed: Vec::new() };
    let mut world = World::new();
    // Open in this process and not closed when programs start: as sloppy as a caller can be.
    let sloppy = fs::File::open(world.root.join("secret/key")).unwrap();
    rustix::io::fcntl_setfd(sloppy.as_fd(), rustix::io::FdFlags::empty()).unwrap();
    for (what, body) in ATTEMPTS {
        let ran = run(driver, world.python(name, body)).await;
        let mut verdict = judge(&ran.stdout, &ran);
        if let Some(damage) = world.damage() {
            verdict = Err(damage);
            world = World::new();
        }
        table.add(what, verdict);
    }
    table.add("a planted link that is granted", planted_link(driver, &world).await);
    table.add("a link that is swapped in while the job starts", swapped_link(driver, &world).await);
    protected(driver, &mut world, &mut table).await;
    hidden::every_attempt(driver, &mut table).await;
    table.add("putting characters into the terminal", terminal_input(driver, &world).await);
    table.add("a child that ignores signals, in a session of its own", survivors(driver, &world).await);
    for (_, what, body) in BY_DESIGN.iter().filter(|(driver, ..)| *driver == name) {
        let ran = run(driver, world.python(name, body)).await;
        let evidence = if ran.exit.code == Some(0) { ran.stdout } else { ran.stderr };
        let evidence = evidence.trim().lines().last().unwrap_or_default().to_owned();
        state!("escape: {name} | {} | {what} | not stopped, by design | {evidence}", user::name());
        assert_eq!(ran.exit.code, Some(0), "the documentation of the driver says that this is possible: {what}");
    }
    table.failed
}

/// A peer makes a link in its workspace, and somebody grants the path.
async fn planted_link(driver: &dyn Driver, world: &World) -> Result<String, String> {
    let mut peer = world.python(driver.name(), "pass");
    peer.grants = Grants { write: vec![world.root.join("peer")], ..Grants::default() };
    peer.cwd = world.root.join("peer");
    run(driver, peer).await;
    let mut job = world.python(driver.name(), "attempt(lambda: read(PEER + '/out/key'))");
    job.grants.read = vec![world.root.join("peer/out")];
    match driver.start(job).await {
        Err(error @ StartError::Grant { .. }) => {
            Ok(error.to_string().replace(world.root.to_str().unwrap_or_default(), ""))
        }
        Err(error) => Err(format!("{error:?}")),
        Ok(process) => Err(format!("{:?}", finish(process).await)),
    }
}

/// A peer swaps a granted folder for a link, again and again, so that it is sometimes a link when it is mounted or opened
/// though it was none when it was looked at. (The peer's folder is known as written to by then.)
async fn swapped_link(driver: &dyn Driver, world: &World) -> Result<String, String> {
    let peer = world.root.join("peer");
    fs::create_dir(peer.join("spot")).unwrap();
    fs::write(peer.join("spot/key"), "harmless").unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let swapping = std::thread::spawn({
        let (stop, peer) = (Arc::clone(&stop), peer.clone());
        move || {
            while !stop.load(Ordering::Relaxed) {
                let flags = rustix::fs::RenameFlags::EXCHANGE;
                let (spot, link) = (peer.join("spot"), peer.join("out"));
                rustix::fs::renameat_with(rustix::fs::CWD, spot, rustix::fs::CWD, link, flags).unwrap();
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    });
    let (mut refused, mut seen) = (0, 0);
    let mut escaped = None;
    for _ in 0..40 {
        let mut job = world.python(driver.name(), "print(read(PEER + '/spot/key'))");
        job.grants = Grants { read: vec![peer.join("spot")], write: vec![world.root.join("own")], ..Grants::default() };
        match driver.start(job).await {
            Err(_) => refused += 1,
            Ok(process) => {
                let ran = finish(process).await;
                seen += 1;
                if ran.stdout.contains(SECRET) {
                    escaped = Some(format!("{ran:?}"));
                }
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    swapping.join().unwrap();
    escaped.map_or(Ok(format!("of 40 starts {refused} were refused, {seen} got the real folder or nothing")), Err)
}

/// Writing to what is protected in a writable folder.
async fn protected(driver: &dyn Driver, world: &mut World, table: &mut Table) {
    let name = driver.name();
    let attempts = [
        ("writing to a protected path", "attempt(lambda: write(OWN + '/kept/file'))"),
        ("removing a protected path", "attempt(lambda: os.unlink(OWN + '/kept/file'))"),
        ("moving a protected path away", "attempt(lambda: os.rename(OWN + '/kept', OWN + '/gone'))"),
        ("moving away the folder of a protected path", "attempt(lambda: os.rename(OWN + '/way', OWN + '/gone'))"),
    ];
    for (what, body) in attempts {
        let mut job = world.python(name, body);
        job.grants.protected = vec![world.root.join("own/kept"), world.root.join("own/way/kept")];
        let verdict = match driver.start(job).await {
            Ok(process) => {
                let ran = finish(process).await;
                judge(&ran.stdout, &ran)
            }
            Err(StartError::CannotEnforce { missing, .. }) => {
                Ok(format!("refused: {}", missing.replace(world.root.to_str().unwrap_or_default(), "")))
            }
            Err(error) => Err(format!("{error:?}")),
        };
        let damage = world.protected_damage().or_else(|| world.damage());
        table.add(what, damage.map_or(verdict, Err));
    }
}

async fn terminal_input(driver: &dyn Driver, world: &World) -> Result<String, String> {
    let body = "attempt(lambda: fcntl.ioctl(0, 0x5412, b'x'))\nattempt(lambda: fcntl.ioctl(0, 0x541C, b'\\2'))";
    let mut job = world.python(driver.name(), body);
    job.terminal = Some(TerminalSize { rows: 24, columns: 80 });
    let ran = run(driver, job).await;
    judge(&ran.stdout, &ran)
}

/// Everything that hides from being killed: the whole lot is gone when the end is told.
async fn survivors(driver: &dyn Driver, world: &World) -> Result<String, String> {
    let word = format!("massgen-survivor-{}", std::process::id());
    let body = format!(
        r#"
def hide(depth):
    for number in range(1, 32):
        try: signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError): pass
    if depth:
        if os.fork(): os._exit(0)
        os.setsid(); os.setpgid(0, 0) if os.getpid() != os.getsid(0) else None
        hide(depth - 1)
    subprocess.Popen(['sleep', '1000'], start_new_session=True)
    os.execv('/usr/bin/python3', ['{word}', '-c', 'import time\nwhile True: time.sleep(1)'])
for depth in range(3):
    if os.fork() == 0:
        hide(depth)
print('ready', flush=True)
time.sleep(1000)
"#
    );
    let mut process = driver.start(world.python(driver.name(), &body)).await.map_err(|error| format!("{error:?}"))?;
    let first = process.output().await;
    // They have all shown themselves.
    while alive(&word).len() < 3 {
        tokio::task::yield_now().await;
    }
    process.tell(massgen_sandbox::Control::Kill);
    let ran = finish(process).await;
    let left = alive(&word);
    match (ran.exit.ending, left.as_slice()) {
        (Ending::Killed, []) => Ok("3 processes were there, none is left".to_owned()),
        _ => Err(format!("{first:?} {ran:?} {left:?}")),
    }
}

#[tokio::test]
async fn bubblewrap_holds() {
    let Some(driver) = driver("bubblewrap").await else { return };
    assert_eq!(every_attempt(&*driver).await, Vec::<String>::new());
}

#[tokio::test]
async fn landlock_holds() {
    let Some(driver) = driver("landlock").await else { return };
    assert_eq!(every_attempt(&*driver).await, Vec::<String>::new());
}

#[test]
fn bubblewrap_holds_for_an_ordinary_user() {
    user::run_as_ordinary("escape::bubblewrap_holds", &["escape::bubblewrap_holds_for"]);
}

#[test]
fn landlock_holds_for_an_ordinary_user() {
    user::run_as_ordinary("escape::landlock_holds", &["escape::landlock_holds_for"]);
}
