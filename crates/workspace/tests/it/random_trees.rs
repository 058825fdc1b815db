//! Any tree is published and written out as it is, and its name stands for its content.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use massgen_protocol::AgentIndex;
use massgen_workspace::{PeerViews, Sharing};
use proptest::prelude::*;

use crate::support::{Seen, bench, look};

type Model = BTreeMap<PathBuf, Seen>;

fn name() -> impl Strategy<Value = OsString> {
    prop_oneof![
        4 => prop::sample::select(vec!["a", "b", "c.txt", "Ä", "with space", "-x", "new\nline"]).prop_map(OsString::from),
        1 => Just(OsString::from_vec(vec![0xfe, b'x'])),
        1 => "[a-z]{1,60}".prop_map(OsString::from),
    ]
}

fn node() -> impl Strategy<Value = Seen> {
    let content = prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..20),
        2 => prop::sample::select(vec![b"one".to_vec(), b"two".to_vec(), Vec::new()]),
        1 => (0..600_000_usize, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]),
    ];
    prop_oneof![
        6 => (content, any::<bool>()).prop_map(|(content, executable)| Seen::File { content, executable }),
        2 => Just(Seen::Folder),
        2 => name().prop_map(Seen::Link),
    ]
}

/// What can stand in a directory: folders have entries, nothing else has.
fn tree() -> impl Strategy<Value = Model> {
    prop::collection::vec((prop::collection::vec(name(), 1..5), node()), 0..25).prop_map(|entries| {
        let mut model = Model::new();
        for (names, node) in entries {
            let path: PathBuf = names.iter().collect();
            let above: Vec<&Path> = path.ancestors().skip(1).filter(|above| *above != Path::new("")).collect();
            let fits = above.iter().all(|above| matches!(model.get(*above), None | Some(Seen::Folder)));
            if fits && !model.contains_key(&path) {
                for above in above {
                    model.insert(above.to_path_buf(), Seen::Folder);
                }
                model.insert(path, node);
            }
        }
        model
    })
}

fn build(root: &Path, model: &Model) {
    std::fs::create_dir_all(root).unwrap();
    for (path, node) in model {
        let path = root.join(path);
        match node {
            Seen::Folder => std::fs::create_dir(path).unwrap(),
            Seen::Link(target) => symlink(target, path).unwrap(),
            Seen::File { content, executable } => {
                std::fs::write(&path, content).unwrap();
                let mode = if *executable { 0o755 } else { 0o644 };
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
            }
            Seen::Other => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_comes_out_as_it_went_in(one in tree(), other in tree()) {
        let (temporary, store, _) = bench();
        let at = |name: &str| temporary.path().join(name);
        build(&at("one"), &one);
        build(&at("other"), &other);
        build(&at("again"), &one);

        let first = store.publish(&at("one")).unwrap();
        let second = store.publish(&at("other")).unwrap();
        let again = store.publish(&at("again")).unwrap();

        prop_assert_eq!(&first.id, &again.id, "the same content has the same name");
        prop_assert_eq!(again.stored_files + again.index_bytes, 0, "and is stored once");
        prop_assert_eq!(first.id == second.id, one == other, "and only the same content has");
        prop_assert!(first.skipped.is_empty());
        store.verify(&first.id).unwrap();
        store.verify(&second.id).unwrap();
        for (sharing, name) in [(Sharing::Private, "private"), (Sharing::ReadOnly, "log")] {
            let written = store.materialise(&first.id, &at(name), sharing).unwrap();
            prop_assert_eq!(look(&at(name)), one.clone());
            prop_assert_eq!((written.files, written.bytes), (first.files, first.bytes));
            let parts = written.reflinked_bytes + written.linked_bytes + written.copied_bytes;
            prop_assert_eq!(parts, first.bytes);
        }
        prop_assert_eq!(store.publish(&at("private")).unwrap().id, first.id.clone());

        // One view becomes the other's, and is put right after its owner turned it into yet another tree.
        let views = PeerViews::new(at("views"));
        let agent = AgentIndex(0);
        let view = at("views/agent1");
        views.show(&store, &[(agent, first.id.clone())]).unwrap();
        prop_assert_eq!(look(&view), one.clone());
        let prepared = views.show(&store, &[(agent, second.id.clone())]).unwrap();
        prop_assert_eq!(look(&view), other.clone());
        prop_assert_eq!((prepared.files, prepared.bytes), (second.files, second.bytes));
        std::fs::remove_dir_all(&view).unwrap();
        build(&view, &one);
        views.show(&store, &[(agent, second.id.clone())]).unwrap();
        prop_assert_eq!(look(&view), other.clone());
        for (path, node) in &other {
            if let Seen::File { .. } = node {
                std::fs::remove_file(view.join(path)).unwrap();
                std::fs::create_dir(view.join(path)).unwrap();
            }
        }
        let prepared = views.show(&store, &[(agent, second.id.clone())]).unwrap();
        prop_assert_eq!(prepared.replaced, 0);
        prop_assert_eq!(look(&view), other.clone());
        let prepared = views.show(&store, &[(agent, second.id)]).unwrap();
        prop_assert_eq!(prepared.unchanged, 1);
    }
}
