//! The command tools of one agent: run a command and wait for it, or run it in the background and look at it now and
//! then.
//!
//! Where commands run and what they may reach is the business of a [`massgen_sandbox::Driver`] and of [`Places`].
//! This crate keeps their output bounded, harmless and pageable, ends them in time, refuses what is never meant,
//! and notes which answers of peers a command looked at.

mod arguments;
mod background;
mod capture;
mod clean;
mod foreground;
mod places;
mod recording;
mod reply;
mod rules;
mod settings;
mod spill;
mod tools;
mod touch;
mod words;

pub use places::{CommandPlaces, Places};
pub use rules::{CommandRules, RuleError};
pub use settings::{CommandSettings, OutputLimits, clean_environment};
pub use tools::CommandTools;
pub use touch::touched;
