//! What the `DynamoDB` store makes of a bad wire, request by request: it recognises its own success, never says that
//! nothing was written where something may have been, and gives up in time. The clock is paused: nothing here waits.
#![expect(clippy::unwrap_used, reason = "tests of an executable of their own: what is not there fails them")]

#[path = "dynamo_wire/channel.rs"]
mod channel;
#[path = "dynamo_wire/history.rs"]
mod history;
#[path = "dynamo_wire/own_success.rs"]
mod own_success;
#[path = "dynamo_wire/shapes.rs"]
mod shapes;
#[path = "dynamo_wire/trouble.rs"]
mod trouble;
