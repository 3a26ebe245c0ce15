//! The deployment on AWS, as it would be uploaded: what `terraform plan` describes, made in ministack by the calls by
//! which Terraform makes it, with the packaged zips run as processes and a stub of Telegram's Bot API.
//!
//! A gate of its own lies between each function and the cloud. It lets through what the policies of the plan allow, and
//! notes each call, so that what is allowed and what is asked for can be held against each other.
//!
//! Ministack (1.5) stands in for AWS in these: a function is processes that speak the Runtime API and are kept for later
//! invocations, one for each invocation at a time; it is killed at its time-out, and by other code or settings, even in
//! the middle of an answer, where AWS lets it finish; its output is in its log group; an asynchronous invocation is
//! repeated and leaves a message as its settings say; a `rate` schedule fires when its time has passed since it was made.
//!
//! It does not stand in for AWS in these, and nothing here proves them:
//!
//! - it decides by no policy (the gate does, by those of the functions' roles; trust and resource policies are only read);
//! - it believes signatures, and runs whatever processor the zip is for: the plan says arm64, the tests build `x86_64`;
//! - memory is not limited, and a process is not frozen between invocations;
//! - the log is all that was written: nothing is left out by level, and no metrics are made of it, so no alarm fires;
//! - the schedule invokes synchronously, without its own retries and dead letters;
//! - a body above 6 MB reaches the function, where AWS answers 413;
//! - Roles Anywhere is not there.
//!
//! A test adds two variables to the environment of the functions, where the gate and the Bot API are, and takes the canary
//! out of it, unless the test is about that; and most give the checker a shorter time-out, so that an invocation is one
//! pass instead of most of a minute.
//!
//! `cfg(test)` tells clippy that helpers of tests are tests too. The zips are programs for Linux.
#![cfg(target_os = "linux")]

#[cfg(test)]
mod absence;
#[cfg(test)]
mod alerts;
#[cfg(test)]
mod amnesty;
#[cfg(test)]
#[path = "../product/bot_api.rs"]
#[allow(dead_code, reason = "shared with the tests of the product, which use all of it")]
mod bot_api;
#[cfg(test)]
#[path = "../product/caller.rs"]
mod caller;
#[cfg(test)]
mod cloud;
#[cfg(test)]
mod deploy;
#[cfg(test)]
mod deployment;
#[cfg(test)]
mod function;
#[cfg(test)]
mod function_url;
#[cfg(test)]
mod gate;
#[cfg(test)]
#[path = "../product/patience.rs"]
#[allow(dead_code, reason = "shared with the tests of the product, which use all of it")]
mod patience;
#[cfg(test)]
mod permissions;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod public_address;
#[cfg(test)]
#[path = "../product/receiver.rs"]
#[allow(dead_code, reason = "shared with the tests of the product, which use all of it")]
mod receiver;
#[cfg(test)]
mod renamed_bot;
#[cfg(test)]
mod side_by_side;
#[cfg(test)]
#[path = "../product/tidings.rs"]
#[allow(dead_code, reason = "shared with the tests of the product, which use all of it")]
mod tidings;
#[cfg(test)]
mod trouble;
#[cfg(test)]
mod webhooks;
