//! The least that a client must do: send requests, split the events and parse their JSON.

use std::io::BufRead;

use reqwest::{Client, Response};
use serde_json::Value;
use tokio::task::JoinSet;

use super::child::BareJob;
use crate::failure::{Failure, with_causes};

/// Sends all requests at once and reads them to their end.
pub(super) async fn requests(job: &BareJob) -> Result<(), Failure> {
    let client = Client::builder().no_proxy().build().map_err(|error| broken(&error))?;
    let body = job.body.to_string();
    let mut tasks = JoinSet::new();
    for _ in 0..job.requests {
        let request = client.post(&job.url).header("anthropic-version", "2023-06-01").body(body.clone());
        tasks.spawn(async move {
            let response = request.send().await.and_then(Response::error_for_status);
            events(response.map_err(|error| broken(&error))?).await
        });
    }
    let mut all = 0;
    while let Some(joined) = tasks.join_next().await {
        all += joined.map_err(|error| broken(&error))??;
    }
    if all < job.events_min {
        return Err(Failure::execution(format!("the bare client read {all} events instead of {}", job.events_min)));
    }
    Ok(())
}

/// Counts the events with JSON in a stream.
async fn events(mut response: Response) -> Result<u64, Failure> {
    let mut events = 0;
    let mut line = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(|error| broken(&error))? {
        let mut rest: &[u8] = &bytes;
        while rest.read_until(b'\n', &mut line).map_err(|error| broken(&error))? > 0 && line.ends_with(b"\n") {
            if let Some(data) = line.strip_prefix(b"data: ").map(<[u8]>::trim_ascii_end)
                && data != b"[DONE]"
            {
                let event: Value = serde_json::from_slice(data).map_err(|error| broken(&error))?;
                std::hint::black_box(event);
                events += 1;
            }
            line.clear();
        }
    }
    Ok(events)
}

fn broken(error: &dyn std::error::Error) -> Failure {
    Failure::execution(format!("the bare client failed: {}", with_causes(error)))
}
