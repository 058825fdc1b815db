//! What models were told and what tools came to, out of what the provider received and the log.

use std::path::PathBuf;

use massgen_protocol::{Activity, ToolEnd};
use massgen_rehearsal::Received;
use serde_json::Value;

use crate::log::Log;
use crate::provider::Provider;
use crate::requests::texts;

/// All that a request says, as one text.
pub(crate) fn text(request: &Received) -> String {
    texts(&request.body).join("\n")
}

/// The requests for a model, in order.
pub(crate) fn requests_of(provider: &Provider, model: &str) -> Vec<Received> {
    provider.received().into_iter().filter(|request| request.model == model).collect()
}

/// Where an agent works, as it was told.
pub(crate) fn workspace_of(provider: &Provider, model: &str) -> PathBuf {
    let requests = requests_of(provider, model);
    let text = text(requests.first().expect("the model was asked"));
    let (_, rest) = text.split_once("Your workspace is ").expect("the model is told of its workspace");
    PathBuf::from(rest.split_once(';').unwrap().0)
}

/// One call of a tool that is over.
#[derive(Debug, Clone)]
pub(crate) struct Over {
    pub(crate) name: String,
    pub(crate) end: ToolEnd,
    pub(crate) result: String,
}

impl Over {
    /// The result of a command.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.result).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub(crate) fn stdout(&self) -> String {
        self.json()["stdout"].as_str().unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }

    pub(crate) fn is_refused(&self) -> bool {
        self.end == ToolEnd::Failed
    }
}

/// All calls that are over, in order of their ends.
pub(crate) fn calls(log: &Log) -> Vec<Over> {
    let over = |activity| match activity {
        Activity::ToolEnded { name, end, result, .. } => Some(Over { name, end, result }),
        _ => None,
    };
    log.activities().into_iter().filter_map(over).collect()
}

/// What the user was told.
pub(crate) fn notices(log: &Log) -> Vec<String> {
    let notice = |activity| match activity {
        Activity::Notice { text, .. } => Some(text),
        _ => None,
    };
    log.activities().into_iter().filter_map(notice).collect()
}
