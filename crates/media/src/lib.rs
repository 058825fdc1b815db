//! Models that see, hear, draw and speak for the tools of agents.
//!
//! [`Media`] answers the requests of the functions `understand_image`, `generate_media` and their relatives. Each is one
//! HTTP request to a provider of the table, in that provider's own form, and one whole reply. Who is asked follows from
//! the call, else from the configuration, else from the keys that are there ([`MediaSettings`]).

mod account;
mod ask;
mod attached;
mod choose;
mod draw;
mod http;
mod listen;
mod media;
mod said;
mod speak;

pub use account::Account;
pub use choose::{Choice, KindChoices, MediaChoices};
pub use http::MediaPolicy;
pub use media::{Media, MediaSettings};
