//! The API by its front door: in process through the router, and over a socket where bytes matter, over the real store.
//!
//! `cfg(test)` tells clippy that helpers of tests are tests too.

#[cfg(test)]
mod badges;
#[cfg(test)]
mod bulk;
#[cfg(test)]
mod channels;
#[cfg(test)]
mod deaths;
#[cfg(test)]
mod deeds;
#[cfg(test)]
mod definitions;
#[cfg(test)]
mod deliveries;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod floods;
#[cfg(test)]
mod healthchecks;
#[cfg(test)]
mod history;
#[cfg(test)]
mod installation;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod management;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod pings;
#[cfg(test)]
mod posts;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod push;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod sockets;
#[cfg(test)]
mod weather;
