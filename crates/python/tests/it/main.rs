//! Custom tools and tools as code, with the Python that is installed.

mod code;
mod custom;
mod faults;
mod interpreter;
mod support;
