use std::path::{Path, PathBuf};

use super::*;
use crate::hunk::hunks;
use crate::refusal::Refusal;

fn change(path: &str, old: Option<&str>, new: Option<&str>) -> FileChange {
    let kind = match (old, new) {
        (None, _) => ChangeKind::Added,
        (_, None) => ChangeKind::Deleted,
        _ => ChangeKind::Modified,
    };
    FileChange {
        path: PathBuf::from(path),
        kind,
        binary: false,
        old_mode: old.map(|_| FileMode::Plain),
        new_mode: new.map(|_| FileMode::Plain),
        hunks: hunks(old.unwrap_or_default(), new.unwrap_or_default()),
        refused: None,
        old: None,
        new: None,
    }
}

/// A file with three hunks and a new mode, a new file, a deleted file, and a refused one.
fn changes() -> ChangeSet {
    let old: String = (1..=30).map(|number| format!("{number}\n")).collect();
    let new = old.replace("\n2\n", "\ntwo\n").replace("\n15\n", "\nfifteen\n").replace("\n29\n", "\n");
    let mut modified = change("a", Some(&old), Some(&new));
    modified.new_mode = Some(FileMode::Executable);
    let mut refused = change("d", None, Some("x\n"));
    refused.refused = Some(Refusal::Protected);
    ChangeSet { files: vec![modified, change("b", None, Some("b\n")), change("c", Some("c\n"), None), refused] }
}

/// The selection after these answers, which must be exactly as many as are asked for.
fn decided(answers: &[&str]) -> Verdict {
    let mut review = Review::new(changes());
    for (index, answer) in answers.iter().enumerate() {
        assert!(!review.is_over());
        match review.answer(answer) {
            Step::Done(verdict) => {
                assert_eq!(index + 1, answers.len(), "over too early");
                assert_eq!(review.prompt(), "");
                return verdict;
            }
            Step::Ask => {}
            Step::Explain(text) => panic!("{text}"),
        }
    }
    panic!("not over");
}

fn of(verdict: &Verdict, path: &str) -> FileSelection {
    verdict.selection.of(Path::new(path)).clone()
}

#[test]
fn the_dialogue_reads_like_git() {
    let mut review = Review::new(changes());
    assert_eq!(review.introduction(), "3 files changed, +3 -4 lines\nnot applied: d (the path is protected)\n");
    let prompt = review.prompt();
    assert_eq!(
        prompt,
        "--- a (modified, mode 100644 -> 100755)\n(1/6) Apply this change of mode [y,n,a,d,q,c <words>,?]? "
    );
    assert_eq!(review.answer("n\n"), Step::Ask);
    assert_eq!(
        review.prompt(),
        "@@ -1,5 +1,5 @@\n 1\n-2\n+two\n 3\n 4\n 5\n(2/6) Apply this hunk [y,n,a,d,q,c <words>,?]? "
    );
    assert_eq!(review.answer("d"), Step::Ask);
    assert_eq!(
        review.prompt(),
        "--- b (new file)\n@@ -0,0 +1 @@\n+b\n(5/6) Apply this new file [y,n,a,d,q,c <words>,?]? "
    );
}

#[test]
fn each_answer_counts_for_what_it_says() {
    let verdict = decided(&["n", "y", "n", "y", "y", "n"]);
    assert_eq!(of(&verdict, "a"), FileSelection::Part { mode: false, hunks: [0, 2].into() });
    assert_eq!((of(&verdict, "b"), of(&verdict, "c")), (FileSelection::All, FileSelection::None));
    assert_eq!(of(&verdict, "d"), FileSelection::None, "nobody was asked");
    let verdict = decided(&["a", "n", "y"]);
    assert_eq!(of(&verdict, "a"), FileSelection::All);
    assert_eq!((of(&verdict, "b"), of(&verdict, "c")), (FileSelection::None, FileSelection::All));
    let verdict = decided(&["y", "y", "d", "q"]);
    assert_eq!(of(&verdict, "a"), FileSelection::Part { mode: true, hunks: [0].into() });
    assert_eq!((of(&verdict, "b"), of(&verdict, "c")), (FileSelection::None, FileSelection::None));
    assert_eq!(verdict.request, None);
    assert!(decided(&["q"]).selection.is_nothing());
}

#[test]
fn the_presenter_can_be_asked_for_changes() {
    let mut review = Review::new(changes());
    assert!(matches!(review.answer("c"), Step::Explain(text) if text.contains("what should be different")));
    let verdict = decided(&["n", "c  use fewer words \n"]);
    assert_eq!(verdict.request.as_deref(), Some("use fewer words"));
    assert!(verdict.selection.is_nothing());
}

#[test]
fn other_answers_are_explained_and_change_nothing() {
    let mut review = Review::new(changes());
    let prompt = review.prompt();
    for answer in ["?", "", "yes", "y n", "Y", "\u{1b}[A"] {
        assert!(matches!(review.answer(answer), Step::Explain(text) if text == HELP), "{answer}");
        assert_eq!(review.prompt(), prompt);
    }
    assert!(review.verdict().selection.is_nothing());
}

#[test]
fn nothing_changed_is_no_question() {
    let mut review = Review::new(ChangeSet::default());
    assert!(review.is_over());
    assert_eq!(review.prompt(), "");
    assert!(matches!(review.answer("y"), Step::Done(verdict) if verdict.selection.is_nothing()));
}

#[test]
fn changes_cannot_disguise_themselves() {
    let old = "a\r\nb\r\n";
    let files = vec![
        change("evil\u{1b}[2K\nname", None, Some("x\u{1b}[1A\u{202e}y")),
        change("windows", Some(old), Some("a\r\nc\r\n")),
        change("mixed", Some(old), Some("a\n")),
    ];
    let mut review = Review::new(ChangeSet { files });
    let prompt = review.prompt();
    assert!(prompt.starts_with("--- evil^[[2K^Jname (new file)\n"), "{prompt}");
    assert!(prompt.contains("+x^[[1A<U+202E>y\n\\ No newline at end of file\n"), "{prompt}");
    review.answer("n");
    assert!(review.prompt().contains("-b\n+c\n"));
    review.answer("n");
    assert!(review.prompt().contains("-a^M\n-b^M\n+a\n"));
}
