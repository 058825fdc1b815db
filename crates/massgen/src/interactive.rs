//! One question after the other, in one session: `massgen` with a team and without a question, at a terminal.

mod editor;
mod said;
mod telling;

use std::path::Path;
use std::process::Command as Process;

use massgen_config::{ContextPath, Environment, Permission, Text};

use crate::args::{RunArgs, TeamArgs};
use crate::commands::ask::assignment;
use crate::commands::sessions::words;
use crate::conversation::{Conversation, turns};
use crate::failure::Failure;
use crate::question::add_contexts;
use crate::run::runtime;
use crate::team::{Team, find_team};
use crate::terminal;

use editor::{Editor, Line, TerminalMode};
use said::{Block, Command, Opened, Said, Which};

/// What stands before a question, and before the lines of a long one that are still to come.
const PROMPT: &str = "> ";
const MORE: &str = "… ";

/// A session with somebody at a terminal.
pub(crate) struct Interactive<'a> {
    team: Team,
    args: &'a RunArgs,
    environment: &'a Environment,
    rehearsed: Option<&'a str>,
    conversation: Conversation,
    editor: Editor,
    /// Files of the user that were added on the way.
    contexts: Vec<ContextPath>,
}

impl<'a> Interactive<'a> {
    pub(crate) fn new(
        team: Team,
        args: &'a RunArgs,
        environment: &'a Environment,
        rehearsed: Option<&'a str>,
        conversation: Conversation,
    ) -> Result<Self, Failure> {
        let mut editor = Editor::new()?;
        for turn in conversation.session().map(turns).transpose()?.into_iter().flatten() {
            turn.question.iter().for_each(|question| editor.remember(question));
        }
        Ok(Self { team, args, environment, rehearsed, conversation, editor, contexts: Vec::new() })
    }

    /// Takes questions until the user leaves.
    pub(crate) fn run(mut self) -> Result<(), Failure> {
        let runtime = runtime()?;
        terminal::print_line(&telling::greeting(&self.team));
        while let Some(line) = self.read(&runtime)? {
            match said::said(&line) {
                Said::Nothing => {}
                Said::Question(question) => self.ask(&runtime, &question),
                Said::Command(Command::Quit) => break,
                Said::Command(command) => self.obey(&command),
                Said::Unknown { word, nearest } => {
                    let nearest = nearest.map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"));
                    terminal::print_line(&format!("there is no {word}{nearest} (/help lists the commands)"));
                }
            }
        }
        if let Some(session) = self.conversation.session() {
            terminal::print_line(&format!(
                "Goes on with: massgen --continue, or massgen --session-id {}",
                session.id()
            ));
        }
        Ok(())
    }

    /// What the user types: a line, or all lines of a block. `None`: the user leaves.
    fn read(&mut self, runtime: &tokio::runtime::Runtime) -> Result<Option<String>, Failure> {
        let mode = TerminalMode::now();
        // While a line is typed nobody else waits for signals, and this program takes them.
        let told = runtime.spawn(crate::signals::leave_when_told(move || mode.restore()));
        let line = self.read_block();
        told.abort();
        line
    }

    fn read_block(&mut self) -> Result<Option<String>, Failure> {
        let mut block: Option<Block> = None;
        loop {
            let prompt = if block.is_some() { MORE } else { PROMPT };
            let line = match self.editor.read(prompt)? {
                Line::Text(line) => line,
                Line::Cleared => {
                    block = None;
                    continue;
                }
                Line::End => return Ok(None),
            };
            let whole = match block.take() {
                Some(mut open) => match open.add(&line) {
                    Some(text) => text,
                    None => {
                        block = Some(open);
                        continue;
                    }
                },
                None => match said::open(&line) {
                    Opened::Whole(text) => text,
                    Opened::Block(open) => {
                        block = Some(open);
                        continue;
                    }
                },
            };
            if !whole.trim().is_empty() {
                self.editor.remember(&whole);
            }
            return Ok(Some(whole));
        }
    }

    /// Lets the team answer. What goes wrong is told, and the next question may go better.
    fn ask(&mut self, runtime: &tokio::runtime::Runtime, question: &str) {
        let answered = assignment(self.team.clone(), self.args, self.environment, self.rehearsed, Some(question))
            .and_then(|mut assignment| {
                add_contexts(&mut assignment.team.config, self.contexts.clone(), self.environment);
                let output = &self.args.output;
                runtime.block_on(assignment.work(output, self.environment, &mut self.conversation, None))
            });
        if let Err(failure) = answered
            && !failure.is_told()
        {
            terminal::tell(&failure.to_string());
        }
    }

    fn obey(&mut self, command: &Command) {
        let told = match command {
            Command::Help => Ok(said::HELP.to_owned()),
            Command::Clear => {
                self.conversation.leave();
                Ok("The next question begins a new session.".to_owned())
            }
            Command::Status => telling::status(&self.conversation, &self.team, &self.contexts),
            Command::Config => self.config(),
            Command::Context(None) => Ok(telling::contexts(&self.team, &self.contexts)),
            Command::Context(Some((path, permission))) => self.add_context(path, *permission),
            Command::Inspect(which) => self.inspect(*which),
            Command::Cost => telling::cost(&self.conversation),
            Command::Quit => Ok(String::new()),
        };
        match told {
            Ok(text) => drop(terminal::print_line(terminal::harmless(&text).trim_end())),
            Err(failure) => terminal::tell(&failure.to_string()),
        }
    }

    /// Opens the config in the user's editor, if there is one, and takes in what is changed.
    fn config(&mut self) -> Result<String, Failure> {
        let Some(path) = self.team.path.clone() else {
            return Ok(format!("The team has no config file:\n{}", telling::members(&self.team)));
        };
        let editor = ["VISUAL", "EDITOR"].into_iter().find_map(|name| self.environment.var(name));
        let edited = editor.map(|editor| edit(editor, &path)).transpose()?.is_some();
        let args = TeamArgs { config: Some(path.to_string_lossy().into_owned()), ..TeamArgs::default() };
        if let Some(team) = find_team(&args, self.environment)? {
            self.team = team;
        }
        let how = if edited { "read again" } else { "set EDITOR to edit it from here; /config reads it again" };
        Ok(format!("{} ({how}):\n{}", path.display(), telling::members(&self.team)))
    }

    fn add_context(&mut self, path: &str, permission: Permission) -> Result<String, Failure> {
        let absolute = self.environment.absolute(path);
        if !absolute.exists() {
            return Err(Failure::configuration(format!("{} does not exist", absolute.display()))
                .hint("`/context PATH` lets the team read a file or directory, `/context PATH:w` change it"));
        }
        let known = self.contexts.iter_mut().find(|known| self.environment.absolute(&known.path) == absolute);
        match known {
            Some(known) => known.permission = permission,
            None => self.contexts.push(ContextPath {
                path: Text::new(absolute.to_string_lossy()),
                permission,
                protected_paths: Vec::new(),
                description: None,
            }),
        }
        Ok(telling::contexts(&self.team, &self.contexts))
    }

    fn inspect(&self, which: Which) -> Result<String, Failure> {
        let turns = self.conversation.session().map(turns).transpose()?.unwrap_or_default();
        let turn = match which {
            Which::All => return Ok(telling::turns_in_lines(&turns)),
            Which::Last => turns.last(),
            Which::Turn(number) => turns.iter().find(|turn| turn.number == number),
        };
        match (turn, which) {
            (Some(turn), _) => Ok(words::turn(turn)),
            (None, Which::Turn(number)) => {
                Err(Failure::execution(format!("there is no turn {number}; there are {}", turns.len())))
            }
            (None, _) => Ok("There is no turn yet that was kept.".to_owned()),
        }
    }
}

fn edit(editor: &str, path: &Path) -> Result<(), Failure> {
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or(editor);
    let status = Process::new(program).args(words).arg(path).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::execution(format!("the editor `{editor}` ended with {status}"))),
        Err(error) => Err(Failure::execution(format!("the editor `{editor}` cannot be started: {error}"))
            .hint("VISUAL or EDITOR in the environment names it")),
    }
}
