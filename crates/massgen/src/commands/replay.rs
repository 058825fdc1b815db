//! `massgen replay`: a run again as it happened, from its journal; nobody is asked.

use std::sync::Arc;
use std::time::Duration;

use massgen_config::DisplayType;
use massgen_journal::{Reading, Tail, read};
use massgen_orchestrator::verify;
use massgen_protocol::Record;

use crate::args::ReplayArgs;
use crate::commands::resume::{find, log_base, newest_run};
use crate::display::{OutputFile, Places};
use crate::failure::{Failure, with_causes};
use crate::run::{Shown, display};
use crate::{surroundings, terminal};

/// Nobody waits longer than this for the next event, however long the run did.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Shows the run that is named, or the newest one; or proves that its decisions follow from what was told.
pub(crate) fn replay(args: &ReplayArgs) -> Result<(), Failure> {
    let base = log_base(&surroundings::environment()?);
    let logs = match &args.id {
        Some(id) => find(&base, id)?,
        None => newest_run(&base)?,
    };
    let failed =
        |error: &dyn std::error::Error| Failure::execution(with_causes(error)).hint("nothing of the run was changed");
    let Reading { records, tail, .. } = read(&logs.journal()).map_err(|error| failed(&error))?;
    if args.verify {
        let verified = verify(&records).map_err(|error| failed(&error))?;
        let end = match (verified.has_ended, tail) {
            (true, _) => "the run came to its end",
            (false, Tail::Clean) => "the run has not ended",
            (false, Tail::Torn { .. }) => "the run was interrupted within a record",
        };
        terminal::print_line(&format!(
            "verified: {} records are as they were written; {} decisions follow from {} inputs; {end}",
            records.len(),
            verified.facts,
            verified.inputs
        ));
        return Ok(());
    }
    let last = args.at.unwrap_or(u64::MAX);
    let shown = Shown::by(&args.output, DisplayType::Simple);
    let display = display(shown, &Places { logs: Some(logs) }, &OutputFile::default())?;
    let mut before: Option<u64> = None;
    for record in records.into_iter().take_while(|record| record.seq <= last) {
        wait(before.replace(record.at_ms), &record, args);
        display.send(&Arc::new(record), false);
    }
    display.finish();
    Ok(())
}

/// Waits as long as the run did, or a part of it.
fn wait(before: Option<u64>, record: &Record, args: &ReplayArgs) {
    // Whoever wants to see one moment, or every event as data, does not want to wait for it.
    let is_at_once = args.at.is_some() || args.output.stream_events && args.speed.is_none();
    let speed = args.speed.unwrap_or(1.0);
    let Some(before) = before.filter(|_| !is_at_once && speed > 0.0) else { return };
    let pause = Duration::from_millis(record.at_ms.saturating_sub(before)).min(PAUSE_MAX);
    std::thread::sleep(pause.div_f64(speed));
}
