//! How containers come and go.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use massgen_docker::{AdditionalMount, Credentials, Docker};
use massgen_sandbox::{Control, Driver as _, Ending};

use crate::{Bench, Part, again, containers, finish, for_each_engine, is_again, settings, until};

for_each_engine!(
    both: [one_is_kept_until_the_grants_change, closing_removes_all],
    docker: [dropping_removes_all, one_that_is_lost_is_replaced, credentials_reach_jobs_and_nothing_else]
);

async fn one_is_kept_until_the_grants_change(bench: &Bench) {
    bench.run("echo kept > ~/note").await;
    assert_eq!(bench.run("cat ~/note").await.stdout, "kept\n");
    let first = bench.containers().await;
    assert_eq!(first.len(), 1, "{first:?}");
    let running = bench.start("echo up; read line; echo got $line").await;
    // The presenter may also change a user's files.
    std::fs::create_dir(bench.path("context")).unwrap();
    let mut job = bench.job(&format!("touch {}/written; cat ~/note", bench.path("context").display()));
    job.grants.write.push(bench.path("context"));
    let ran = finish(bench.driver.start(job).await.unwrap()).await;
    assert!(ran.exit.code != Some(0) && bench.path("context/written").exists(), "{ran:?}");
    assert_eq!(bench.containers().await.len(), 2);
    // What ran in the old one may come to its end there.
    running.tell(Control::Input("it\n".into()));
    assert_eq!(finish(running).await.stdout, "got it\n");
    let left = bench.containers().await;
    assert!(left.len() == 1 && left != first, "{left:?}");
    // A directory that was made anew under the same name is mounted anew.
    bench.run("true").await;
    std::fs::rename(bench.path("peers"), bench.path("old")).unwrap();
    std::fs::create_dir_all(bench.path("peers/agent9")).unwrap();
    assert_eq!(bench.run("ls ../peers").await.stdout, "agent9\n");
}

async fn closing_removes_all(bench: &Bench) {
    let running = bench.start("echo up; sleep 9001").await;
    bench.driver.close().await;
    assert_eq!(bench.containers().await, Vec::<String>::new());
    assert_ne!(finish(running).await.exit.ending, Ending::Itself);
    let late = bench.driver.start(bench.job("true")).await.unwrap_err();
    assert!(late.to_string().contains("the run is over"), "{late}");
    assert_eq!(bench.containers().await, Vec::<String>::new());
}

async fn dropping_removes_all(bench: &Bench) {
    let driver = Docker::connect(bench.settings.clone()).await.unwrap();
    let _running = driver.start(bench.job("sleep 9002")).await.unwrap();
    assert_eq!(bench.containers().await.len(), 1);
    drop(driver);
    until(|| async { bench.containers().await.is_empty() }).await;
}

async fn one_that_is_lost_is_replaced(bench: &Bench) {
    let running = bench.start("echo up; sleep 9003").await;
    let client = bollard::Docker::connect_with_unix(&bench.host, 60, bollard::API_DEFAULT_VERSION).unwrap();
    let client = client.negotiate_version().await.unwrap();
    let name = bench.containers().await.swap_remove(0);
    client.kill_container(name.trim_start_matches('/'), None).await.unwrap();
    assert_eq!(finish(running).await.exit.ending, Ending::Lost);
    assert_eq!(bench.run("echo again").await.stdout, "again\n");
    assert_eq!(bench.containers().await.len(), 1);
}

async fn credentials_reach_jobs_and_nothing_else(bench: &Bench) {
    std::fs::write(bench.path(".gitconfig"), "[user]\n").unwrap();
    std::fs::write(bench.path(".env"), "A_KEY=sk-file-1\nB_KEY=sk-file-2\n").unwrap();
    std::fs::write(bench.path("data"), "data").unwrap();
    let mut settings = bench.settings.clone();
    settings.home = Some(bench.path(""));
    settings.environment = [("TOKEN", "sk-host-3"), ("OTHER", "sk-host-4")].map(|(k, v)| (k.into(), v.into())).into();
    settings.credentials = Credentials {
        mount: vec![".gitconfig".into(), ".ssh".into()],
        additional_mounts: vec![AdditionalMount {
            source: bench.path("data"),
            bind: "/srv/data".into(),
            is_writable: false,
        }],
        env_file: Some(bench.path(".env")),
        env_vars: vec!["TOKEN".into()],
        env_vars_from_file: vec!["A_KEY".into()],
        pass_all_env: false,
    };
    let driver = Docker::connect(settings).await.unwrap();
    let job = bench.job("env | grep sk- | sort; cat ~/.gitconfig /srv/data; echo x >> ~/.gitconfig");
    let ran = finish(driver.start(job).await.unwrap()).await;
    assert_eq!(ran.stdout, "A_KEY=sk-file-1\nTOKEN=sk-host-3\n[user]\ndata", "{ran:?}");
    assert!(ran.exit.code != Some(0));
    assert!(!format!("{driver:?}").contains("sk-"));
    let client = bollard::Docker::connect_with_unix(&bench.host, 60, bollard::API_DEFAULT_VERSION).unwrap();
    let client = client.negotiate_version().await.unwrap();
    let name = bench.containers().await.swap_remove(0);
    let seen = client.inspect_container(name.trim_start_matches('/'), None).await.unwrap();
    assert!(!format!("{seen:?}").contains("sk-"));
    driver.close().await;
}

/// A massgen that is killed leaves its container behind; the next one removes it.
#[tokio::test]
async fn what_a_killed_massgen_left_is_removed() {
    let test = "containers::what_a_killed_massgen_left_is_removed";
    let Some(host) = Part::Docker.host(test) else { return };
    let instance = "what_a_killed_massgen_left";
    if is_again() {
        let bench = Bench::new(Part::Docker, instance).await.unwrap();
        let _running = bench.start("echo up; sleep 9004").await;
        println!("\nit is up");
        std::future::pending::<()>().await;
    }
    let mut child = again(test).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "it is up"));
    // While it lives, nobody touches what is its.
    Docker::connect(settings(&host, "somebody else")).await.unwrap();
    assert_eq!(containers(&host, instance).await.len(), 1);
    child.kill().unwrap();
    child.wait().unwrap();
    Docker::connect(settings(&host, "somebody else")).await.unwrap();
    assert_eq!(containers(&host, instance).await, Vec::<String>::new());
}
