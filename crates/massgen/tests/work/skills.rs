//! Skills of a project, and its notes for agents.

use serde_json::json;

use crate::place::Place;
use crate::script::{call, solo_calls};
use crate::team::solo;
use crate::told::{calls, text};

fn skill(place: &Place, folder: &str, name: &str, about: &str, words: &str) {
    let folder = place.path().join(folder).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let words = format!("---\nname: {name}\ndescription: {about}\n---\n\n# {name}\n\n{words}\n");
    std::fs::write(folder.join("SKILL.md"), words).unwrap();
}

#[test]
fn skills_are_listed_and_read_on_demand() {
    let made = [
        call("read_skill", json!({"name": "tables"})),
        call("read_skill", json!({"name": "tables", "file": "formats/csv.md"})),
        call("read_skill", json!({"name": "tables", "file": "../../secret.txt"})),
        call("read_skill", json!({"name": "no such"})),
    ];
    let (place, provider) = (Place::new(), solo_calls(&made));
    skill(&place, ".agent/skills", "tables", "How to make tables", "Always align the columns.");
    skill(&place, ".claude/skills", "letters", "How to write letters", "Begin politely.");
    skill(&place, ".massgen/skills", "poems", "How to write poems", "Rhyme.");
    skill(&place, "more/skills", "songs", "How to write songs", "Sing.");
    std::fs::create_dir(place.path().join(".agent/skills/tables/formats")).unwrap();
    place.write(".agent/skills/tables/formats/csv.md", "Quote the commas.");
    place.write(".agent/secret.txt", "not for agents");
    let skills = json!({"coordination": {"use_skills": true, "skills_directory": "more/skills"}});
    place.ask(&solo(&provider, json!({})).orchestrator(skills).config(), &["--automation"]).run().expect(0);
    let first = text(&provider.received()[0]);
    for line in [
        "- tables: How to make tables",
        "- letters: How to write letters",
        "- poems: How to write poems",
        "- songs: How to write songs",
    ] {
        assert!(first.contains(line), "{line}: {first}");
    }
    assert!(!first.contains("Always align the columns"), "the text is read on demand");
    let over = calls(&place.log());
    assert!(
        over[0].result.contains("Always align the columns.") && over[0].result.contains("formats/csv.md"),
        "{over:#?}"
    );
    assert!(over[1].result.contains("Quote the commas."), "{over:#?}");
    assert!(over[2].is_refused() && !over[2].result.contains("not for agents"), "{over:#?}");
    assert!(over[3].is_refused() && over[3].result.contains("letters"), "{over:#?}");
}

#[test]
fn without_the_key_there_are_no_skills() {
    let (place, provider) = (Place::new(), solo_calls(&[]));
    skill(&place, ".agent/skills", "tables", "How to make tables", "Always align the columns.");
    place.ask(&solo(&provider, json!({})).config(), &["--automation"]).run().expect(0);
    assert!(!text(&provider.received()[0]).contains("How to make tables"));
}

#[test]
fn a_projects_notes_for_agents_are_given_to_them() {
    let (place, provider) = (Place::new(), solo_calls(&[]));
    for (folder, name, words) in [("one", "AGENTS.md", "Use tabs here."), ("two", "CLAUDE.md", "Run make check.")] {
        std::fs::create_dir(place.path().join(folder)).unwrap();
        place.write(&format!("{folder}/{name}"), words);
    }
    let paths =
        json!({"context_paths": [{"path": "one", "permission": "read"}, {"path": "two", "permission": "read"}]});
    place.ask(&solo(&provider, json!({})).orchestrator(paths).config(), &["--automation"]).run().expect(0);
    let first = text(&provider.received()[0]);
    assert!(first.contains("Use tabs here.") && first.contains("Run make check."), "{first}");
}
