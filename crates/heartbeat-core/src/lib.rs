//! The domain of Heartbeat, a dead man's switch: jobs prove that they are alive by pinging, and when a check-in is
//! missed, people are told until it is well again.
//!
//! # Glossary
//!
//! These words are law: the API, the pages, the stored items, the log fields and Terraform use them.
//!
//! | Word | Means | Type |
//! |---|---|---|
//! | *Project* | a tenant | [`Project`] |
//! | *Monitor* | what is watched, named by its *slug* in its project | [`Monitor`], [`Slug`] |
//! | *Ping* | a signal from a job | [`Ping`], [`Signal`] |
//! | *Schedule* | when pings are expected: `every <interval>`, or a cron line in a time zone | [`Schedule`], [`Interval`], [`Cron`] |
//! | *Grace* | extra time after the expected moment | [`Grace`] |
//! | *Due* | the instant by which the next ping must have arrived, grace included | [`Status::Ok`] |
//! | *Settle time* | how long past due a checker waits, so that a ping on its way is not overtaken | [`Context::settle`] |
//! | *Status* | `new`, `ok`, `overdue`, `paused`; shown besides: `late`, `running` | [`Status`], [`Shown`] |
//! | *Incident* | from a missed deadline or a failure to the recovery | [`Incident`] |
//! | *Transition* | a change worth telling | [`Transition`] |
//! | *Notice* | what one message has to tell about one monitor | [`Notice`] |
//! | *Notification* | one notice for one *channel* | [`NotificationId`] |
//! | *Outbox* | the monitor's undelivered notifications | [`Outbox`] |
//! | *Delivery* | one attempt to send | [`delivery`] |
//! | *Outage* (of ours) | a time in which pings could not be heard | [`outage`] |
//! | *Event* (of history) | a row of history | [`history`] |
//! | *Episode* | an incident as history tells it | [`chronicle`] |
//! | *Definition* | what people want of a monitor | [`Definition`], [`Changes`] |
//! | *Ping URL* | a monitor's own address for pings, with its UUID | [`PingUuid`] |
//! | *Key* | an API key | [`key`] |
//!
//! # Shape
//!
//! The heart is [`decide()`]: pure and total. [`store`] is the port that carries its decisions out, [`flow`] joins the
//! two. Nothing else here is async, reads a clock or does I/O.

pub mod about;
pub mod alarm;
pub mod archive;
pub mod channel;
pub mod chronicle;
pub mod clock;
pub mod cron;
pub mod decide;
pub mod definition;
pub mod delivery;
pub mod directory;
#[cfg(feature = "dynamo")]
pub mod dynamo;
pub mod flow;
pub mod history;
pub mod incident;
pub mod interval;
pub mod item;
pub mod key;
pub mod metric;
pub mod monitor;
pub mod notice;
pub mod outage;
pub mod outbox;
pub mod ping;
pub mod ping_url;
pub mod random;
pub mod reminder;
pub mod schedule;
pub mod slug;
pub mod store;
pub mod time;

pub use about::{About, Actor, Deed, Tag};
pub use channel::{Channel, ChannelName, Telling};
pub use clock::Clock;
pub use cron::Cron;
pub use decide::{Context, Decision, Event, RestsOn, Transition, decide};
pub use definition::{Changes, Definition};
pub use incident::{Cause, Incident};
pub use interval::{Grace, Interval};
pub use monitor::{Monitor, MonitorId, Origin, Policy, Rev, Run, Shown, Status};
pub use notice::{Notice, NoticeKind, NotificationId};
pub use outbox::Outbox;
pub use ping::{Ping, RunId, Signal};
pub use ping_url::PingUuid;
pub use random::Random;
pub use reminder::Reminders;
pub use schedule::Schedule;
pub use slug::{Project, Slug};
pub use store::{Store, StoreError};
pub use time::Timestamp;
