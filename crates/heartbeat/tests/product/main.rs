//! The product as its user has it: the built programs, started as processes in a folder of their own, against a stub of
//! Telegram's Bot API. Nothing here waits by sleeping: every wait is for something that comes, up to a deadline.
//!
//! `cfg(test)` tells clippy that helpers of tests are tests too.

#[cfg(test)]
mod alerts;
#[cfg(test)]
mod bot_api;
#[cfg(test)]
mod caller;
#[cfg(test)]
mod channels;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod configured;
#[cfg(test)]
mod copy;
#[cfg(test)]
mod definitions;
#[cfg(test)]
mod installation;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod lines;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod patience;
#[cfg(test)]
mod receiver;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod server;
#[cfg(test)]
mod stopping;
#[cfg(test)]
mod tables;
#[cfg(test)]
mod tidings;
#[cfg(test)]
mod two_programs;
#[cfg(test)]
mod unreachable;
#[cfg(test)]
mod wire;
