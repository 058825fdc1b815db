//! Attempts to get at what is hidden inside of what is granted.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use massgen_sandbox::{Bubblewrap, Driver, Grants, Helper, Job, StartError};

use super::{Table, judge};
use crate::box_drivers::{finish, helper, run};
use crate::world::{SECRET, World};

/// In a place that is granted, `way/key` is a hidden file and `way/vault` a hidden directory with a key in it.
const ATTEMPTS: &[(&str, &str)] = &[
    ("reading a hidden file", "attempt(lambda: read(KEY))"),
    ("reading a file in a hidden folder", "attempt(lambda: read(VAULT + '/key'))"),
    ("listing a hidden folder", "attempt(lambda: os.listdir(VAULT))"),
    ("a hidden file through `..`", "attempt(lambda: read(PLACE + '/way/open/../key'))"),
    ("a hidden folder through `..`", "attempt(lambda: read(PLACE + '/way/open/../vault/../vault/key'))"),
    ("a hidden file through /proc/self/root", "attempt(lambda: read('/proc/self/root' + KEY))"),
    ("a hidden folder through /proc/self/root", "attempt(lambda: os.listdir('/proc/self/root' + VAULT))"),
    ("a hidden file through /proc/1/root", "attempt(lambda: read('/proc/1/root' + KEY))"),
    (
        "a hidden file through /proc/self/cwd",
        "os.chdir(PLACE + '/way')\nattempt(lambda: (read('/proc/self/cwd/key'), read('key')))",
    ),
    ("working in a hidden folder", "attempt(lambda: (os.chdir(VAULT), read('key')))"),
    (
        "a hidden file through a link in the workspace",
        "os.symlink(KEY, OWN + '/l1')\nattempt(lambda: read(OWN + '/l1'))",
    ),
    (
        "a hidden folder through a link in the workspace",
        "os.symlink(VAULT, OWN + '/l2')\nattempt(lambda: read(OWN + '/l2/key'))",
    ),
    (
        "a hidden file from the descriptor of its folder",
        "fd = os.open(PLACE + '/way', os.O_PATH)\nattempt(lambda: os.read(os.open('key', os.O_RDONLY, dir_fd=fd), 99))",
    ),
    (
        "a hidden file without crossing mounts",
        "how = struct.pack('<QQQ', os.O_RDONLY, 0, 1)\nfd = os.open(PLACE + '/way', os.O_PATH)\nattempt(lambda: os.read(call(437, fd, b'key', how, 24), 99))",
    ),
    (
        "what a descriptor of a hidden file leads to",
        "def follow():\n    fd = os.open(KEY, os.O_PATH)\n    return read(f'/proc/self/fd/{fd}')\nattempt(follow)",
    ),
    ("a hard link to a hidden file", "attempt(lambda: (os.link(KEY, OWN + '/h1'), read(OWN + '/h1')))"),
    ("a hard link beside a hidden file", "attempt(lambda: (os.link(KEY, KEY + '2'), read(KEY + '2')))"),
    ("moving a hidden file", "attempt(lambda: (os.rename(KEY, OWN + '/m1'), read(OWN + '/m1')))"),
    ("moving a hidden folder", "attempt(lambda: (os.rename(VAULT, OWN + '/m2'), os.listdir(OWN + '/m2')))"),
    (
        "moving away the folder that hidden paths are in",
        "attempt(lambda: (os.rename(PLACE + '/way', OWN + '/m3'), read(OWN + '/m3/key')))",
    ),
    (
        "changing places with a hidden file",
        "open(OWN + '/x1', 'w').close()\nattempt(lambda: (call(316, -100, KEY.encode(), -100, (OWN + '/x1').encode(), 2), read(OWN + '/x1')))",
    ),
    (
        "moving something over a hidden file",
        "open(OWN + '/x2', 'w').close()\nattempt(lambda: os.rename(OWN + '/x2', KEY))",
    ),
    ("writing to a hidden file", "attempt(lambda: write(KEY))"),
    ("appending to a hidden file", "attempt(lambda: open(KEY, 'a'))"),
    ("truncating a hidden file", "attempt(lambda: os.truncate(KEY, 0))"),
    ("removing a hidden file", "attempt(lambda: os.unlink(KEY))"),
    ("writing in a hidden folder", "attempt(lambda: write(VAULT + '/key'))"),
    ("making a file in a hidden folder", "attempt(lambda: open(VAULT + '/new', 'w'))"),
    ("removing a hidden folder", "def remove():\n    import shutil\n    shutil.rmtree(VAULT)\nattempt(remove)"),
    ("opening a hidden folder by its mode", "attempt(lambda: (os.chmod(VAULT, 0o777), os.listdir(VAULT)))"),
    (
        "opening the folder around by its mode",
        "def change():\n    try: os.chmod(PLACE + '/way', 0o777)\n    except OSError: pass\n    return os.listdir(VAULT), read(KEY)\nattempt(change)",
    ),
    ("taking the mask off a file", "denied(lambda: call(166, KEY.encode(), 2))"),
    ("taking the mask off a folder", "denied(lambda: call(166, VAULT.encode(), 2))"),
    ("copying the mounts beneath", "denied(lambda: call(428, -100, PLACE.encode(), 1))"),
    (
        "moving the mask of a file",
        "open(OWN + '/x3', 'w').close()\ndenied(lambda: call(165, KEY.encode(), (OWN + '/x3').encode(), 0, 8192, 0))",
    ),
    ("connecting to a hidden socket", "attempt(lambda: socket.socket(socket.AF_UNIX).connect(PLACE + '/way/socket'))"),
];

/// All attempts, in a folder that is readable and in one that is writable.
pub(super) async fn every_attempt(driver: &dyn Driver, table: &mut Table) {
    let name = driver.name();
    for place in ["peer", "own"] {
        let mut world = World::new();
        let _listener = fill(&world, place);
        for (what, body) in ATTEMPTS {
            let job = job(driver, &world, place, body);
            let what = format!("{what}, in {place}");
            let verdict = match driver.start(job).await {
                Ok(process) => {
                    let ran = finish(process).await;
                    judge(&ran.stdout, &ran)
                }
                Err(StartError::CannotEnforce { missing, .. }) if name == "landlock" && place == "own" => {
                    Ok(format!("refused: {}", missing.replace(world.root.to_str().unwrap_or_default(), "")))
                }
                Err(error) => Err(format!("{error:?}")),
            };
            let damage = damage(&world, place).or_else(|| world.damage());
            table.add(&what, damage.map_or(verdict, Err));
        }
        if name == "bubblewrap" || place == "peer" {
            // What is around is granted nevertheless.
            let ran = run(driver, job(driver, &world, place, "print(read(PLACE + '/way/open/file').decode())")).await;
            assert_eq!(ran.stdout, "open\n", "{name} {place} {ran:?}");
        }
    }
    if name == "bubblewrap" {
        replaced_meanwhile(table).await;
    }
}

fn fill(world: &World, place: &str) -> std::os::unix::net::UnixListener {
    let way = world.root.join(place).join("way");
    fs::create_dir_all(way.join("open")).unwrap();
    fs::create_dir(way.join("vault")).unwrap();
    fs::write(way.join("open/file"), "open").unwrap();
    for name in ["key", "vault/key"] {
        fs::write(way.join(name), SECRET).unwrap();
        fs::set_permissions(way.join(name), PermissionsExt::from_mode(0o666)).unwrap();
    }
    std::os::unix::net::UnixListener::bind(way.join("socket")).unwrap()
}

fn job(driver: &dyn Driver, world: &World, place: &str, body: &str) -> Job {
    let root = world.root.join(place);
    let body = format!("PLACE = {root:?}; KEY = PLACE + '/way/key'; VAULT = PLACE + '/way/vault'\n{body}");
    let mut job = world.python(driver.name(), &body);
    job.grants = Grants {
        read: vec![world.root.join("peer")],
        write: vec![world.root.join("own")],
        hidden: ["way/key", "way/vault", "way/socket"].map(|name| root.join(name)).to_vec(),
        ..Grants::default()
    };
    job
}

/// What of the hidden was changed.
fn damage(world: &World, place: &str) -> Option<String> {
    let way = world.root.join(place).join("way");
    let is_whole = |name: &str| fs::read_to_string(way.join(name)).ok().as_deref() == Some(SECRET);
    if !is_whole("key") || !is_whole("vault/key") || way.join("vault/new").exists() {
        return Some("what is hidden was changed".to_owned());
    }
    None
}

/// When something is replaced.
#[derive(Debug, Clone, Copy, PartialEq)]
enum When {
    /// After the box was planned, before anything is mounted.
    Planned,
    /// After everything is mounted, before it is looked whether all is well. That takes the mask away with the file.
    Mounted,
}

/// Replaces what is hidden, from outside of the box, once. These stand in a program in the helper's place.
fn replacing(world: &World, when: When, way: &Path, commands: &str) -> PathBuf {
    let real = helper();
    let lines = match when {
        When::Planned => "if [ $1 = __sandbox-supervise ] && [ -e $OWN/once ]; then rm $OWN/once; replace; fi",
        When::Mounted => {
            "if [ $1 = __sandbox-supervise ] && [ -e $OWN/once ]; then\n\
                 (while ! [ -e $OWN/mounted ]; do sleep 0.01; done; replace; rm $OWN/once) >/dev/null 2>&1 &\n\
             elif [ -e $OWN/once ]; then\n\
                 touch $OWN/mounted; while [ -e $OWN/once ]; do sleep 0.01; done\n\
             fi"
        }
    };
    let script = format!(
        "#!/bin/sh\nPATH=/usr/bin:/bin SECRET={SECRET} WAY={} OWN={}\nreplace() {{ {commands}; }}\n{lines}\nexec {} \"$@\"\n",
        way.display(),
        world.root.join("own").display(),
        real.program().display(),
    );
    let program = world.root.join("replacing");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    program
}

/// What is hidden is replaced while the box is made. It could be refused, but is not: the box is made anew.
async fn replaced_meanwhile(table: &mut Table) {
    let replacements = [
        ("a hidden file by another one", "echo $SECRET > $WAY/new; mv $WAY/new $WAY/key"),
        ("a hidden file by a folder", "mkdir $WAY/new; mv $WAY/key $WAY/new/key; mv $WAY/new $WAY/key"),
        ("a hidden folder by a file", "mv $WAY/vault/key $WAY/new; rmdir $WAY/vault; mv $WAY/new $WAY/vault"),
        ("a hidden folder by another one", "mv $WAY/vault $WAY/../x; cp -r $WAY/../x $WAY/vault; rm -r $WAY/../x"),
        ("a hidden file by nothing", "rm $WAY/key"),
        ("a hidden file by a link to where it is now", "mv $WAY/key $WAY/new; ln -s new $WAY/key"),
        ("the folder around hidden paths by another one", "cp -r $WAY $WAY.new; rm -r $WAY; mv $WAY.new $WAY"),
    ];
    let cases = replacements.into_iter().flat_map(|case| {
        [("peer", When::Planned), ("own", When::Planned), ("peer", When::Mounted), ("own", When::Mounted)]
            .map(|(place, when)| (case, place, when))
    });
    for ((what, commands), place, when) in cases {
        let world = World::new();
        drop(fill(&world, place));
        let way = world.root.join(place).join("way");
        fs::remove_file(way.join("socket")).unwrap();
        let once = world.root.join("own/once");
        fs::write(&once, "").unwrap();
        let driver = Bubblewrap::new(Helper::at(replacing(&world, when, &way, commands)));
        let body = "found = []\n\
                    for path in [KEY, KEY + '/key', VAULT, VAULT + '/key']:\n    \
                        try: found.append(read(path))\n    \
                        except OSError: pass\n\
                    must(not any(found), f'read {found}')";
        let mut job = job(&driver, &world, place, body);
        job.grants.read.push(helper().program().to_path_buf());
        let verdict = match driver.start(job).await {
            Ok(process) => {
                let ran = finish(process).await;
                judge(&ran.stdout, &ran)
            }
            Err(error) => Err(format!("{error:?}")),
        };
        assert!(!once.exists(), "nothing was replaced: {what} {verdict:?}");
        table.add(&format!("replacing {what} ({when:?}), in {place}"), verdict);
    }
}
