//! The checker on Lambda: each event is a stretch of time, in which it looks again and again until its own deadline.
//!
//! What is wrong ends no invocation before its time, if anything can be done at all: statuses are kept true while nobody
//! can be told, and the invocation fails at its end, so that somebody is told of that.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use heartbeat_checker::{Bounds, Checker, Pass, Turn};
use heartbeat_core::{
    Channel, Clock, Timestamp,
    clock::SystemClock,
    dynamo::{DynamoStore, Options, Wire},
};
use heartbeat_notify::telegram::{Complaint, SourcedTelegram};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{Failure, Kind, metrics};
use crate::{around, channel, config::Config, logging, say, serve, tables, variables};

/// Before the deadline no new look begins: what was claimed is still to be sent and settled. One message may take 10 s.
const RESERVE: Duration = Duration::from_secs(15);
/// Before the deadline everything is sent: what has been sent must still be settled.
const FOR_SETTLING: Duration = Duration::from_secs(3);
/// An invocation must have at least this beyond the reserve, or it would never look.
const LEAST: Duration = Duration::from_secs(5);

/// Answers events until Lambda ends the process.
pub(super) async fn serve(config: Config) -> Result<(), Error> {
    logging::start(&config);
    let host = Host {
        config,
        function: variables::from_environment(variables::FUNCTION_NAME).unwrap_or_default(),
        wire: Wire::default(),
        telegram: OnceCell::new(),
        checker: OnceCell::new(),
        verified: AtomicBool::new(false),
    };
    // Before the first event, while nobody waits. What fails is tried again by the first, and told.
    let _ = tokio::join!(host.checker(), host.prepare());
    let host = &host;
    lambda_runtime::run(service_fn(async move |event: LambdaEvent<Value>| {
        let deadline = Timestamp::from_millis(i64::try_from(event.context.deadline).unwrap_or(i64::MAX));
        host.invoke(deadline).await.inspect_err(Failure::log)
    }))
    .await
}

/// What lives as long as the process.
struct Host {
    config: Config,
    function: String,
    wire: Wire,
    telegram: OnceCell<Arc<SourcedTelegram>>,
    checker: OnceCell<Checker>,
    /// Whether Telegram was asked about the settings, and knows them.
    verified: AtomicBool,
}

/// What an invocation did.
#[derive(Debug, Default)]
struct Done {
    passes: usize,
    looked: usize,
    delivered: usize,
}

impl Done {
    fn add(&mut self, pass: &Pass) {
        self.passes += 1;
        self.looked += pass.looked;
        self.delivered += pass.sent.delivered;
    }
}

impl Host {
    async fn invoke(&self, deadline: Timestamp) -> Result<Value, Failure> {
        let bounds = bounds(SystemClock.now(), deadline)?;
        let (telegram, checker) = (self.telegram().await?, self.checker().await?);
        let (looked, verified) = tokio::join!(self.work(checker, bounds), self.verify(telegram));
        let done = looked?;
        verified?;
        telegram.complaint().map_or(Ok(()), |complaint| Err(self.failure(&complaint)))?;
        Ok(json!({"passes": done.passes, "looked": done.looked, "delivered": done.delivered}))
    }

    /// What is due first, then again and again; beside that everything, if it is our turn: what is due does not wait for it.
    async fn work(&self, checker: &Checker, bounds: Bounds) -> Result<Done, Failure> {
        let began = SystemClock.now();
        let first = self.pass(checker, bounds).await;
        let (done, ()) = tokio::join!(self.go_on(checker, bounds, began, first), self.audit(checker, bounds));
        done
    }

    /// Sleeps and looks again, until the reserve begins. `last` is how the look went that began at `began`.
    async fn go_on(
        &self,
        checker: &Checker,
        bounds: Bounds,
        mut began: Timestamp,
        mut last: Result<Pass, Failure>,
    ) -> Result<Done, Failure> {
        let mut done = Done::default();
        loop {
            if let Ok(pass) = &last {
                done.add(pass);
            }
            let now = SystemClock.now();
            let more = last.as_ref().is_ok_and(|pass| pass.more);
            let next = if more { now } else { began.plus(self.config.check_interval).max(now) };
            if next >= bounds.look_until {
                // How it ended counts: what went wrong before was logged, and is well again.
                return last.map(|_| done);
            }
            SystemClock.sleep(next.since(now)).await;
            began = SystemClock.now();
            last = self.pass(checker, bounds).await;
        }
    }

    async fn pass(&self, checker: &Checker, bounds: Bounds) -> Result<Pass, Failure> {
        let began = SystemClock.now();
        let pass = checker.pass_within(bounds).await.map_err(|error| Failure::from(&error));
        match &pass {
            Ok(pass) => {
                measured(&metrics::of_pass(&self.function, began, pass));
                checker.record_pass().await;
            }
            Err(failure) => failure.log(),
        }
        pass
    }

    async fn audit(&self, checker: &Checker, bounds: Bounds) {
        let began = SystemClock.now();
        let Turn::Taken(mut audit) = checker.audit_until(Some(bounds.look_until)).await else { return };
        tracing::info!(active = audit.active, missed = audit.missed, end = ?audit.end, "audited monitors");
        audit.look.send_until(bounds.send_until);
        let pass = checker.deliver_look(audit.look).await;
        measured(&metrics::of_audit(&self.function, began, audit.missed, audit.oldest_untold, &pass));
    }

    /// The checker. Where the store cannot be opened the next event tries again.
    async fn checker(&self) -> Result<&Checker, Failure> {
        let open = async || {
            let telegram = Arc::clone(self.telegram().await?);
            let options = Options { wire: Some(self.wire.clone()), ..tables::options(&self.config) };
            let store = Arc::new(DynamoStore::open(options).await.map_err(|error| Failure::from(&error))?);
            let flow = serve::flow_over_tables(&self.config, store);
            let channel = telegram as Arc<dyn Channel>;
            let checker = Checker::new(flow, vec![channel]).map_err(anyhow::Error::from);
            let checker = checker.and_then(|checker| around::checker(&self.config, checker, Some(&self.wire)));
            checker.map_err(|error| Failure::bad_configuration(error.to_string()))
        };
        self.checker.get_or_try_init(open).await
    }

    async fn telegram(&self) -> Result<&Arc<SourcedTelegram>, Failure> {
        let open = async || match channel::sourced(&self.config, &self.wire).await {
            Ok(Some(telegram)) => Ok(Arc::new(telegram)),
            Ok(None) => Err(Failure::bad_configuration(format!(
                "nobody can be told: set {} and {} to the names of SSM parameters",
                variables::BOT_TOKEN_PARAM,
                variables::CHAT_ID_PARAM
            ))),
            Err(error) => Err(Failure::from(&error)),
        };
        self.telegram.get_or_try_init(open).await
    }

    /// Reads the secrets, if that was not done yet.
    async fn prepare(&self) {
        if let Ok(telegram) = self.telegram().await {
            // What it complains of is told by the first invocation.
            let _ = telegram.prepare().await;
        }
    }

    /// Asks Telegram about the settings, once, and while something is wrong with them: before there is an alert.
    async fn verify(&self, telegram: &SourcedTelegram) -> Result<(), Failure> {
        if self.verified.load(Ordering::Relaxed) && telegram.complaint().is_none() {
            return Ok(());
        }
        let verified = telegram.verify().await;
        self.verified.store(verified.is_ok(), Ordering::Relaxed);
        verified.map_err(|complaint| self.failure(&complaint))
    }

    fn failure(&self, complaint: &Complaint) -> Failure {
        match complaint {
            Complaint::Setting(text) => Failure::bad_configuration(channel::say_where(&self.config, text)),
            Complaint::Unavailable(text) => Failure::new(Kind::ParametersUnavailable, text),
        }
    }
}

/// What an invocation that ends at `deadline` must keep to.
fn bounds(now: Timestamp, deadline: Timestamp) -> Result<Bounds, Failure> {
    let look_until = deadline.minus(RESERVE);
    if look_until < now.plus(LEAST) {
        return Err(Failure::bad_configuration(format!(
            "the time-out of this function leaves {} s, and it needs {} s to look, to send and to settle: raise it",
            deadline.since(now).as_secs(),
            (RESERVE + LEAST).as_secs()
        )));
    }
    Ok(Bounds { look_until, send_until: deadline.minus(FOR_SETTLING) })
}

/// CloudWatch makes metrics of it. Nothing depends on it.
fn measured(line: &str) {
    let _ = say(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invocation_looks_until_its_reserve_and_sends_until_it_must_settle() {
        let now = Timestamp::from_secs(1_795_402_800);
        let within = bounds(now, now.plus(Duration::from_secs(65))).unwrap();
        assert_eq!(within.look_until, now.plus(Duration::from_secs(50)));
        assert_eq!(within.send_until, now.plus(Duration::from_secs(62)));
    }

    #[test]
    fn a_time_out_that_leaves_no_time_to_send_is_refused_in_words() {
        let now = Timestamp::from_secs(1_795_402_800);
        for seconds in [0, 3, 19] {
            let refused = bounds(now, now.plus(Duration::from_secs(seconds))).unwrap_err();
            assert_eq!(refused.kind, Kind::BadConfiguration);
            assert!(refused.text.contains(&format!("leaves {seconds} s, and it needs 20 s")), "{}", refused.text);
        }
        assert!(bounds(now, now.plus(Duration::from_secs(20))).is_ok());
    }
}
