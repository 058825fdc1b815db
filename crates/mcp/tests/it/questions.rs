//! Questions of servers to the user.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use massgen_mcp::{ElicitationAnswer, ElicitationRequest, Elicitor};
use massgen_protocol::AgentIndex;
use serde_json::{Map, json};

use crate::support::{Bench, odd};

#[derive(Default)]
struct User {
    asked: Mutex<Vec<ElicitationRequest>>,
    thinks: Duration,
}

impl Elicitor for User {
    fn elicit(&self, request: ElicitationRequest) -> BoxFuture<'_, ElicitationAnswer> {
        Box::pin(async move {
            tokio::time::sleep(self.thinks).await;
            if let Ok(mut asked) = self.asked.lock() {
                asked.push(request);
            }
            ElicitationAnswer::Accepted(Map::from_iter([("colour".to_owned(), json!("blue"))]))
        })
    }
}

#[tokio::test]
async fn the_user_answers_and_may_take_longer_than_a_call() {
    let user = Arc::new(User { thinks: Duration::from_secs(7), ..User::default() });
    let elicitor = Arc::clone(&user);
    let bench = Bench::with(|hub| hub.elicitor = Some(elicitor));
    let mut settings = odd(&[]);
    settings.call_timeout = Duration::from_secs(3);
    let source = bench.started(&settings).await;
    let answer = bench.text(&source, "ask", json!({})).await;
    assert_eq!(answer, "{\"action\": \"accept\", \"content\": {\"colour\": \"blue\"}}");
    let asked = user.asked.lock().unwrap()[0].clone();
    assert_eq!((asked.server.as_str(), asked.agent), ("odd", Some(AgentIndex(0))));
    assert_eq!(
        (asked.message.as_str(), &asked.form["properties"]["colour"]["type"]),
        ("Which colour?", &json!("string"))
    );
    bench.servers.close().await;
}

#[tokio::test]
async fn without_a_user_questions_are_declined() {
    let bench = Bench::new();
    let source = bench.started(&odd(&[])).await;
    let answer = bench.text(&source, "ask", json!({})).await;
    assert_eq!(answer, "{\"action\": \"decline\"}");
    bench.servers.close().await;
}

#[tokio::test]
async fn under_the_newest_protocol_a_question_is_part_of_the_answer() {
    let user = Arc::new(User::default());
    let elicitor = Arc::clone(&user);
    let bench = Bench::with(|hub| hub.elicitor = Some(elicitor));
    let source = bench.started(&odd(&["modern"])).await;
    let answer = bench.text(&source, "ask", json!({})).await;
    assert_eq!(answer, "{\"action\": \"accept\", \"content\": {\"colour\": \"blue\"}}");
    assert_eq!(user.asked.lock().unwrap().len(), 1);
    bench.servers.close().await;
}
