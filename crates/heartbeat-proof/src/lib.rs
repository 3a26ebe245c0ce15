//! What proves the promises: the contract suite that every store must pass, the instruments that tests share (a clock
//! that is set, randomness that replays), and the simulator that judges the whole system against a plain model.

pub mod contract;
pub mod dynamo;
pub mod engines;
pub mod instruments;
pub mod simulator;
pub mod sqlite;
