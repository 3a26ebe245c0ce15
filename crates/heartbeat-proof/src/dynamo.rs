//! The `DynamoDB` store on an engine of its own, with tables of its own, and what no client of the store may do: reading
//! and damaging items behind its back, and disturbing the wire.

mod aside;
mod disturbed;
mod ground;
mod json;
mod lagging;
mod meter;
mod network;
mod simulate;
mod size;
mod wired;

pub use disturbed::{Fault, Lie};
pub use ground::Ground;
pub use meter::{Meter, Place, Tally, Units};
pub use network::{Failing, Fate, Scripted};
pub use simulate::{simulate_on_dynamo, small_month, small_plan, tiny_plan};
pub use size::{item_bytes, value_bytes};
pub use wired::Wired;
