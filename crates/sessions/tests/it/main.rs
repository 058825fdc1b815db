//! Sessions from outside: folders, registry, index, deletion, export.

#![expect(clippy::unwrap_used, reason = "clippy exempts tests from this, but not their helpers")]

mod delete;
mod export;
mod folders;
mod index;
mod python;
mod registry;
mod world;

#[test]
fn no_test_file_is_forgotten() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let listed = include_str!("main.rs");
    for file in std::fs::read_dir(here).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let module = name.strip_suffix(".rs").unwrap();
        assert!(module == "main" || listed.contains(&format!("mod {module};")), "{name} is not part of the tests");
    }
}
