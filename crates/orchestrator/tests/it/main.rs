//! Whole runs over real HTTP, in one process with the rehearsal provider.

mod journal;
mod run;
mod stage;
