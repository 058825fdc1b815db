//! What a run is to be about, before anything of it is started.

use massgen_config::Environment;
use massgen_rehearsal::Scenario;

use crate::args::OutputArgs;
use crate::commands::rehearse::start_server;
use crate::failure::Failure;
use crate::run::{Past, RunPlan, run, runtime};
use crate::team::Team;

/// A team and its task.
pub(crate) struct Assignment {
    pub(crate) team: Team,
    pub(crate) question: String,
    /// What is played instead of asking models, in a rehearsal.
    pub(crate) scenario: Option<Scenario>,
    /// Whether programs that the config names are started: MCP servers, functions of the user.
    pub(crate) starts_programs: bool,
}

impl Assignment {
    /// Lets the team work, from the beginning or from where it was interrupted.
    pub(crate) fn carry_out(
        self,
        output: &OutputArgs,
        environment: &Environment,
        past: Option<Past>,
    ) -> Result<(), Failure> {
        let Self { team, question, scenario, starts_programs } = self;
        runtime()?.block_on(async {
            let rehearsal = match scenario {
                Some(scenario) => Some(start_server(scenario, 0).await?),
                None => None,
            };
            run(RunPlan { team, question, output, environment, rehearsal, starts_programs, past }).await
        })
    }
}
