//! The simulator: the real core and flows over a real store, in a world of simulated time where answers are lost, writes
//! land late, processes crash between any two awaits and channels fail in every way. A plain model beside it judges.
//!
//! A seed decides everything, so a failing seed replays exactly.

mod executor;
mod faulty;
mod job;
mod journal;
mod judge;
mod onlooker;
mod people;
mod plan;
mod process;
mod radio;
mod runs;
mod spell;
mod watch;
mod world;

pub(crate) use executor::Chance;
pub use faulty::{Pace, Premises, Sabotage};
pub use job::SETTLE;
pub use judge::Verdict;
pub use plan::{Plan, Scale};
pub use world::{Sky, simulate};
