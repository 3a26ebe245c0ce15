//! The write verbs. Each is one conditional request; when its condition does not hold, the answer carries what is there.

mod commit;
mod defer;
mod extend;
pub(super) mod send;
mod settle;
