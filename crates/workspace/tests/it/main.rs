//! Workspaces and snapshots on real file systems, with processes that are killed at every step.

mod collect;
mod disk;
mod helper;
mod kill;
mod materialise;
mod publish;
mod random_trees;
mod support;
mod views;
mod workspace;
