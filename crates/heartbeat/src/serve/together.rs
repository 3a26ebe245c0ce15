//! API and checker live and end together. An API that answers pings while nobody watches them would promise alerts that
//! never come: when the checker ends before its time, the API ends with it, and the process says so and ends badly, so
//! that whoever supervises it starts it again.

use anyhow::{Context, anyhow};
use tokio::task::{JoinError, JoinHandle};

use crate::stop::Stop;

/// The checker beside the API.
pub(super) struct Watch {
    checker: JoinHandle<()>,
    /// How the checker ended, if it has.
    ended: Option<Ended>,
}

/// How a checker ended.
enum Ended {
    AsAsked,
    Early(Result<(), JoinError>),
}

impl Ended {
    /// It hears of the end when we do, on another thread, and may have ended between our look at the end and that at it.
    fn of(ended: Result<(), JoinError>, stop: &Stop) -> Self {
        if ended.is_ok() && stop.is_requested() {
            return Self::AsAsked;
        }
        let how = ended.as_ref().err().map(ToString::to_string);
        tracing::error!(how, "the checker has ended before its time: nobody would be alerted, so serve ends");
        Self::Early(ended)
    }
}

impl Watch {
    /// Over a checker that ends when everybody is told to.
    pub(super) fn over(checker: JoinHandle<()>) -> Self {
        Self { checker, ended: None }
    }

    /// Returns when the API is to end: at `stop`, or when the checker has ended without it.
    pub(super) async fn until(&mut self, stop: Stop) {
        tokio::select! {
            // First, for a checker that heard of the end may have ended already.
            biased;
            () = stop.clone().requested() => {}
            ended = &mut self.checker => self.ended = Some(Ended::of(ended, &stop)),
        }
    }

    /// Waits for the checker's end. It is an error when it was a panic, or came before its time.
    pub(super) async fn end(self) -> anyhow::Result<()> {
        let why = match self.ended {
            None => return self.checker.await.context("the checker ended with a panic"),
            Some(Ended::AsAsked) => return Ok(()),
            Some(Ended::Early(Ok(()))) => anyhow!("nothing had asked it to"),
            Some(Ended::Early(Err(panic))) => panic.into(),
        };
        Err(why.context("the checker has ended, and without it nobody is alerted: start serve again"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::{Router, routing::get};
    use heartbeat_api::Limits;
    use tokio::{
        net::TcpListener,
        sync::{Notify, oneshot},
    };

    use super::*;

    #[tokio::test]
    async fn a_checker_that_panics_ends_the_api_which_finishes_what_it_has_accepted() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (accepted, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let slow = {
            let (accepted, finish) = (Arc::clone(&accepted), Arc::clone(&finish));
            get(async move || {
                accepted.notify_one();
                finish.notified().await;
                "finished"
            })
        };
        let (let_panic, panics) = oneshot::channel::<()>();
        let mut watch = Watch::over(tokio::spawn(async move {
            panics.await.unwrap();
            panic!("no checker is without faults");
        }));
        let (_stopper, stop) = Stop::ahead();
        let request = tokio::spawn(async move { reqwest::get(format!("http://{address}/")).await?.text().await });
        let shutdown = async {
            watch.until(stop).await;
            finish.notify_one();
        };
        let panicking = async {
            accepted.notified().await;
            let_panic.send(()).unwrap();
        };
        let serving = heartbeat_api::serve(listener, Router::new().route("/", slow), shutdown, Limits::default());
        let (ending, ()) = tokio::join!(serving, panicking);
        assert_eq!(ending.cut_off, 0);
        assert_eq!(request.await.unwrap().unwrap(), "finished");
        let error = format!("{:#}", watch.end().await.unwrap_err());
        assert!(
            error.starts_with("the checker has ended, and without it nobody is alerted: start serve again"),
            "{error}"
        );
        assert!(error.contains("no checker is without faults"), "{error}");
    }

    #[tokio::test]
    async fn a_checker_that_just_ends_is_an_error_and_one_that_was_asked_to_is_none() {
        let (stopper, stop) = Stop::ahead();
        let mut early = Watch::over(tokio::spawn(async {}));
        early.until(stop.clone()).await;
        let error = format!("{:#}", early.end().await.unwrap_err());
        assert!(error.ends_with("start serve again: nothing had asked it to"), "{error}");

        assert!(matches!(Ended::of(Ok(()), &stop), Ended::Early(Ok(()))));
        stopper.stop();
        assert!(matches!(Ended::of(Ok(()), &stop), Ended::AsAsked), "it has ended between two looks");
        let mut asked = Watch::over(tokio::spawn(stop.clone().requested()));
        asked.until(stop).await;
        asked.end().await.unwrap();
    }
}
