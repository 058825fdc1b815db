//! What the team is asked.

use std::io::{BufRead, IsTerminal, Read, Stdin};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use massgen_config::{ContextPath, Environment, Permission, ReferencedPath, TeamConfig, Text, parse_question};

use crate::args::{CwdContext, OutputArgs};
use crate::failure::Failure;
use crate::terminal;

/// More than this is not a question but a mistake, such as a piped disk image.
const STDIN_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How long a pipe may be silent: then a typed question goes on without it, and whoever has typed none is told
/// what the program waits for.
const SILENCE_MAX: Duration = Duration::from_secs(2);

/// What the team is asked, and which of the user's files that is about.
pub(crate) struct Question {
    pub(crate) text: String,
    pub(crate) contexts: Vec<ContextPath>,
}

/// The question of the command line with what is piped in, or what is piped in, or that of the config.
pub(crate) fn question(
    argument: Option<&str>,
    config: &TeamConfig,
    environment: &Environment,
    output: &OutputArgs,
) -> Result<Question, Failure> {
    // Scripts pass on pipes that nobody means, and that nobody may ever close.
    let is_for_script = output.automation || output.stream_events;
    let piped = match argument {
        Some(_) if is_for_script || !is_piped(&std::io::stdin()) => None,
        Some(_) if !comes_soon(&std::io::stdin()) => {
            terminal::warn("nothing came on standard input in 2 s: the question goes on without it");
            None
        }
        Some(_) | None => piped()?,
    };
    let typed = match (argument, &piped) {
        (None, None) => config.prompt.as_ref().map(Text::as_str),
        (argument, _) => argument,
    };
    let typed = typed.map(|typed| referring(typed.trim(), environment)).transpose()?;
    let (typed, contexts) = typed.map_or((None, Vec::new()), |question| (Some(question.text), question.contexts));
    let parts: Vec<String> = typed.into_iter().chain(piped).filter(|part| !part.trim().is_empty()).collect();
    if parts.is_empty() {
        return Err(Failure::execution("there is no question")
            .hint("give it as the last argument, or pipe it in, or set `prompt` in the config"));
    }
    Ok(Question { text: parts.join("\n\n"), contexts })
}

/// Puts paths in the place of references such as `@src/main.rs`. Only what somebody wrote as a question has
/// them: in a diff or a log, `@` means something else.
fn referring(text: &str, environment: &Environment) -> Result<Question, Failure> {
    let question =
        parse_question(text, environment, Path::exists).map_err(|error| Failure::configuration(error.to_string()))?;
    if let Some(folder) = &question.common_directory {
        terminal::tell(&format!("several references lead to {0}: @{0} stands for all of it", folder.display()));
    }
    let context = |path: ReferencedPath| ContextPath {
        path: Text::new(path.path.to_string_lossy()),
        permission: path.permission,
        protected_paths: Vec::new(),
        description: None,
    };
    Ok(Question { text: question.text, contexts: question.paths.into_iter().map(context).collect() })
}

/// Adds files of the user to those that a team may use. To be told once to write is enough.
pub(crate) fn add_contexts(config: &mut TeamConfig, contexts: Vec<ContextPath>, environment: &Environment) {
    let known = &mut config.orchestrator.context_paths;
    for context in contexts {
        let path = environment.absolute(&context.path);
        match known.iter_mut().find(|known| environment.absolute(&known.path) == path) {
            Some(known) => known.permission = known.permission.max(context.permission),
            None => known.push(context),
        }
    }
}

/// The directory massgen is started in, as one of the user's that the team may use.
pub(crate) fn working_directory(access: CwdContext, environment: &Environment) -> ContextPath {
    ContextPath {
        path: Text::new(environment.cwd.to_string_lossy()),
        permission: match access {
            CwdContext::Ro | CwdContext::Read => Permission::Read,
            CwdContext::Rw | CwdContext::Write => Permission::Write,
        },
        protected_paths: Vec::new(),
        description: None,
    }
}

/// Whether somebody means standard input to be read besides a typed question: it is a pipe or a file.
/// Programs are started with sockets and devices as well, which say nothing and may never end.
#[cfg(unix)]
fn is_piped(stdin: &Stdin) -> bool {
    use rustix::fs::FileType;
    rustix::fs::fstat(stdin)
        .is_ok_and(|stat| matches!(FileType::from_raw_mode(stat.st_mode), FileType::Fifo | FileType::RegularFile))
}

#[cfg(not(unix))]
fn is_piped(stdin: &Stdin) -> bool {
    !stdin.is_terminal()
}

/// Whether standard input has something to read, or has ended, within a while. Many programs start others with
/// a pipe that they never write to and never close: a typed question must not wait for it.
#[cfg(unix)]
fn comes_soon(stdin: &Stdin) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let limit = Timespec { tv_sec: SILENCE_MAX.as_secs().try_into().unwrap_or(0), tv_nsec: 0 };
    let mut input = [PollFd::new(stdin, PollFlags::IN)];
    // What cannot be asked is read, as it would be without asking.
    poll(&mut input, Some(&limit)).map_or(true, |ready| ready > 0)
}

#[cfg(not(unix))]
fn comes_soon(_: &Stdin) -> bool {
    true
}

/// The text on standard input as it is, without empty lines around it.
fn piped() -> Result<Option<String>, Failure> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Ok(None);
    }
    let mut stdin = stdin.lock();
    let (came, silence) = channel::<()>();
    std::thread::spawn(move || {
        if silence.recv_timeout(SILENCE_MAX) == Err(RecvTimeoutError::Timeout) {
            terminal::tell("waiting for standard input (Ctrl-D ends it; `< /dev/null` gives none)");
        }
    });
    let mut bytes = Vec::new();
    stdin
        .fill_buf()
        .map(|_| drop(came))
        .and_then(|()| stdin.take(STDIN_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| Failure::execution(format!("standard input cannot be read: {error}")))?;
    if bytes.len() as u64 > STDIN_BYTES_MAX {
        return Err(Failure::execution("the text on standard input is larger than 16 MiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| Failure::execution("the text on standard input is not UTF-8"))?;
    let text = text.trim_end().trim_start_matches(['\r', '\n']);
    Ok(Some(text).filter(|text| !text.is_empty()).map(str::to_owned))
}
