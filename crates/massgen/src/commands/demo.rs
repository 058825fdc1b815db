//! `massgen demo`: a team of four at work, one on each wire protocol, without keys or cost.

use crate::args::DemoArgs;
use crate::commands::rehearse::{scenario, start_server, team_of};
use crate::failure::Failure;
use crate::run::{RunPlan, run, runtime};
use crate::surroundings;

/// Starts the rehearsal provider and lets the scenario's team work on its question.
pub(crate) fn demo(args: &DemoArgs) -> Result<(), Failure> {
    let environment = surroundings::environment()?;
    let scenario = scenario(&args.scenario)?;
    let team = team_of(&scenario)?;
    let question = scenario.question().to_owned();
    runtime()?.block_on(async {
        let rehearsal = Some(start_server(scenario, 0).await?);
        run(RunPlan {
            team,
            question,
            output: &args.output,
            environment: &environment,
            rehearsal,
            starts_programs: true,
        })
        .await
    })
}
