//! The journal is the run.

use massgen_coordination::Coordinator;
use massgen_protocol::{Event, Rules, RunView};
use massgen_rehearsal::Scenario;
use tokio_util::sync::CancellationToken;

use crate::stage::Stage;

#[tokio::test]
async fn folding_the_journal_gives_the_view_and_the_coordination_again() {
    let stage = Stage::new(Scenario::builtin("spectrograph").unwrap(), Rules::default()).await;
    let mut seen = Vec::new();
    let outcome = stage.play(|record| seen.push((**record).clone()), CancellationToken::new()).await;
    let reading = massgen_journal::read(&stage.folder.path().join("events.jsonl")).unwrap();
    assert_eq!(reading.records, seen, "observers see what is written");
    assert_eq!(RunView::replay(&reading.records), outcome.view);
    let facts = reading.records.iter().filter_map(|record| match &record.event {
        Event::Fact(fact) => Some(fact),
        Event::Input(_) | Event::Activity(_) => None,
    });
    let coordinator = Coordinator::replay(facts).unwrap();
    assert!(coordinator.is_over());
    let mut counted: Vec<_> = outcome.view.valid_votes().cloned().collect();
    counted.sort_by_key(|vote| vote.voter);
    assert_eq!(coordinator.votes().cloned().collect::<Vec<_>>(), counted);
    stage.server.stop().await;
}
