//! What the program can be told to do.

pub(crate) mod ask;
pub(crate) mod costs;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod estimate;
pub(crate) mod list_backends;
pub(crate) mod list_examples;
pub(crate) mod manual;
pub(crate) mod new_config;
pub(crate) mod record;
pub(crate) mod rehearse;
pub(crate) mod replay;
pub(crate) mod resume;
pub(crate) mod select;
pub(crate) mod sessions;
pub(crate) mod setup;
pub(crate) mod show_schema;
pub(crate) mod validate;
pub(crate) mod welcome;
