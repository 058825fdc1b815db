//! Several models in a row: while one is in trouble, the next is asked.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use massgen_protocol::{CallKey, Usage};
use massgen_quota::{Breaker, Passage};

use crate::error::{CallError, CallErrorKind};
use crate::model::{Bounds, Model};
use crate::request::{CallEvent, ModelRequest, Reply};

/// A model, and whom to ask while it is in trouble. Each has a circuit breaker: one that failed again and again is left
/// alone for a while, so that nobody waits for its retries in vain.
#[derive(Debug)]
pub struct Relay {
    first: Station,
    others: Vec<Station>,
    notices: Vec<String>,
}

#[derive(Debug)]
struct Station {
    name: String,
    model: Arc<dyn Model>,
    breaker: Mutex<Breaker>,
}

impl Relay {
    /// Models with their names for users, in the order in which they are asked.
    #[must_use]
    pub fn new(first: (String, Arc<dyn Model>), others: Vec<(String, Arc<dyn Model>)>) -> Self {
        let station = |(name, model)| Station { name, model, breaker: Mutex::default() };
        let (first, others) = (station(first), others.into_iter().map(station).collect::<Vec<_>>());
        let all = std::iter::once(&first).chain(&others);
        let notices = all.flat_map(|station| station.model.notices().to_vec()).collect();
        Self { first, others, notices }
    }

    async fn ask(&self, request: &ModelRequest, on: &mut (dyn FnMut(CallEvent) + Send)) -> Result<Reply, CallError> {
        let mut others = self.others.iter();
        let mut station = &self.first;
        let mut why: Option<String> = None;
        loop {
            let next = others.next();
            if let (Passage::Refused { .. }, Some(next)) = (station.with(|breaker| breaker.before(now_ms())), next) {
                why.get_or_insert_with(|| {
                    format!("{} has failed too often and is left alone for a while", station.name)
                });
                station = next;
                continue;
            }
            // The last one is asked whatever became of it before: there is nobody else.
            if let Some(why) = why.take() {
                on(CallEvent::Note(format!("{} is asked instead: {why}", station.name)));
            }
            let error = match station.model.call(request, on).await {
                Ok(reply) => {
                    station.with(Breaker::success);
                    return Ok(reply);
                }
                Err(error) => error,
            };
            station.with(|breaker| breaker.failure(now_ms(), error.problem.retry_after()));
            match next {
                Some(next) if helps(error.kind()) => {
                    why = Some(error.to_string());
                    station = next;
                }
                _ => return Err(error),
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = &Station> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

/// Whether another provider may do what this one did not.
fn helps(kind: CallErrorKind) -> bool {
    match kind {
        CallErrorKind::Authentication
        | CallErrorKind::UnknownModel
        | CallErrorKind::RateLimited
        | CallErrorKind::QuotaExhausted
        | CallErrorKind::ContextTooLong
        | CallErrorKind::Overloaded
        | CallErrorKind::Server
        | CallErrorKind::Unreachable
        | CallErrorKind::Stalled
        | CallErrorKind::CutShort
        | CallErrorKind::Malformed => true,
        // What one provider declines is not put to the next behind its back.
        CallErrorKind::BadRequest | CallErrorKind::Refused | CallErrorKind::TooLong => false,
    }
}

impl Station {
    fn with<T>(&self, change: impl FnOnce(&mut Breaker) -> T) -> T {
        change(&mut self.breaker.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

impl Model for Relay {
    fn call<'a>(
        &'a self,
        request: &'a ModelRequest,
        on: &'a mut (dyn FnMut(CallEvent) + Send),
    ) -> BoxFuture<'a, Result<Reply, CallError>> {
        Box::pin(self.ask(request, on))
    }

    fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Whoever answers: what is asked is the same.
    fn key(&self, request: &ModelRequest) -> CallKey {
        self.first.model.key(request)
    }

    fn price(&self, usage: &Usage) -> Option<f64> {
        self.first.model.price(usage)
    }

    /// Those of the dearest: any may be the one that answers.
    fn bounds(&self, request: &ModelRequest) -> Bounds {
        let dear = |bounds: &Bounds| bounds.usd(bounds.output_tokens);
        let join = |one: Bounds, other: Bounds| Bounds {
            input_tokens: one.input_tokens.max(other.input_tokens),
            output_tokens: one.output_tokens.max(other.output_tokens),
            price: match (dear(&one), dear(&other)) {
                (Some(here), Some(there)) if there > here => other.price,
                (Some(_), Some(_)) => one.price,
                // Nobody knows what it would cost.
                _ => None,
            },
        };
        let others = self.all().skip(1).map(|station| station.model.bounds(request));
        others.fold(self.first.model.bounds(request), join)
    }
}
