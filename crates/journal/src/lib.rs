//! The append-only event log of a run, and what is folded from it for readers of files: the log
//! folder, the status file and the reports.
//!
//! [`Journal`] is the only writer of `events.jsonl`, and [`Records`] reads it back. Everything else
//! here is derived: replaying a journal through a [`LogWriter`] gives the same files again.

mod atomic;
mod blobs;
mod counters;
mod file_name;
mod journal;
mod log_folder;
mod log_writer;
mod metadata;
mod narrate;
mod records;
mod runs;
mod seal;
mod stamps;
mod status;
mod summary;
mod table;
mod text;

pub use counters::{AgentCounters, AgentError, AgentErrorKind, Counters, RoundCounts};
pub use file_name::agent_file_names;
pub use journal::{Journal, JournalError};
pub use log_folder::{LogFolder, LogFolderError};
pub use log_writer::{LogWarning, LogWriter};
pub use metadata::RunMetadata;
pub use narrate::{Level, Narration, check_in_words, checks_in_words, end_in_words, narrate, violation_in_words};
pub use records::{Reading, Records, Tail, read};
pub use runs::{end_of, newest, runs, snapshots_in_use};
pub use stamps::Stamps;
pub use status::status;
pub use summary::{AgentLine, Disagreement, MinorityAnswer, Summary, TallyRow, VoteLine, Winner, run_summary};
pub use table::coordination_table;
