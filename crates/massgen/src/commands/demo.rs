//! `massgen demo`: a team of four at work, one on each wire protocol, without keys or cost.

use crate::args::DemoArgs;
use crate::assignment::Assignment;
use crate::commands::rehearse::{scenario, team_of};
use crate::failure::Failure;
use crate::surroundings;

/// Starts the rehearsal provider and lets the scenario's team work on its question.
pub(crate) fn demo(args: &DemoArgs) -> Result<(), Failure> {
    let (environment, assignment) = (surroundings::environment()?, assignment(args)?);
    let mut conversation = assignment.conversation(&environment);
    assignment.carry_out(&args.output, &environment, &mut conversation, None)
}

/// The scenario's team and its question.
pub(crate) fn assignment(args: &DemoArgs) -> Result<Assignment, Failure> {
    let scenario = scenario(&args.scenario)?;
    let (team, question) = (team_of(&scenario)?, scenario.question().to_owned());
    Ok(Assignment { team, question, scenario: Some(scenario), starts_programs: true })
}
