//! Plays a scenario until it is interrupted: `serve quasar`, or `serve path/to/scenario.yaml`.
//! The first line of output is the address.

#![expect(clippy::print_stdout, reason = "the address is what this program is run for")]

use std::error::Error;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use massgen_rehearsal::{RehearsalServer, Scenario};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "any".to_owned());
    let port = arguments.next().map_or(Ok(0), |port| port.parse())?;
    let scenario = match Scenario::builtin(&name) {
        Some(scenario) => scenario,
        None => Scenario::parse(&fs::read_to_string(&name)?, &name)?,
    };
    let server = RehearsalServer::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), scenario).await?;
    println!("http://{}", server.address());
    tokio::signal::ctrl_c().await?;
    server.stop().await;
    Ok(())
}
