//! The store port on `DynamoDB`: the store that the product is named for, where users outgrow a machine.
//!
//! Every write is one conditional request that answers with what is there when its condition does not hold, so that an
//! ordinary ping is one write and no read. What history must not lose goes into the monitor's item with the write that it
//! tells of (its `journal`), and from there into the events table; so one write is atomic without a transaction.
//!
//! This is the only place that names the AWS SDK, or builds an item, a key or an expression.
//!
//! | Module | Holds |
//! |---|---|
//! | [`tables`] | the tables, their keys and indexes, as data |
//! | [`administer`] | making tables, and checking those that are there |
//! | [`connect`] | regions, credentials, time-outs, retries |
//! | [`shared`] | what all processes over one set of tables agree on: detector, shards, settle time |
//! | `shape` | a monitor's attributes as `DynamoDB` holds them |
//! | `expression` | condition and update expressions |
//! | `request`, `retry` | one request, what its failure means, and whether it is worth another attempt |
//! | `verbs` | the write verbs |
//! | `look` | what is read |
//! | `journal`, `events` | history |
//! | [`parameters`] | secrets that are kept in SSM |
//! | [`wire`] | for those who measure or disturb what goes over it |
//! | `archive` | everything as records, for those who move it |
//! | `skew` | how far our clock is from the store's |

pub mod administer;
mod archive;
pub mod connect;
mod directory;
mod events;
mod expression;
mod journal;
mod keys;
mod look;
pub mod parameters;
mod request;
mod retry;
mod shape;
pub mod shared;
mod skew;
mod store;
mod sweep;
pub mod tables;
mod verbs;
pub mod wire;

pub use connect::{ConnectError, Endpoint, Options, Wire};
pub use parameters::{ParameterError, Parameters};
pub use request::is_for_a_person;
pub use shared::{Detector, Shared};
pub use skew::Skew;
pub use store::DynamoStore;
pub use tables::TableNames;
