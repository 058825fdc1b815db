//! The user at a terminal looks through the changes.

use serde_json::json;

use super::{ENTER, POEM, change, offered, project, read_project, team, with};
use crate::place::Place;
use crate::pty::Terminal;
use crate::script::{play, run, solo_calls, steps};

#[test]
fn the_user_is_shown_each_change_and_decides() {
    needs!(bwrap);
    let (place, provider) = (Place::new(), solo_calls(&change()));
    let before = project(&place);
    place.write("team.yaml", &team(&provider, json!({})).config());
    let mut terminal = Terminal::start(&place, &["--config", "team.yaml", "What is 6 x 7?"]);
    terminal.shows("The answer is 42.");
    terminal.shows("4 files changed");
    terminal.shows("+new");
    terminal.shows("[y,n,a,d,q,c <words>,?]? ");
    terminal.types("?");
    terminal.shows("accept this change");
    terminal.types("y");
    terminal.shows("-old");
    terminal.types("n");
    terminal.shows("-two\n+TWO");
    terminal.types("y");
    terminal.shows("-eleven\n+ELEVEN");
    terminal.types("n");
    terminal.shows("other.txt");
    terminal.types("n");
    let (code, screen) = terminal.finish();
    assert_eq!(code, Some(0), "{screen}");
    let expected =
        with(&before, &[("deep/er/new.txt", Some("new\n")), ("poem.txt", Some(&POEM.replace("two\n", "TWO\n")))]);
    assert_eq!(read_project(&place), expected, "{screen}");
}

#[test]
fn the_user_asks_for_changes_of_the_changes() {
    needs!(bwrap);
    let asked = json!({"asked": "in Latin, please"});
    let mut first = steps(asked, &[run(&format!("{ENTER}echo novum > new.txt"))], json!({"say": "Now it is Latin."}));
    // The conversation begins anew, so that the number of results does.
    first.extend(steps(json!({}), &[run(&format!("{ENTER}echo new > new.txt"))], json!({"say": "The answer is 42."})));
    first[1]["when"] = json!({"asked": "in Latin, please"});
    let (place, provider) = (Place::new(), play(json!({"solo": first})));
    let before = project(&place);
    place.write("team.yaml", &team(&provider, json!({})).config());
    let mut terminal = Terminal::start(&place, &["--config", "team.yaml", "What is 6 x 7?"]);
    terminal.shows("+new");
    terminal.shows("? ");
    terminal.types("c in Latin, please");
    terminal.shows("+novum");
    terminal.shows("? ");
    terminal.types("y");
    let (code, screen) = terminal.finish();
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!(read_project(&place), with(&before, &[("new.txt", Some("novum\n"))]), "{screen}");
    assert_eq!(offered(&place.log()).iter().map(|(_, applied, ..)| *applied).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_user_who_rejects_everything_keeps_everything() {
    needs!(bwrap);
    let (place, provider) = (Place::new(), solo_calls(&change()));
    let before = project(&place);
    place.write("team.yaml", &team(&provider, json!({"apply": "ask"})).config());
    let mut terminal = Terminal::start(&place, &["--config", "team.yaml", "What is 6 x 7?"]);
    terminal.shows("[y,n,a,d,q,c <words>,?]? ");
    terminal.types("q");
    let (code, screen) = terminal.finish();
    assert_eq!((code, read_project(&place)), (Some(0), before), "{screen}");
    assert!(place.log().attempt().join("project.patch").exists(), "{screen}");
    assert!(screen.contains("rejected"), "{screen}");
}
