//! Agent ids as names of files and directories.

use std::collections::HashSet;

use massgen_protocol::AgentId;

/// How many bytes a name may have, so that prefixes, suffixes and extensions still fit into 255.
const NAME_BYTES_MAX: usize = 120;

/// Names in the log folder that are taken, in lower case.
const TAKEN: [&str; 11] = [
    "agent_outputs",
    "final",
    // The transcript of nobody, among those of the agents.
    "system_status",
    "status.json",
    "events.jsonl",
    "massgen.log",
    "execution_metadata.yaml",
    "coordination_events.json",
    "coordination_table.txt",
    "snapshot_mappings.json",
    "metrics_summary.json",
];

/// The name that each agent of a team has in the file system, in the order of `ids`.
///
/// An id that is already a good name stays as it is. Separators, control characters and what else
/// file systems or terminals trip over become `_`; names that are taken, or equal but for case, get
/// a number.
#[must_use]
pub fn agent_file_names<'a>(ids: impl IntoIterator<Item = &'a AgentId>) -> Vec<String> {
    let mut used: HashSet<String> = TAKEN.into_iter().map(str::to_owned).collect();
    ids.into_iter()
        .map(|id| {
            let name = clean(id.as_str());
            let mut candidate = name.clone();
            let mut number = 2_u32;
            while !used.insert(candidate.to_lowercase()) {
                candidate = format!("{name}_{number}");
                number += 1;
            }
            candidate
        })
        .collect()
}

fn clean(id: &str) -> String {
    let mut name: String = id.chars().map(|c| if is_safe(c) { c } else { '_' }).collect();
    if name.len() > NAME_BYTES_MAX {
        let end = name.floor_char_boundary(NAME_BYTES_MAX);
        name.truncate(end);
    }
    let trimmed = name.trim_matches(['.', ' ']);
    match trimmed {
        "" => "agent".to_owned(),
        // Else one agent's transcript could be another's final presentation.
        _ if trimmed.to_lowercase().starts_with("final_presentation_") => format!("agent_{trimmed}"),
        _ => trimmed.to_owned(),
    }
}

fn is_safe(c: char) -> bool {
    let is_invisible =
        matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}');
    // The joiner inside an emoji is harmless and part of how the id looks.
    let is_joiner = c == '\u{200D}';
    !c.is_control()
        && !matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
        && (!is_invisible || is_joiner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(ids: &[&str]) -> Vec<String> {
        let ids: Vec<AgentId> = ids.iter().map(|id| AgentId::new(*id)).collect();
        agent_file_names(&ids)
    }

    #[test]
    fn good_ids_stay_as_they_are() {
        assert_eq!(
            names(&["agent_a", "agent 1", "gpt-5.2", "🦀", "Ägent"]),
            ["agent_a", "agent 1", "gpt-5.2", "🦀", "Ägent"]
        );
    }

    #[test]
    fn no_id_leaves_its_folder() {
        assert_eq!(
            names(&["../x", "a/b", "a\\b", ".", "..", "", "\0\n"]),
            ["_x", "a_b", "a_b_2", "agent", "agent_2", "agent_3", "__"]
        );
        assert_eq!(names(&["a\u{202E}b"]), ["a_b"]);
        let long = names(&["é".repeat(300).as_str()]);
        assert!(long[0].len() <= NAME_BYTES_MAX, "{}", long[0].len());
    }

    #[test]
    fn no_two_agents_share_a_name_and_none_takes_a_file_of_the_log() {
        assert_eq!(names(&["a", "A", "a_2"]), ["a", "A_2", "a_2_2"]);
        assert_eq!(names(&["final", "system_status", "status.json"]), ["final_2", "system_status_2", "status.json_2"]);
        assert_eq!(names(&["x", "final_presentation_x"]), ["x", "agent_final_presentation_x"]);
    }
}
