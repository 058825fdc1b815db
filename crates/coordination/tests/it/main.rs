//! The coordination, explored, fuzzed and scripted through its public interface.

mod exploration;
mod explorer;
mod properties;
mod scripts;
mod world;
