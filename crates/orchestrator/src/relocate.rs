//! Where an author's words name its own directories, a reader sees where it finds the same files.
//!
//! Paths of another agent's directories must not reach a model: they would tell who is who, and they lead nowhere.

use std::path::Path;

use massgen_protocol::AgentIndex;

use crate::desk::Desk;

/// The desks of a team, in order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Desks<'a> {
    /// By index; `None` for agents without one.
    pub(crate) all: &'a [Option<Desk>],
}

impl<'a> Desks<'a> {
    pub(crate) fn of(self, agent: AgentIndex) -> Option<&'a Desk> {
        self.all.get(agent.position())?.as_ref()
    }

    /// What `author` wrote, as `reader` can follow it. An author reads its own words like those of others: if they alone
    /// named a workspace, it would know which answer is its own.
    pub(crate) fn localised(self, text: &str, author: AgentIndex, reader: AgentIndex) -> String {
        let Some(written_at) = self.of(author) else { return text.to_owned() };
        let (workspace, peers) = match self.of(reader) {
            Some(desk) => (desk.files_of(author).display().to_string(), desk.peers().display().to_string()),
            None => (author.to_string(), "peers".to_owned()),
        };
        let text = replaced(text, written_at.peers(), &peers);
        replaced(&text, written_at.workspace(), &workspace)
    }
}

/// Replaces a path wherever it is a whole path or the beginning of one.
fn replaced(text: &str, path: &Path, by: &str) -> String {
    let path = path.display().to_string();
    if path.is_empty() || !text.contains(&path) {
        return text.to_owned();
    }
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(&path) {
        let (before, after) = rest.split_at(at);
        let after = after.get(path.len()..).unwrap_or_default();
        let goes_on = after.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '-');
        result.push_str(before);
        result.push_str(if goes_on { &path } else { by });
        rest = after;
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_paths_are_replaced() {
        let path = Path::new("/w/a");
        assert_eq!(replaced("see /w/a/x.py and /w/a.", path, "P"), "see P/x.py and P.");
        assert_eq!(replaced("/w/a1/x /w/a_b /w/a-c", path, "P"), "/w/a1/x /w/a_b /w/a-c");
        assert_eq!(replaced("nothing", path, "P"), "nothing");
    }
}
