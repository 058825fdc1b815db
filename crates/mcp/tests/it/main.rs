//! Servers, real and odd ones.
//!
//! Tests with real servers want the environment variable `MASSGEN_TEST_MCP_DIR` to name the folder where `.ci/mcp`
//! has installed them.

mod browser;
mod conformance;
mod http;
mod odd;
mod questions;
mod sharing;
mod stdio;
mod support;
