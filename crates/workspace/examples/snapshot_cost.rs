//! What snapshots cost: `cargo run --release -p massgen-workspace --example snapshot_cost -- [DIRECTORY]`.
//!
//! Makes a workspace of 10,000 files (200 MB) in DIRECTORY (the system's temporary folder by default), and reports what
//! it takes to publish it, to publish it with one file changed, and to show ten peers' versions of it to one agent.

#![expect(clippy::print_stdout, reason = "a program for reading its output")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use massgen_protocol::{AgentIndex, SnapshotId};
use massgen_workspace::{PeerViews, Prepared, Published, Sharing, SnapshotStore};

const FOLDERS: usize = 100;
const FILES_PER_FOLDER: usize = 100;
const FILE_BYTES: usize = 20_000;
const PEERS: u16 = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let directory = tempfile::Builder::new().prefix("snapshot-cost-").tempdir_in(directory)?;
    let workspace = directory.path().join("workspace");
    fill(&workspace)?;
    // Files written a moment ago are read again, as their stamps prove nothing yet.
    std::thread::sleep(Duration::from_millis(50));
    let store = SnapshotStore::open(&directory.path().join("store"))?;

    let published = store.publish(&workspace)?;
    report("first publish", &published);
    let published = store.publish(&workspace)?;
    report("nothing changed", &published);
    let mut slowest = Duration::ZERO;
    for round in 0..10 {
        std::fs::write(workspace.join("folder-42/file-42"), content(1_000_000 + round))?;
        let published = store.publish(&workspace)?;
        slowest = slowest.max(published.duration);
        report("one file changed", &published);
    }
    println!("one file changed: slowest of 10 {slowest:?}");

    // Ten peers, each with the workspace and a file of its own.
    let mut shown: Vec<(AgentIndex, SnapshotId)> = Vec::new();
    for peer in AgentIndex::all(PEERS) {
        std::fs::write(workspace.join("answer.txt"), format!("the answer of {peer}"))?;
        shown.push((peer, store.publish(&workspace)?.id));
    }
    let views = PeerViews::new(directory.path().join("views"));
    report_views("views of ten peers, first", &views.show(&store, &shown)?);
    report_views("views again, untouched", &views.show(&store, &shown)?);
    std::fs::write(views.directory().join("agent3/folder-7/file-7"), "changed by the reader")?;
    std::fs::create_dir(views.directory().join("agent3/__pycache__"))?;
    report_views("views again, one was changed by its reader", &views.show(&store, &shown)?);
    std::fs::write(workspace.join("answer.txt"), "a better answer of agent5")?;
    if let Some((_, id)) = shown.get_mut(4) {
        *id = store.publish(&workspace)?.id;
    }
    report_views("views again, one peer answered anew", &views.show(&store, &shown)?);

    let log = directory.path().join("log");
    let started = Instant::now();
    let written = store.materialise(&published.id, &log, Sharing::ReadOnly)?;
    println!(
        "read-only copy for the log: {:?}, {} files, {} MB reflinked, {} MB linked, {} MB copied",
        started.elapsed(),
        written.files,
        written.reflinked_bytes / 1_000_000,
        written.linked_bytes / 1_000_000,
        written.copied_bytes / 1_000_000,
    );
    Ok(())
}

fn fill(workspace: &Path) -> std::io::Result<()> {
    for folder in 0..FOLDERS {
        let path = workspace.join(format!("folder-{folder}"));
        std::fs::create_dir_all(&path)?;
        for file in 0..FILES_PER_FOLDER {
            std::fs::write(path.join(format!("file-{file}")), content(folder * FILES_PER_FOLDER + file))?;
        }
    }
    Ok(())
}

/// Bytes that are another for each number, and that no file system compresses away.
fn content(number: usize) -> Vec<u8> {
    let mut state = number as u64 + 1;
    let mut bytes = Vec::with_capacity(FILE_BYTES);
    while bytes.len() < FILE_BYTES {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend(state.to_le_bytes());
    }
    bytes
}

fn report(what: &str, published: &Published) {
    println!(
        "{what}: {:?}; {} files, {} bytes; stored {} files, {} bytes ({} reflinked), index {} bytes",
        published.duration,
        published.files,
        published.bytes,
        published.stored_files,
        published.stored_bytes,
        published.reflinked_bytes,
        published.index_bytes,
    );
}

fn report_views(what: &str, prepared: &Prepared) {
    println!(
        "{what}: {:?}; {} files, {} MB; {} bytes shared, {} bytes copied; {} unchanged, {} restored, {} replaced",
        prepared.duration,
        prepared.files,
        prepared.bytes / 1_000_000,
        prepared.shared_bytes,
        prepared.copied_bytes,
        prepared.unchanged,
        prepared.restored,
        prepared.replaced,
    );
}
