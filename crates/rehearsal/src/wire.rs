//! The wire protocols: what each accepts, and what it sends.

mod chat;
mod event;
mod fields;
mod gemini;
pub(crate) mod media;
mod messages;
mod openai;
mod responses;
mod schema;

pub(crate) use event::{Event, Frame, Framing, Kind};
use serde_json::{Value, json};

use crate::exchange::{Asked, Reply};
use crate::scenario::step::{Failure, StreamError};

/// A wire protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wire {
    /// OpenAI Responses.
    Responses,
    /// OpenAI Chat Completions, also as Azure and the many compatible providers speak it.
    ChatCompletions,
    /// Anthropic Messages.
    Messages,
    /// Gemini `generateContent` and `streamGenerateContent`.
    Gemini,
}

impl Wire {
    /// Every protocol.
    pub const ALL: [Self; 4] = [Self::Responses, Self::ChatCompletions, Self::Messages, Self::Gemini];
}

/// A request that is refused, in the words of the provider.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rejection {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: Value,
    /// Seconds for `Retry-After`.
    pub(crate) retry_after: Option<u64>,
}

impl Rejection {
    pub(crate) fn new(status: u16, body: Value) -> Self {
        Self { status, body, retry_after: None }
    }
}

/// What the rules of a protocol depend on besides the body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms<'a> {
    /// Fields beyond OpenAI's that Chat Completions requests may have.
    pub(crate) also_accepts: &'a [String],
    /// Whether the client asked for beta features (Messages).
    pub(crate) beta: bool,
    /// The model as the path names it (Gemini).
    pub(crate) model: &'a str,
}

/// What a reply is labelled with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket<'a> {
    /// Counts the requests of a server.
    pub(crate) serial: u64,
    /// Seconds since 1970.
    pub(crate) created: u64,
    /// The scenario's name.
    pub(crate) scenario: &'a str,
    /// The request.
    pub(crate) asked: &'a Asked,
    /// Its body.
    pub(crate) body: &'a Value,
}

impl Ticket<'_> {
    /// An id that says where it comes from.
    fn id(&self, prefix: &str) -> String {
        format!("{prefix}rehearsal{:08}", self.serial)
    }

    /// An id of the nth part of the reply.
    fn part_id(&self, prefix: &str, part: usize) -> String {
        format!("{prefix}rehearsal{:08}p{part:02}", self.serial)
    }
}

impl Wire {
    /// Refuses what the provider would refuse.
    pub(crate) fn validate(self, body: &Value, terms: Terms<'_>) -> Result<(), Rejection> {
        match self {
            Self::Responses => responses::validate::validate(body),
            Self::ChatCompletions => chat::validate::validate(body, terms.also_accepts),
            Self::Messages => messages::validate::validate(body, terms.beta),
            Self::Gemini => gemini::validate::validate(body, terms.model),
        }
    }

    /// Reads a valid body.
    pub(crate) fn read(self, body: &Value) -> Asked {
        match self {
            Self::Responses => responses::read::read(body),
            Self::ChatCompletions => chat::read::read(body),
            Self::Messages => messages::read::read(body),
            Self::Gemini => gemini::read::read(body),
        }
    }

    /// The events of a streamed reply.
    pub(crate) fn events(self, reply: &Reply, ticket: &Ticket<'_>) -> Vec<Event> {
        match self {
            Self::Responses => responses::events(reply, ticket),
            Self::ChatCompletions => chat::events(reply, ticket),
            Self::Messages => messages::events(reply, ticket),
            Self::Gemini => gemini::events(reply, ticket),
        }
    }

    /// The body of a reply that is not streamed.
    pub(crate) fn whole(self, reply: &Reply, ticket: &Ticket<'_>) -> Value {
        match self {
            Self::Responses => responses::whole(reply, ticket),
            Self::ChatCompletions => chat::whole(reply, ticket),
            Self::Messages => messages::whole(reply, ticket),
            Self::Gemini => gemini::whole(reply, ticket),
        }
    }

    /// The events that report an error in the middle of a stream.
    pub(crate) fn error_events(self, error: StreamError, ticket: &Ticket<'_>) -> Vec<Event> {
        match self {
            Self::Responses => responses::error_events(error, ticket),
            Self::ChatCompletions => chat::error_events(error),
            Self::Messages => messages::error_events(error, ticket),
            Self::Gemini => gemini::error_events(error),
        }
    }

    /// The provider's answer with an HTTP error status.
    pub(crate) fn failure(self, failure: &Failure, model: &str) -> Rejection {
        let message = failure.message.as_deref();
        let mut rejection = match self {
            Self::Responses | Self::ChatCompletions => openai::of_status(failure.status, message, model),
            Self::Messages => messages::errors::of_status(failure.status, message, model),
            Self::Gemini => gemini::errors::of_status(failure.status, message, model, failure.retry_after),
        };
        rejection.retry_after = failure.retry_after;
        rejection
    }

    /// Anthropic's refusal of a request without a good key or version.
    pub(crate) fn refuse_messages(status: u16, message: &str) -> Rejection {
        messages::errors::of_status(status, Some(message), "")
    }

    /// Google's refusal of a request without a key.
    pub(crate) fn refuse_gemini_stranger() -> Rejection {
        gemini::errors::of_status(403, None, "", None)
    }

    /// Google's refusal of a bad key.
    pub(crate) fn refuse_gemini_key() -> Rejection {
        gemini::errors::bad_key()
    }

    /// The refusal of a model that is not in the scenario.
    pub(crate) fn unknown_model(self, model: &str, azure: bool) -> Rejection {
        if azure {
            let message = "The API deployment for this resource does not exist. If you created the deployment within \
                           the last 5 minutes, please wait a moment and try again.";
            return Rejection::new(404, json!({"error": {"code": "DeploymentNotFound", "message": message}}));
        }
        self.failure(&Failure { status: 404, retry_after: None, message: None }, model)
    }

    /// The refusal of a body that is not JSON.
    pub(crate) fn not_json(self, error: &serde_json::Error) -> Rejection {
        match self {
            Self::Responses | Self::ChatCompletions => {
                let message = "We could not parse the JSON body of your request. (HINT: This likely means you aren't \
                               using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was \
                               sent was not valid JSON.)";
                openai::invalid(message, "", None)
            }
            Self::Messages => {
                let message = format!("The request body is not valid JSON: {error}");
                Rejection::new(400, messages::errors::error_body("invalid_request_error", &message))
            }
            Self::Gemini => gemini::errors::invalid(format!("Invalid JSON payload received. {error}")),
        }
    }

    /// The refusal of a `previous_response_id` that names nothing.
    pub(crate) fn unknown_previous(id: &str) -> Rejection {
        let message = format!("Previous response with id '{id}' not found.");
        openai::invalid(message, "previous_response_id", Some("previous_response_not_found"))
    }

    /// The status that stands for an error inside a stream, for a reply that is not streamed.
    pub(crate) fn status_of(self, error: StreamError) -> u16 {
        match (error, self) {
            (StreamError::Overloaded, Self::Messages) => 529,
            (StreamError::Overloaded, _) => 503,
            (StreamError::RateLimited, _) => 429,
            (StreamError::ServerError, _) => 500,
        }
    }

    /// How events are laid out.
    pub(crate) fn framing(self) -> Framing {
        match self {
            Self::Responses | Self::Messages => Framing::Named,
            Self::ChatCompletions => Framing::Plain,
            Self::Gemini => Framing::PlainCrlf,
        }
    }
}
