//! What the team is asked.

use std::io::{IsTerminal, Read};
use std::path::Path;

use massgen_config::{Environment, TeamConfig, parse_question};

use crate::failure::Failure;
use crate::terminal;

/// More than this is not a question but a mistake, such as a piped disk image.
const STDIN_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The question of the command line, of standard input when that is a pipe, or of the config.
pub(crate) fn question(
    argument: Option<&str>,
    config: &TeamConfig,
    environment: &Environment,
) -> Result<String, Failure> {
    let text = match argument {
        Some(argument) => Some(argument.to_owned()),
        None => piped()?.or_else(|| config.prompt.as_ref().map(|prompt| prompt.as_str().to_owned())),
    };
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).ok_or_else(|| {
        Failure::execution("there is no question")
            .hint("give it as the last argument, or pipe it in, or set `prompt` in the config")
    })?;
    let question =
        parse_question(&text, environment, Path::exists).map_err(|error| Failure::configuration(error.to_string()))?;
    if !question.paths.is_empty() {
        terminal::warn("agents do not read files yet: they see the paths in the question, not what is in them");
    }
    Ok(question.text)
}

fn piped() -> Result<Option<String>, Failure> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    stdin
        .lock()
        .take(STDIN_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::execution(format!("the question cannot be read from standard input: {error}")))?;
    if bytes.len() as u64 > STDIN_BYTES_MAX {
        return Err(Failure::execution("the question on standard input is larger than 16 MiB"));
    }
    let text =
        String::from_utf8(bytes).map_err(|_| Failure::execution("the question on standard input is not UTF-8"))?;
    Ok(Some(text).filter(|text| !text.trim().is_empty()))
}
