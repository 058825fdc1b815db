//! The server as clients see it, down to the bytes.

#[cfg(test)]
mod client;
#[cfg(test)]
mod endpoints;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod media;
#[cfg(test)]
mod play;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod strictness;
