//! From nothing to a team: what is on this machine, what team it makes, and the files of a new user.

mod config_file;
mod dialogue;
mod draft;
mod findings;
mod keys_file;
mod local_servers;
mod programs;
mod proposal;

pub(crate) use config_file::{project_config, write_config};
pub(crate) use dialogue::Dialogue;
pub(crate) use draft::{AgentSpec, Draft, usual_model};
pub(crate) use findings::{Findings, is_built, remote};
pub(crate) use keys_file::{check_name, check_value, keys_path, save_key};
pub(crate) use programs::{Program, on_path};
pub(crate) use proposal::{Proposal, propose};
