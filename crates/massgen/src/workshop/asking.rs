//! Questions that come up while a team works: may an agent do this, does a server get that.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use massgen_mcp::{Authorizer, ElicitationAnswer, ElicitationRequest, Elicitor};
use massgen_tools::gate::{Answer, AskRequest, Asker};
use tokio::sync::Mutex;

use super::form::form;
use crate::failure::Failure;
use crate::first_use::Dialogue;
use crate::terminal::{self, harmless};

/// The user at the terminal, who is asked one thing at a time.
#[derive(Debug, Clone)]
pub(crate) struct User {
    turn: Arc<Mutex<()>>,
    /// What the user calls the agents.
    names: Arc<[String]>,
}

impl User {
    pub(crate) fn new(names: Vec<String>) -> Self {
        Self { turn: Arc::default(), names: names.into() }
    }

    /// Asks away from the threads that keep everything else going. A question that is no longer awaited is still
    /// answered: a line that is being typed cannot be taken back.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut dyn Talk) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, String> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let asked = on_a_thread(move || {
            let _turn = turn;
            let _held = terminal::hold();
            question(&mut Dialogue::beside_a_run())
        });
        match asked.await {
            Some(answer) => answer.map_err(|failure| failure.to_string()),
            None => Err("the question could not be asked".to_owned()),
        }
    }
}

/// Runs `work` on a thread of its own that nobody has to wait for: a program that is stopped must not hang on a question
/// that is still open. `None`: it panicked, or there was no thread to be had.
pub(crate) async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, result) = tokio::sync::oneshot::channel();
    let ask = move || {
        // Nobody waits any more: then the answer is of no use.
        let _ = done.send(work());
    };
    std::thread::Builder::new().name("question".to_owned()).spawn(ask).ok()?;
    result.await.ok()
}

/// What a question needs of a dialogue.
pub(super) trait Talk {
    fn say(&mut self, text: &str);
    fn reply(&mut self, prompt: &str) -> Result<String, Failure>;
}

impl<R: std::io::BufRead, W: std::io::Write> Talk for Dialogue<R, W> {
    fn say(&mut self, text: &str) {
        Dialogue::say(self, text);
    }

    fn reply(&mut self, prompt: &str) -> Result<String, Failure> {
        Dialogue::reply(self, prompt)
    }
}

impl Asker for User {
    fn ask(&self, request: AskRequest) -> BoxFuture<'_, Answer> {
        Box::pin(async move {
            let name = self.names.get(request.agent.position()).cloned().unwrap_or_default();
            let answered = User::ask(self, move |talk| permission(talk, &name, &request)).await;
            answered.unwrap_or_else(Answer::No)
        })
    }
}

fn permission(talk: &mut dyn Talk, name: &str, request: &AskRequest) -> Result<Answer, Failure> {
    let (name, agent, tool, why) = (harmless(name), request.agent, harmless(&request.tool), harmless(&request.why));
    talk.say(&format!("\n{name} ({agent}) wants to use {tool} ({why})"));
    for (_, subject) in &request.subjects {
        talk.say(&format!("    {}", harmless(subject)));
    }
    loop {
        let answer = talk.reply("Allow it? [y]es, [a]lways this, [n]o, or a reason why not: ")?;
        match answer.trim() {
            "y" | "yes" => return Ok(Answer::Once),
            "a" | "always" => return Ok(Answer::Always),
            "" => {}
            "n" | "no" => return Ok(Answer::No("the user said no".to_owned())),
            reason => return Ok(Answer::No(format!("the user said no: {reason}"))),
        }
    }
}

impl Elicitor for User {
    fn elicit(&self, request: ElicitationRequest) -> BoxFuture<'_, ElicitationAnswer> {
        Box::pin(async move {
            let answered = User::ask(self, move |talk| Ok(form(talk, &request))).await;
            answered.unwrap_or(ElicitationAnswer::Dismissed)
        })
    }
}

impl Authorizer for User {
    fn show<'a>(&'a self, server: &'a str, url: &'a str) -> BoxFuture<'a, bool> {
        let (server, url) = (harmless(server), harmless(url));
        Box::pin(async move {
            let asked = User::ask(self, move |talk| {
                talk.say(&format!(
                    "\nThe MCP server {server} wants you to grant access. Open this in your browser:\n    {url}"
                ));
                Ok(())
            });
            asked.await.is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use massgen_protocol::AgentIndex;
    use massgen_tools::gate::Risk;

    use super::*;

    struct Typed(Vec<&'static str>, String);

    impl Talk for Typed {
        fn say(&mut self, text: &str) {
            self.1.push_str(text);
        }

        fn reply(&mut self, _: &str) -> Result<String, Failure> {
            if self.0.is_empty() { Err(Failure::execution("nothing more")) } else { Ok(self.0.remove(0).to_owned()) }
        }
    }

    #[test]
    fn a_permission_is_given_for_once_for_good_or_not() {
        let request = AskRequest {
            agent: AgentIndex(0),
            tool: "mcp__command_line__execute_command".to_owned(),
            subjects: Vec::new(),
            risk: Risk::High,
            why: "a rule asks".to_owned(),
        };
        let answer = |typed: Vec<&'static str>| permission(&mut Typed(typed, String::new()), "gamma", &request).ok();
        assert_eq!(answer(vec!["", "y"]), Some(Answer::Once));
        assert_eq!(answer(vec!["always"]), Some(Answer::Always));
        assert_eq!(answer(vec!["n"]), Some(Answer::No("the user said no".to_owned())));
        assert_eq!(answer(vec!["use make"]), Some(Answer::No("the user said no: use make".to_owned())));
        assert_eq!(answer(vec![]), None);
    }
}
