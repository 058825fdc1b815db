//! Recordings of runs: a journal, or what `massgen record` has made of one.

use massgen_config::{Environment, Text};
use massgen_journal::read;
use massgen_protocol::Record;

use crate::commands::resume::{find, log_base};
use crate::failure::{Failure, with_causes};

/// The records of the recording that a config or a flag names: a file, or a run by its log folder's name.
pub(crate) fn records(named: &Text, environment: &Environment) -> Result<Vec<Record>, Failure> {
    let file = environment.absolute(named);
    let path = if file.is_file() {
        file
    } else {
        let run = find(&log_base(environment), named).map_err(|_| {
            Failure::configuration(format!("the recording {} is neither a file nor a run", file.display()))
                .hint("`massgen record RUN -o FILE` makes a recording of a run")
        })?;
        run.journal()
    };
    let reading = read(&path).map_err(|error| Failure::configuration(with_causes(&error)))?;
    Ok(reading.records)
}
