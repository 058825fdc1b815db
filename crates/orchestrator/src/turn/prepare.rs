//! What is made ready before the first model call of a turn.

use massgen_backends::Message;
use massgen_protocol::Activity;

use super::{PeerFiles, Turn, millis};

impl Turn {
    /// Waits for the tools, shows the files of the current answers, and takes in what has been made ready.
    pub(super) async fn prepare(&mut self) {
        for text in self.tools.ready().await {
            self.activity(Activity::Notice { agent: Some(self.id.agent), text });
        }
        let files = std::mem::take(&mut self.files);
        self.show(Some(files)).await;
        let Some(preparation) = self.preparation.clone() else { return };
        let paragraphs = preparation.prepare(self.id, self.kind).await;
        if let (Some(Message::User(text)), false) = (self.request.messages.first_mut(), paragraphs.is_empty()) {
            text.push_str("\n\n");
            text.push_str(&paragraphs.join("\n\n"));
        }
    }

    /// Shows these files and no others; `None`: nothing has changed.
    pub(super) async fn show(&mut self, files: Option<Vec<PeerFiles>>) {
        let (Some(desk), Some(files)) = (&self.desk, files) else { return };
        let snapshots = files.iter().map(|files| (files.revision.agent, files.snapshot.clone())).collect();
        // Even if it fails: some of them may be new by then.
        self.sight += 1;
        match desk.show(snapshots).await {
            Ok(_) if files.is_empty() => {}
            Ok(shown) => self.activity(Activity::PeerFilesShown {
                turn: self.id,
                answers: files.iter().map(|files| files.revision).collect(),
                files: shown.files,
                shared_bytes: shown.shared_bytes,
                copied_bytes: shown.copied_bytes,
                duration_ms: millis(shown.duration),
            }),
            Err(problem) => {
                let text = format!("the files of the other agents' answers could not be shown: {problem}");
                self.activity(Activity::Notice { agent: Some(self.id.agent), text });
            }
        }
    }
}
