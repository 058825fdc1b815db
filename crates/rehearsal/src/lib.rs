//! A scripted provider that speaks the wire protocols of the real ones on a loopback address, with
//! faults on demand.
//!
//! A [`Scenario`] says what each model answers, and when. A [`RehearsalServer`] plays it over OpenAI
//! Responses, OpenAI Chat Completions, Anthropic Messages and Gemini, as strict about what it
//! receives as the providers are, so that a team can be rehearsed without keys, cost or network.
//!
//! The format of scenario files is described in `SCENARIOS.md`.

mod exchange;
mod scenario;
mod script;
mod server;
mod shown;
mod signature;
mod wire;

pub use scenario::{Scenario, ScenarioError};
pub use server::{Received, RehearsalServer};
pub use wire::Wire;
