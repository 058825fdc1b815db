//! What every driver does alike.

use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::sync::Arc;

use bytes::Bytes;
use massgen_sandbox::{Control, Ending, Exit, Grants, Invocation, Network, OutputStream, StartError, TerminalSize};

use crate::box_drivers::{driver, drivers, finish, folder, limits, run, shell};
use crate::user;

#[tokio::test]
async fn codes_and_signals_come_through() {
    let (_folder, path) = folder();
    for driver in drivers().await {
        let name = driver.name();
        for (line, code, signal) in [
            ("exit 0", Some(0), None),
            ("exit 7", Some(7), None),
            ("exit 137", Some(137), None),
            ("kill -9 $$", None, Some(9)),
            ("kill -TERM $$", None, Some(15)),
        ] {
            // As the first process of its group a job is a usual process, whatever started it.
            let ran = run(&*driver, shell(line, &path)).await;
            assert_eq!(ran.exit, Exit { code, signal, ending: Ending::Itself }, "{name} {line} {}", ran.stderr);
        }
    }
}

#[tokio::test]
async fn streams_are_apart_and_in_order() {
    let (_folder, path) = folder();
    for driver in drivers().await {
        let line = "for i in $(seq 2000); do echo out $i; echo err $i >&2; done";
        let ran = run(&*driver, shell(line, &path)).await;
        let expected = |word: &str| (1..=2000).map(|i| format!("{word} {i}\n")).collect::<String>();
        assert_eq!(ran.stdout, expected("out"), "{}", driver.name());
        assert_eq!(ran.stderr, expected("err"), "{}", driver.name());
    }
}

#[tokio::test]
async fn input_arrives_and_ends() {
    let (_folder, path) = folder();
    for driver in drivers().await {
        let process = driver.start(shell("wc -c; echo over", &path)).await.unwrap();
        // More than a pipe holds.
        for _ in 0..20 {
            process.tell(Control::Input(Bytes::from(vec![b'x'; 50_000])));
        }
        process.tell(Control::CloseInput);
        let ran = finish(process).await;
        assert_eq!(ran.stdout, "1000000\nover\n", "{}", driver.name());
    }
}

#[tokio::test]
async fn output_that_nobody_takes_holds_the_job_up() {
    let (_folder, path) = folder();
    for driver in drivers().await {
        let line = "head -c 10000000 /dev/zero; touch done";
        let mut process = driver.start(shell(line, &path)).await.unwrap();
        let first = process.output().await.unwrap();
        assert_eq!(first.stream, OutputStream::Stdout);
        // It can have written what is waiting, what is in the pipe, and no more.
        assert!(!path.join("done").exists(), "{}", driver.name());
        let mut count = first.bytes.len();
        while let Some(output) = process.output().await {
            count += output.bytes.len();
        }
        assert_eq!(count, 10_000_000);
        assert_eq!(process.exit().await.code, Some(0));
        assert!(path.join("done").exists());
        fs::remove_file(path.join("done")).unwrap();
    }
}

#[tokio::test]
async fn the_environment_is_the_jobs_own() {
    let (_folder, path) = folder();
    for driver in drivers().await {
        let mut job = shell("env", &path);
        job.env = [("A".to_owned(), "1 2\n3".to_owned()), ("HOME".to_owned(), "/home/x".to_owned())].into();
        let ran = run(&*driver, job).await;
        let names: Vec<_> = ran.stdout.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
        let shells_own = ["PWD", "SHLVL", "_", "OLDPWD", "TMPDIR", "PATH"];
        let given: Vec<_> = names.iter().filter(|name| !shells_own.contains(name)).collect();
        assert_eq!(given.len(), 2, "{} {}", driver.name(), ran.stdout);
        assert!(ran.stdout.contains("A=1 2\n3\n") && ran.stdout.contains("HOME=/home/x"), "{}", ran.stdout);
    }
}

#[tokio::test]
async fn a_terminal_is_one() {
    let (_folder, path) = folder();
    for driver in drivers().await {
        let mut job = shell("test -t 0 && test -t 1 && stty size && read line && echo got $line </dev/tty", &path);
        job.terminal = Some(TerminalSize { rows: 33, columns: 77 });
        let mut process = driver.start(job).await.unwrap();
        let first = process.output().await.unwrap();
        assert_eq!(String::from_utf8_lossy(&first.bytes), "33 77\r\n", "{}", driver.name());
        process.tell(Control::Input(Bytes::from_static(b"hello\n")));
        let ran = finish(process).await;
        assert!(ran.stdout.ends_with("got hello\r\n"), "{} {ran:?}", driver.name());
        assert_eq!(ran.exit.code, Some(0));

        // Its keys work: control-C reaches what runs in it.
        let mut job = shell("trap 'echo caught; exit 3' INT; echo ready; while :; do sleep 0.05; done", &path);
        job.terminal = Some(TerminalSize { rows: 24, columns: 80 });
        let mut process = driver.start(job).await.unwrap();
        let first = process.output().await.unwrap();
        assert_eq!(String::from_utf8_lossy(&first.bytes), "ready\r\n");
        process.tell(Control::Input(Bytes::from_static(&[3])));
        let ran = finish(process).await;
        assert_eq!(ran.exit.code, Some(3), "{} {ran:?}", driver.name());
    }
}

#[tokio::test]
async fn what_cannot_start_is_an_error() {
    let (_folder, path) = folder();
    for driver in drivers().await {
        let mut job = shell("", &path);
        job.invocation = Invocation::Program(vec!["no-such-program".into()]);
        let error = driver.start(job).await.unwrap_err();
        let StartError::System { what, source } = error else { panic!("{} {error:?}", driver.name()) };
        assert!(what.contains("no-such-program"), "{what}");
        assert_eq!(source.kind(), std::io::ErrorKind::NotFound);

        // A program that is found and cannot be run: only the attempt tells.
        fs::write(path.join("broken"), "#!/no/such/interpreter\n").unwrap();
        fs::set_permissions(path.join("broken"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let mut job = shell("", &path);
        job.invocation = Invocation::Program(vec![path.join("broken").into()]);
        assert!(matches!(driver.start(job).await, Err(StartError::System { .. })), "{}", driver.name());

        let mut job = shell("true", &path);
        job.cwd = path.join("gone");
        assert!(driver.start(job).await.is_err(), "{}", driver.name());
    }
}

#[tokio::test]
async fn programs_get_their_arguments_untouched() {
    let (_folder, path) = folder();
    for driver in drivers().await {
        let mut job = shell("", &path);
        let long = "y".repeat(100_000);
        let arguments = ["printf", "%s|", "a b", "$HOME", "'", "", &long];
        job.invocation = Invocation::Program(arguments.map(Into::into).to_vec());
        let ran = run(&*driver, job).await;
        assert_eq!(ran.stdout, format!("a b|$HOME|'||{long}|"), "{}", driver.name());
    }
}

#[tokio::test]
async fn what_is_granted_can_be_used() {
    for driver in drivers().await {
        let (_folder, path) = folder();
        for name in ["own", "peer"] {
            fs::create_dir(path.join(name)).unwrap();
        }
        fs::write(path.join("peer/run.sh"), "#!/bin/sh\necho ran\n").unwrap();
        fs::set_permissions(path.join("peer/run.sh"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let own = path.join("own");
        let peer = path.join("peer").display().to_string();
        let line = format!(
            "set -e; {peer}/run.sh > made; mkdir -p a/b; mv made a/b/moved; ln -s b a/link; ln a/b/moved hard; \
             chmod 640 hard; rm -r a/link; cat a/b/moved; echo x > $HOME/x; cat $HOME/x; t=$(mktemp); echo t > $t; cat $t; \
             cat <(echo pipe); cat /proc/self/comm; head -c 3 /dev/urandom | wc -c"
        );
        let mut job = shell(&line, &own);
        job.grants.read.push(path.join("peer"));
        if driver.name() == "local" {
            job.env.insert("HOME".to_owned(), own.display().to_string());
        }
        let ran = run(&*driver, job).await;
        assert_eq!(ran.stdout, "ran\nx\nt\npipe\ncat\n3\n", "{} {ran:?}", driver.name());
        assert_eq!(ran.exit.code, Some(0), "{} {ran:?}", driver.name());
        assert_eq!(fs::read_to_string(own.join("hard")).unwrap(), "ran\n");
    }
}

#[tokio::test]
async fn usual_tools_work() {
    for driver in drivers().await {
        let (_folder, path) = folder();
        let line = "set -e; cd $(mktemp -d -p .); echo a > a; chmod 755 a; tar cf t.tar a; mkdir x; tar xf t.tar -C x; \
                    cp -a x y; cmp a y/a; rm -r x; \
                    /usr/bin/python3 -c 'import subprocess, threading, asyncio; \
                    t = threading.Thread(target=print, args=(\"thread\",)); t.start(); t.join(); \
                    asyncio.run(asyncio.sleep(0)); print(subprocess.check_output([\"echo\", \"sub\"]).decode().strip())'; \
                    git init -q . 2>&1; git add a; git -c user.name=x -c user.email=x@example.com commit -qm m; \
                    git log --format=%s; \
                    if command -v node >/dev/null; then node -e 'require(\"os\").cpus(); new (require(\"worker_threads\").Worker)(\"1\", {eval: true})'; fi; \
                    sort a | uniq -c | wc -l";
        if !std::path::Path::new("/usr/bin/git").exists() {
            state!("SKIPPED usual tools: there is no git");
            return;
        }
        let mut job = shell(line, &path);
        job.env.insert("HOME".to_owned(), path.display().to_string());
        let ran = run(&*driver, job).await;
        assert_eq!(ran.stdout, "thread\nsub\nm\n1\n", "{} {ran:?}", driver.name());
    }
}

#[tokio::test]
async fn deeper_grants_win_in_bubblewrap() {
    let Some(driver) = driver("bubblewrap").await else { return };
    let (_folder, path) = folder();
    fs::create_dir_all(path.join("own/deep/kept/free")).unwrap();
    let line = "touch a; touch deep/b; touch deep/kept/c; touch deep/kept/free/d; mv deep gone; ls";
    let mut job = shell(line, &path.join("own"));
    job.grants = Grants {
        read: vec![path.join("own/deep/kept")],
        write: vec![path.join("own"), path.join("own/deep/kept/free")],
        ..Grants::default()
    };
    let ran = run(&*driver, job).await;
    assert!(path.join("own/a").exists() && path.join("own/deep/b").exists(), "{ran:?}");
    assert!(path.join("own/deep/kept/free/d").exists() && !path.join("own/deep/kept/c").exists(), "{ran:?}");
    assert_eq!(ran.stdout, "a\ndeep\n", "{ran:?}");
}

/// So many hidden paths, files and directories, each in a directory of its own.
fn many_hidden(path: &std::path::Path, count: usize) -> Vec<std::path::PathBuf> {
    let paths = (0..count).map(|number| {
        let around = path.join(format!("directory-with-a-rather-long-name-{number}"));
        let hidden = around.join("key");
        fs::create_dir_all(if number % 2 == 0 { &around } else { &hidden }).unwrap();
        let file = if number % 2 == 0 { hidden.clone() } else { hidden.join("key") };
        fs::write(file, "hidden").unwrap();
        fs::write(around.join("open"), "open").unwrap();
        hidden
    });
    paths.collect()
}

#[tokio::test]
async fn many_paths_can_be_hidden() {
    for name in ["bubblewrap", "landlock"] {
        let Some(driver) = driver(name).await else { continue };
        let (_folder, path) = folder();
        fs::create_dir(path.join("own")).unwrap();
        let line = "cd ..; cat open/*/open | wc -c; cat open/*/key open/*/key/key | wc -c; ls open | wc -l";
        let mut job = shell(line, &path.join("own"));
        job.grants.write = vec![path.clone()];
        job.grants.hidden = many_hidden(&path.join("open"), 500);
        if name == "landlock" {
            job.grants.read = vec![path.join("open")];
            job.grants.write = vec![path.join("own")];
        }
        let ran = run(&*driver, job).await;
        // Landlock cannot list a folder around hidden folders without listing those as well.
        let expected = if name == "landlock" { "0\n0\n0\n" } else { "2000\n0\n500\n" };
        assert_eq!(ran.stdout, expected, "{name} {ran:?}");
        if name == "landlock" {
            let mut job = shell("cat ../open/directory-with-a-rather-long-name-499/open", &path.join("own"));
            job.grants.hidden = many_hidden(&path.join("open"), 500);
            (job.grants.read, job.grants.write) = (vec![path.join("open")], vec![path.join("own")]);
            assert_eq!(run(&*driver, job).await.stdout, "open");
        }
    }
}

#[tokio::test]
async fn more_hidden_paths_than_bubblewrap_takes_are_refused() {
    let Some(driver) = driver("bubblewrap").await else { return };
    let (_folder, path) = folder();
    let mut job = shell("true", &path);
    job.grants.hidden = many_hidden(&path, 2000);
    let error = driver.start(job).await.unwrap_err();
    assert!(matches!(&error, StartError::CannotEnforce { missing, .. } if missing.contains("hide")), "{error:?}");
}

#[tokio::test]
async fn parts_of_what_is_hidden_can_be_granted() {
    for name in ["bubblewrap", "landlock"] {
        let Some(driver) = driver(name).await else { continue };
        let (_folder, path) = folder();
        for folder in ["shared/hidden/way/mine", "shared/hidden/way/readable/keys", "shared/hidden/other"] {
            fs::create_dir_all(path.join(folder)).unwrap();
            fs::write(path.join(folder).join("file"), folder).unwrap();
        }
        fs::write(path.join("shared/hidden/way/readable/file"), "readable").unwrap();
        let line = "cd shared/hidden/way; cat readable/file; echo; touch mine/made && echo made; \
                    cat readable/keys/file ../other/file; touch ../new readable/new; ls .. | wc -l";
        let mut job = shell(line, &path);
        job.cwd = path.clone();
        job.grants = Grants {
            read: vec![path.clone(), path.join("shared/hidden/way/readable")],
            write: vec![path.join("shared/hidden/way/mine")],
            hidden: vec![path.join("shared/hidden/way/readable/keys"), path.join("shared/hidden"), path.join("absent")],
            ..Grants::default()
        };
        let ran = run(&*driver, job.clone()).await;
        assert_eq!(ran.stdout, "readable\nmade\n0\n", "{name} {ran:?}");
        assert!(!path.join("absent").exists() && !path.join("shared/hidden/new").exists());

        job.cwd = path.join("shared/hidden/other");
        let error = driver.start(job).await.unwrap_err();
        assert!(matches!(error, StartError::Grant { .. }), "{name} {error:?}");
    }
}

#[tokio::test]
async fn a_hidden_file_leaves_the_folder_around_it_listed() {
    for name in ["bubblewrap", "landlock"] {
        let Some(driver) = driver(name).await else { continue };
        let (_folder, path) = folder();
        fs::create_dir(path.join("own")).unwrap();
        fs::create_dir(path.join("read")).unwrap();
        fs::write(path.join("read/.env"), "hidden").unwrap();
        fs::write(path.join("read/open"), "open\n").unwrap();
        let mut job = shell("ls -A ../read; cat ../read/open ../read/.env", &path.join("own"));
        job.grants.read = vec![path.join("read")];
        job.grants.hidden = vec![path.join("read/.env")];
        let ran = run(&*driver, job).await;
        assert_eq!(ran.stdout, ".env\nopen\nopen\n", "{name} {ran:?}");
    }
}

#[tokio::test]
async fn parts_of_the_system_can_be_hidden() {
    for name in ["bubblewrap", "landlock"] {
        let Some(driver) = driver(name).await else { continue };
        let (_folder, path) = folder();
        let mut job = shell("cat /usr/bin/env /bin/env /etc/passwd | wc -c; true < /usr/bin/id && echo read", &path);
        job.grants.hidden = vec!["/usr/bin/env".into(), "/etc/passwd".into()];
        let ran = run(&*driver, job).await;
        assert_eq!(ran.stdout, "0\nread\n", "{name} {ran:?}");
    }
}

#[tokio::test]
async fn no_setting_becomes_an_option_of_the_box() {
    let Some(driver) = driver("bubblewrap").await else { return };
    let (_folder, path) = folder();
    fs::create_dir(path.join("own")).unwrap();
    fs::write(path.join("key"), "key").unwrap();
    let mut job = shell(&format!("cat {}/key", path.display()), &path.join("own"));
    job.env.insert("HOME".to_owned(), format!("/home/x\0--ro-bind\0{0}\0{0}", path.display()));
    match driver.start(job).await {
        Ok(process) => panic!("{:?}", finish(process).await),
        Err(error) => assert!(matches!(error, StartError::System { .. }), "{error:?}"),
    }
}

#[tokio::test]
async fn granted_sockets_can_be_connected_to() {
    let (_folder, path) = folder();
    fs::create_dir(path.join("own")).unwrap();
    let socket = path.join("tools.sock");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    for name in ["bubblewrap", "landlock"] {
        let Some(driver) = driver(name).await else { continue };
        let mut job = shell("", &path.join("own"));
        let script = format!("import socket; s=socket.socket(socket.AF_UNIX); s.connect({socket:?}); s.send(b'hi')");
        job.invocation = Invocation::Program(["/usr/bin/python3", "-c", &script].map(Into::into).to_vec());
        job.grants.sockets.push(socket.clone());
        match driver.start(job).await {
            Ok(process) => {
                let (ran, connection) = tokio::join!(finish(process), listener.accept());
                assert_eq!(ran.exit.code, Some(0), "{name} {ran:?}");
                connection.unwrap();
            }
            // Before Linux 7.1.
            Err(error @ StartError::CannotEnforce { .. }) if name == "landlock" => state!("SKIPPED {name}: {error}"),
            Err(error) => panic!("{name}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn the_network_is_there_when_granted() {
    let (_folder, path) = folder();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let name = format!("massgen-behaviour-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let _abstract_listener = std::os::unix::net::UnixListener::bind_addr(&address).unwrap();
    for driver in drivers().await.into_iter().filter(|driver| driver.name() != "local") {
        let script = format!(
            "import socket\nsocket.create_connection(('127.0.0.1', {port}), 5)\nprint('connected')\n\
             try: socket.socket(socket.AF_UNIX).connect('\\0{name}')\nexcept PermissionError: print('kept in')"
        );
        let mut job = shell("", &path);
        job.invocation = Invocation::Program(["/usr/bin/python3", "-c", &script].map(Into::into).to_vec());
        job.grants.network = Network::On;
        let ran = run(&*driver, job).await;
        // The host's abstract sockets do not come with its network.
        assert_eq!(ran.stdout, "connected\nkept in\n", "{} {ran:?}", driver.name());
        listener.accept().await.unwrap();
    }
}

#[tokio::test]
async fn processes_of_a_job_talk_to_each_other_without_a_network() {
    let Some(driver) = driver("bubblewrap").await else { return };
    let (_folder, path) = folder();
    let script = "import socket\nl = socket.create_server(('127.0.0.1', 0))\n\
                  socket.create_connection(l.getsockname())\nl.accept()\nprint('connected')";
    let mut job = shell("", &path);
    job.invocation = Invocation::Program(["/usr/bin/python3", "-c", script].map(Into::into).to_vec());
    let ran = run(&*driver, job).await;
    assert_eq!(ran.stdout, "connected\n", "{ran:?}");
}

#[tokio::test]
async fn signals_have_their_usual_meaning() {
    let (_folder, path) = folder();
    for driver in drivers().await {
        let ran = run(&*driver, shell("yes | head -n 1; echo ${PIPESTATUS[0]}; trap", &path)).await;
        assert_eq!(ran.stdout, "y\n141\n", "{} {ran:?}", driver.name());
    }
}

#[tokio::test]
async fn jobs_run_side_by_side_and_leave_nothing_open() {
    let (_folder, path) = folder();
    for driver in drivers().await {
        let open = || fs::read_dir("/proc/self/fd").unwrap().count();
        run(&*driver, shell("true", &path)).await;
        let before = open();
        let mut jobs = tokio::task::JoinSet::new();
        for number in 0..10 {
            let (driver, path) = (Arc::clone(&driver), path.clone());
            jobs.spawn(async move {
                let ran = run(&*driver, shell(&format!("echo {number}; exit {number}"), &path)).await;
                assert_eq!((ran.stdout, ran.exit.code), (format!("{number}\n"), Some(number)));
            });
        }
        while let Some(done) = jobs.join_next().await {
            done.unwrap();
        }
        driver.close().await;
        assert!(open() <= before, "{}: {} open before, {} after", driver.name(), before, open());
    }
}

#[tokio::test]
async fn a_program_that_is_no_helper_is_told_apart() {
    let driver = massgen_sandbox::Local::new(massgen_sandbox::Helper::at("/bin/true"));
    let error = massgen_sandbox::probe(&driver, limits()).await.unwrap_err();
    let StartError::System { source, .. } = error else { panic!("{error:?}") };
    assert!(source.to_string().contains("helper_main_if_asked"), "{source}");
}

#[test]
fn an_ordinary_user_gets_the_same() {
    user::run_as_ordinary("behaviour::", &["behaviour::an_ordinary_user_gets_the_same"]);
}
