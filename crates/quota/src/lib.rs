//! Rate limits of providers, shared by everybody who asks them from this machine.
//!
//! A pure core decides ([`Bucket`], [`Breaker`]): it has no clock and does no I/O, takes the time as an
//! argument, and its state can be written down. Around it, [`Quota`] keeps one bucket for each account and
//! model, lets calls wait for their turn in order of arrival, and, where it is given a folder, shares the
//! buckets with the other processes of this machine through one small file each.
//!
//! Limits come from the user ([`LimitsTable`]) and from what the provider says in its headers ([`Report`]);
//! of two limits on the same thing the lower one holds. How calls are spaced so that the provider never has
//! to refuse one is told at [`Pace`].
//!
//! Nothing here stops a call because of its own trouble: a file that cannot be read or written counts as
//! absent, and the trouble is told once ([`Quota::take_warnings`]).

mod account;
mod breaker;
mod bucket;
mod headers;
mod lane;
mod limits;
mod nearest;
mod pace;
mod permit;
mod queue;
mod quota;
mod seen;
mod store;
mod table;
mod tally;
mod warning;

pub use account::AccountKey;
pub use breaker::{Breaker, BreakerSettings, Passage};
pub use bucket::{Admission, Bound, Bucket, Reservation, Rules};
pub use headers::{Gauge, Report, Reset};
pub use limits::Limits;
pub use pace::Pace;
pub use permit::Permit;
pub use queue::Ticket;
pub use quota::{Quota, QuotaSettings, WaitTooLong};
pub use table::{LimitsError, LimitsPlace, LimitsTable};
pub use warning::QuotaWarning;
