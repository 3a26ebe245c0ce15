//! What a start says to the person who started it: where everything is, whom alerts reach, and how to get a key.

use std::{net::SocketAddr, path::Path, time::Duration};

use heartbeat_core::{Store, key::ApiKey};

use crate::{
    config::{Alerts, Config, Program},
    database, keys, say, tables, variables,
};

/// Below this a write that is held up may be overtaken.
const SHORT_SETTLE: Duration = Duration::from_secs(3);
/// Whether there is a key is worth no more than this: a start that waits for advice would be worse.
const FOR_ADVICE: Duration = Duration::from_secs(3);

/// Says where everything is, and gives the first key where there is none.
pub(super) async fn over_a_file(
    config: &Config,
    file: &Path,
    bound: SocketAddr,
    store: &dyn Store,
) -> anyhow::Result<()> {
    let (address, kept) = (format!("http://{bound}"), database::absolute(file));
    say(&format!("Heartbeat listens on {address} and keeps everything in {}.", kept.display()))?;
    whom_alerts_reach(config)?;
    if config.settings.settle < SHORT_SETTLE {
        tracing::warn!(
            "{} is below 3s: a ping that a slow disk holds up may be announced as missed",
            variables::SETTLE
        );
    }
    if keys::given(store).await?.is_empty() {
        keys::give_first(store, |key| show_first_key(&address, key)).await?;
    }
    Ok(())
}

/// Says where the API is.
pub(super) fn over_tables(config: &Config, bound: SocketAddr) -> anyhow::Result<()> {
    let names = tables::names(config);
    say(&format!("Heartbeat listens on http://{bound} and keeps everything in the DynamoDB tables {names}."))?;
    match config.program {
        Program::Api => Ok(say("It tells nobody: `heartbeat-checker` over the same tables does.")?),
        Program::Heartbeat | Program::Checker => whom_alerts_reach(config),
    }
}

/// Says what the checker looks at.
pub(super) fn of_the_checker(config: &Config) -> anyhow::Result<()> {
    say(&format!("Heartbeat watches what is in the DynamoDB tables {}.", tables::names(config)))?;
    whom_alerts_reach(config)
}

/// Says how to make a key where there is none. It makes none: several instances may start at once.
pub(super) async fn about_keys(store: &dyn Store) -> anyhow::Result<()> {
    let none = match tokio::time::timeout(FOR_ADVICE, keys::given(store)).await {
        Ok(Ok(keys)) => keys.is_empty(),
        // So many that they are not read in time, or not for these credentials to read: others know.
        Ok(Err(_)) | Err(_) => false,
    };
    if none {
        say(
            "There is no API key yet. `heartbeat add-api-key --description \"my service\"` makes one, with the same settings.",
        )?;
    }
    Ok(())
}

fn whom_alerts_reach(config: &Config) -> anyhow::Result<()> {
    match &config.alerts {
        Alerts::Telegram(_) | Alerts::Parameters(_) => say("Alerts go to Telegram.")?,
        Alerts::Terminal => say(&format!(
            "Alerts go to this terminal. For Telegram, set {} and {}.",
            variables::BOT_TOKEN,
            variables::CHAT_ID
        ))?,
    }
    Ok(())
}

fn show_first_key(address: &str, key: &ApiKey) -> anyhow::Result<()> {
    let key = key.reveal();
    let bearer = format!("-H \"Authorization: Bearer {key}\"");
    let lines = [
        String::new(),
        "Your first API key, shown this once:".to_owned(),
        String::new(),
        format!("  {key}"),
        String::new(),
        "Say that a job is alive, and is to be so again within 5 minutes:".to_owned(),
        format!("  curl {bearer} \"{address}/heartbeat/nightly-backup?interval=5m\""),
        "Say that it failed:".to_owned(),
        format!("  curl -X POST {bearer} \"{address}/heartbeat/nightly-backup/fail\""),
        "See how everything is:".to_owned(),
        format!("  curl {bearer} \"{address}/monitors\""),
        String::new(),
    ];
    lines.iter().try_for_each(|line| say(line))?;
    Ok(())
}
