//! `massgen doctor`: what works on this machine, and what to do about what does not.

use std::path::{Path, PathBuf};

use massgen_config::{Environment, KeySource, find_default_config};
use massgen_journal::LogFolder;
use massgen_sandbox::{Helper, Limits, choose};

use crate::commands::validate::verdict;
use crate::commands::welcome::short;
use crate::display::Style;
use crate::failure::{Failure, with_causes};
use crate::first_use::{Findings, on_path, remote};
use crate::run::runtime;
use crate::team::load_file;
use crate::{surroundings, terminal};

/// Prints the page. Fails when something stands in the way of a run.
pub(crate) fn doctor() -> Result<(), Failure> {
    let environment = surroundings::environment()?;
    let findings = Findings::look(&environment);
    let style = Style::of_stdout();
    let mut page = Page { style, text: String::new(), troubles: 0 };
    page.line(&format!("massgen {} on {} {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH));
    team(&mut page, &environment);
    keys(&mut page, &environment, &findings);
    servers(&mut page, &findings);
    programs(&mut page, &findings);
    folders(&mut page, &environment);
    sandbox(&mut page, &environment);
    page.line("");
    let troubles = page.troubles;
    page.line(&match troubles {
        0 => "Nothing stands in the way.".to_owned(),
        1 => "One thing stands in the way: see `!!`.".to_owned(),
        many => format!("{many} things stand in the way: see `!!`."),
    });
    terminal::print(&page.text);
    if troubles == 0 { Ok(()) } else { Err(Failure::told()) }
}

struct Page {
    style: Style,
    text: String,
    troubles: usize,
}

impl Page {
    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn title(&mut self, title: &str) {
        let title = self.style.bold(title);
        self.line(&format!("\n{title}"));
    }

    /// Something that works.
    fn works(&mut self, text: &str) {
        self.line(&format!("  ok  {text}"));
    }

    /// Something that is not there, and need not be.
    fn absent(&mut self, text: &str) {
        self.line(&format!("  --  {text}"));
    }

    /// Something that stands in the way of a run, and what to do about it.
    fn trouble(&mut self, text: &str, remedy: &str) {
        self.troubles += 1;
        let text = self.style.warning(&format!("  !!  {text}"));
        self.line(&text);
        self.line(&format!("      do: {remedy}"));
    }
}

fn team(page: &mut Page, environment: &Environment) {
    page.title("Team");
    let Some(path) = find_default_config(environment, Path::is_file) else {
        page.absent("no config in .massgen/config.yaml or ~/.config/massgen/config.yaml: `massgen` proposes one");
        return;
    };
    let shown = short(&path, environment);
    let loaded = match load_file(&path, environment) {
        Ok(loaded) => loaded,
        Err(failure) => return page.trouble(failure.message(), "see that the file can be read"),
    };
    let Some(config) = &loaded.config else {
        let remedy = format!("massgen --validate {shown} shows where and why");
        return page.trouble(&format!("{shown}: {}", verdict(&loaded.diagnostics)), &remedy);
    };
    page.works(&format!("{shown}: {} agents; {}", config.agents.len(), verdict(&loaded.diagnostics)));
    for agent in &config.agents {
        let backend = &agent.backend;
        if let KeySource::Missing { tried } = backend.key_source(environment) {
            let problem = format!("{} ({}): no key", agent.id, backend.provider().name);
            page.trouble(&problem, &format!("massgen --setup {}; without any key: --rehearse", tried.join(" or ")));
        }
    }
}

fn keys(page: &mut Page, environment: &Environment, findings: &Findings) {
    page.title("Keys (names only)");
    for key in &findings.keys {
        let is_of_process = std::env::var_os(key.variable).is_some_and(|value| !value.is_empty());
        let place = if is_of_process { "environment" } else { ".env file" };
        page.works(&format!("{} ({}): from the {place}", key.variable, key.provider.name));
    }
    let unset = remote().filter(|provider| !provider.key_variables.iter().any(|name| environment.var(name).is_some()));
    let names: Vec<&str> = unset.filter_map(|provider| provider.key_variables.first().copied()).collect();
    if !names.is_empty() {
        page.absent(&format!("not set: {}", terminal::wrapped(&names, 15)));
    }
    if findings.keys.is_empty() {
        page.absent("`massgen --setup` saves a key; `massgen demo` needs none");
    }
}

fn servers(page: &mut Page, findings: &Findings) {
    page.title("Model servers on this machine");
    for server in &findings.servers {
        page.works(&format!("{}: {}", server.name, server.models_in_words()));
    }
    if !findings.servers_looked_for {
        page.absent("not looked for: MASSGEN_LOCAL_SERVERS is off");
    } else if findings.servers.is_empty() {
        page.absent("none answers: LM Studio (1234), Ollama (11434), vLLM (8000), SGLang (30000), llama.cpp (8080)");
    }
}

fn programs(page: &mut Page, findings: &Findings) {
    page.title("Coding agents (cannot be team members yet)");
    for program in &findings.programs {
        page.absent(&format!("{}: {}", program.name, program.in_words()));
    }
    if findings.programs.is_empty() {
        page.absent("none of claude, codex, gemini is installed");
    }
}

fn folders(page: &mut Page, environment: &Environment) {
    page.title("Folders");
    let base = environment.var("MASSGEN_LOG_BASE_DIR").unwrap_or(LogFolder::DEFAULT_BASE);
    let logs = environment.absolute(base);
    match writable(&logs) {
        Ok(()) => page.works(&format!("logs: {}", short(&logs, environment))),
        Err(error) => page.trouble(
            &format!("logs cannot be written to {}: {error}", logs.display()),
            "start massgen in a folder of your own, set MASSGEN_LOG_BASE_DIR, or use --no-logs",
        ),
    }
}

/// Whether a folder can be made and written to, found out without leaving anything behind.
fn writable(folder: &Path) -> std::io::Result<()> {
    let there = folder.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("."));
    let probe: PathBuf = there.join(format!(".massgen-doctor-{}", std::process::id()));
    std::fs::OpenOptions::new().write(true).create_new(true).open(&probe)?;
    std::fs::remove_file(&probe)
}

/// What agents' commands can run in. Nothing of it stands in the way of agents that run none.
fn sandbox(page: &mut Page, environment: &Environment) {
    page.title("Agents' commands");
    match tried_sandbox() {
        Ok("landlock") => page.works(
            "sandbox: landlock keeps commands in their box; `protected_paths` and tools as code need bubblewrap (bwrap)",
        ),
        Ok(name) => page.works(&format!("sandbox: {name} keeps commands in their box")),
        Err(problem) => page.absent(&problem),
    }
    let engine = environment.var("DOCKER_HOST").unwrap_or("unix:///var/run/docker.sock");
    match answers(engine) {
        true => page.works(&format!("container engine: answers at {engine}")),
        false => page.absent(&format!(
            "no container engine answers at {engine}: `command_line_execution_mode: docker` needs one (start it, or set \
             DOCKER_HOST)"
        )),
    }
    for (command, what, purpose) in [
        (
            "git",
            "Git",
            "files of yours that are in a repository are changed in a worktree with it, else in a plain copy",
        ),
        ("python3", "Python", "functions of yours and tools as code need it"),
    ] {
        match on_path(command, environment) {
            Some(path) => page.works(&format!("{what}: {}", path.display())),
            None => page.absent(&format!("{what} is not installed: {purpose}")),
        }
    }
}

/// Whether somebody listens at the socket of an engine.
#[cfg(unix)]
fn answers(engine: &str) -> bool {
    engine.strip_prefix("unix://").is_some_and(|path| std::os::unix::net::UnixStream::connect(path).is_ok())
}

#[cfg(not(unix))]
fn answers(_: &str) -> bool {
    false
}

/// Really runs a command in the sandbox.
fn tried_sandbox() -> Result<&'static str, String> {
    let helper = Helper::current().map_err(|error| format!("the program cannot find itself: {error}"))?;
    let runtime = runtime().map_err(|failure| failure.to_string())?;
    let driver = runtime.block_on(choose(helper, Limits::default())).map_err(|error| with_causes(&error))?;
    Ok(driver.name())
}
