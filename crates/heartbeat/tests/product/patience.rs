//! Waiting: for something that will happen, and no longer than a deadline. Nothing here passes time by itself.

use std::time::Duration;

/// For what happens at once, on a machine that may be busy.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// For a monitor with the shortest interval to lapse, and its message to arrive.
pub(crate) const A_LAPSE: Duration = Duration::from_secs(30 + 20);
/// For a message whose sender was killed: its lease is a minute.
pub(crate) const A_LEASE: Duration = Duration::from_secs(60 + 25);

/// What `future` comes to; a panic that names `what` when it does not come within `patience`.
pub(crate) async fn within<T>(patience: Duration, what: &str, future: impl Future<Output = T>) -> T {
    let came = tokio::time::timeout(patience, future).await;
    came.unwrap_or_else(|_| panic!("waited {} s in vain for {what}", patience.as_secs()))
}
