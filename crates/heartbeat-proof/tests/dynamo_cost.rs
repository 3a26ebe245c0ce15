//! What the `DynamoDB` store costs: capacity units and requests of every access pattern, on two engines, and the size of
//! items by DynamoDB's own rule. `docs/data-model.md` shows the figures; these tests say when it is out of date.
#![expect(clippy::unwrap_used, reason = "tests of an executable of their own: what is not there fails them")]

#[path = "dynamo_cost/document.rs"]
mod document;
#[path = "dynamo_cost/item_size.rs"]
mod item_size;
#[path = "dynamo_cost/patterns.rs"]
mod patterns;
#[path = "dynamo_cost/till.rs"]
mod till;
