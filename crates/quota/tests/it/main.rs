//! The limits as callers and providers see them.

#[cfg(test)]
mod breaking;
#[cfg(test)]
mod clock;
#[cfg(test)]
mod learning;
#[cfg(test)]
mod pacing;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod rehearsed;
#[cfg(test)]
mod sharing;
#[cfg(test)]
mod table;
#[cfg(test)]
mod waiting;
