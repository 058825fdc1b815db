//! What a run is to be about, before anything of it is started.

use massgen_config::Environment;
use massgen_rehearsal::Scenario;

use crate::args::OutputArgs;
use crate::commands::rehearse::start_server;
use crate::conversation::{Conversation, Staging};
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
        conversation: &mut Conversation,
        past: Option<Past>,
    ) -> Result<(), Failure> {
        runtime()?.block_on(self.work(output, environment, conversation, past))
    }

    /// The same where there is a runtime.
    pub(crate) async fn work(
        self,
        output: &OutputArgs,
        environment: &Environment,
        conversation: &mut Conversation,
        past: Option<Past>,
    ) -> Result<(), Failure> {
        let Self { mut team, question, scenario, starts_programs } = self;
        conversation.show_files(&mut team.config, environment)?;
        let rehearsal = match scenario {
            Some(scenario) => Some(start_server(scenario, 0).await?),
            None => None,
        };
        let plan = RunPlan { team, question, output, environment, rehearsal, starts_programs, past };
        run(plan, conversation).await
    }

    /// A conversation of its own, of which other programs are not told.
    pub(crate) fn conversation(&self, environment: &Environment) -> Conversation {
        Conversation::new(environment, self.staging())
    }

    /// Where its answers will come from.
    pub(crate) fn staging(&self) -> Staging {
        let is_played = self.scenario.is_some() || self.team.config.cassette.is_some();
        if is_played { Staging::Rehearsed } else { Staging::Real }
    }
}
