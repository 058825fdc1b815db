//! What is said where containers cannot be used.

use massgen_docker::{Docker, DockerSettings};
use massgen_sandbox::{Driver as _, StartError};

use crate::{Bench, for_each_engine};

for_each_engine!(both: [], docker: [what_cannot_be_had_is_named]);

async fn what_cannot_be_had_is_named(bench: &Bench) {
    let with = |change: fn(&mut DockerSettings)| {
        let mut settings = bench.settings.clone();
        change(&mut settings);
        Docker::connect(settings)
    };
    let error = with(|settings| settings.image = Some("127.0.0.1:9/absent:7".into())).await.unwrap_err();
    assert!(error.to_string().starts_with("the image `127.0.0.1:9/absent:7` is not on this machine"), "{error}");
    assert!(error.to_string().contains("command_line_docker_image"), "{error}");
    let error = with(|settings| settings.credentials.env_file = Some("/absent/.env".into())).await.unwrap_err();
    assert!(error.to_string().contains("`/absent/.env`"), "{error}");

    let driver = with(|settings| settings.enable_sudo = true).await.unwrap();
    let error = driver.start(bench.job("true")).await.unwrap_err();
    assert!(error.to_string().contains("it has no `sudo`"), "{error}");
    let error = with(|settings| settings.packages.python = vec!["x".into()]).await.unwrap_err();
    assert!(error.to_string().contains("command_line_docker_network_mode: bridge"), "{error}");

    let mut job = bench.job("true");
    job.grants.read.push("/absent/path".into());
    let error = bench.driver.start(job).await.unwrap_err();
    assert!(matches!(error, StartError::Grant { .. }), "{error}");
    // What could not be prepared does not stay.
    crate::until(|| async { bench.containers().await.is_empty() }).await;
}

#[tokio::test]
async fn without_an_engine_it_says_how_to_start_one() {
    let connect = |host: &str| Docker::connect(DockerSettings { host: Some(host.to_owned()), ..Default::default() });
    let error = connect("unix:///absent/engine.sock").await.unwrap_err();
    assert!(error.to_string().contains("`unix:///absent/engine.sock`"), "{error}");
    assert!(error.to_string().contains("systemctl start docker"), "{error}");
    for host in ["tcp://10.0.0.1:2375", "ssh://me@there", "unix://relative"] {
        let error = connect(host).await.unwrap_err();
        assert!(error.to_string().contains("give a Unix socket"), "{error}");
    }
}
