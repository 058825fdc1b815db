//! The provider of media that tools are given.

use futures_util::future::BoxFuture;
use massgen_python::{
    DrawingOrder, MadeMedia, MediaAnswer, MediaError, MediaKind, MediaProvider, MediaQuestion, SpeechOrder,
};
use massgen_tool::CallContext;

use crate::account::Account;
use crate::choose::{MediaChoices, Task, choose, task_for};
use crate::http::{Line, MediaPolicy};
use crate::{ask, draw, listen, speak};

/// Whom the tools of an agent can ask.
#[derive(Debug, Clone)]
pub struct MediaSettings {
    /// The client that sends.
    pub http: reqwest::Client,
    /// Who can be asked; the agent's own backend first.
    pub accounts: Vec<Account>,
    /// What the configuration says.
    pub choices: MediaChoices,
    /// How requests are made.
    pub policy: MediaPolicy,
}

/// Asks providers.
#[derive(Debug, Clone)]
pub struct Media {
    settings: MediaSettings,
}

impl Media {
    /// Asks those of `settings`.
    #[must_use]
    pub fn new(settings: MediaSettings) -> Self {
        Self { settings }
    }

    fn line<'a>(&'a self, account: &'a Account) -> Line<'a> {
        Line { http: &self.settings.http, policy: &self.settings.policy, account }
    }

    async fn answer(&self, question: MediaQuestion<'_>) -> Result<MediaAnswer, MediaError> {
        let kinds: Vec<MediaKind> = question.attachments.iter().map(|attachment| attachment.kind).collect();
        let task = task_for(&kinds);
        let (account, model) = choose(task, question.target, &self.settings.choices, &self.settings.accounts)?;
        let line = self.line(account);
        let text = match (task, account.provider.kind) {
            (Task::Listen, "openai") => listen::transcribe(line, &model, question).await?,
            _ => ask::ask(line, &model, question).await?,
        };
        Ok(MediaAnswer { text, backend: account.provider.kind, model })
    }

    async fn drawing(&self, order: DrawingOrder<'_>) -> Result<MadeMedia, MediaError> {
        let task = if order.images.is_empty() { Task::Draw } else { Task::Redraw };
        let (account, model) = choose(task, order.target, &self.settings.choices, &self.settings.accounts)?;
        let drawn = draw::draw(self.line(account), &model, order).await?;
        Ok(MadeMedia { files: drawn.files, text: drawn.text, backend: account.provider.kind, model })
    }

    async fn speech(&self, order: SpeechOrder<'_>) -> Result<MadeMedia, MediaError> {
        let task = if order.answers { Task::Reply } else { Task::Speak };
        let (account, model) = choose(task, order.target, &self.settings.choices, &self.settings.accounts)?;
        let (file, text) = speak::speak(self.line(account), &model, order).await?;
        Ok(MadeMedia { files: vec![file], text, backend: account.provider.kind, model })
    }
}

impl MediaProvider for Media {
    fn understand<'a>(
        &'a self,
        question: MediaQuestion<'a>,
        _: &'a CallContext,
    ) -> BoxFuture<'a, Result<MediaAnswer, MediaError>> {
        Box::pin(self.answer(question))
    }

    fn draw<'a>(&'a self, order: DrawingOrder<'a>, _: &'a CallContext) -> BoxFuture<'a, Result<MadeMedia, MediaError>> {
        Box::pin(self.drawing(order))
    }

    fn speak<'a>(&'a self, order: SpeechOrder<'a>, _: &'a CallContext) -> BoxFuture<'a, Result<MadeMedia, MediaError>> {
        Box::pin(self.speech(order))
    }
}
