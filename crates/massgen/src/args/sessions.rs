//! Flags and commands about sessions.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

const SESSION: &str = "Session";

/// Which session a run belongs to.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct SessionArgs {
    /// Go on with the newest session: the team is told what was said in it
    #[arg(long = "continue", help_heading = SESSION)]
    pub(crate) goes_on: bool,
    /// Go on with the session of this name; without --continue, one that is not there is begun
    #[arg(long, value_name = "ID", help_heading = SESSION, hide_short_help = true)]
    pub(crate) session_id: Option<String>,
    /// Leave the session out of ~/.massgen/sessions.json, the list of sessions for other programs
    #[arg(long, help_heading = SESSION, hide_short_help = true)]
    pub(crate) no_session_registry: bool,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct SessionsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<SessionsCommand>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionsCommand {
    /// List sessions, last worked on first; so does `massgen sessions` alone
    List(ListArgs),
    /// Show the questions and answers of a session
    Show(ShowArgs),
    /// Find questions and answers by their words
    Search(SearchArgs),
    /// Delete a session; its log folders stay
    Delete(DeleteArgs),
    /// Delete old sessions, or the oldest until the rest is small enough
    Prune(PruneArgs),
    /// Write a session with its timeline as one Markdown or HTML document
    Export(ExportArgs),
}

#[derive(Debug, Args, Clone)]
pub(crate) struct ListArgs {
    /// How many
    #[arg(long, value_name = "NUMBER", default_value_t = 10, conflicts_with = "all", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    /// All of them
    #[arg(long)]
    pub(crate) all: bool,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The session's name
    pub(crate) id: String,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    /// Words that a question or its answer has, all of them; the last may be the beginning of one
    #[arg(required = true)]
    pub(crate) words: Vec<String>,
    /// How many turns at most
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The session's name
    pub(crate) id: String,
}

#[derive(Debug, Args)]
#[group(id = "rule", required = true, multiple = true, args = ["older_than", "keep_mb"])]
pub(crate) struct PruneArgs {
    /// Those last worked on more than so many days ago
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(..=36_500))]
    pub(crate) older_than: Option<u32>,
    /// The oldest, until all others together take no more than so many megabytes
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u32))]
    pub(crate) keep_mb: Option<u32>,
    /// Delete nothing, tell what would go
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The session's name
    pub(crate) id: String,
    /// A page of HTML that needs no other file, instead of Markdown
    #[arg(long)]
    pub(crate) html: bool,
    /// The file to write; without it, standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CostsArgs {
    /// What each line is about
    #[arg(long, value_name = "WORD", default_value = "model")]
    pub(crate) by: CostsBy,
    /// Only turns of so many days until now
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub(crate) days: Option<u32>,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What costs are added up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CostsBy {
    Model,
    Agent,
    Session,
    Day,
}
