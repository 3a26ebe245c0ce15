//! The settings of a process, read once through a lookup, all mistakes reported together, secrets hidden in `Debug`.

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use heartbeat_core::{
    Grace, Interval, Reminders, flow::Settings, interval::parse_seconds, key::ApiKey, reminder::Pace,
};
use heartbeat_notify::{
    TelegramSettings,
    telegram::{ApiUrl, BotToken, Chat, DEFAULT_TIME_OUT},
};

use crate::variables as name;

/// The settle time of the embedded store: longer than the 2 s after which the API gives up on a ping's write.
const DEFAULT_SETTLE: Duration = Duration::from_secs(3);
/// A settle time above this would be a grace.
const MAX_SETTLE_S: u64 = 300;
const DEFAULT_RETENTION_S: u64 = 30 * 86_400;

/// What is wrong with the environment: everything at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistakes(Vec<String>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the settings have mistakes, nothing was started:")?;
        self.0.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
    }
}

impl std::error::Error for Mistakes {}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Auto,
    Json,
    Text,
}

/// The settings. (`Debug` hides the secrets: each of their types does.)
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) bind: SocketAddr,
    pub(crate) database: PathBuf,
    pub(crate) telegram: Option<TelegramSettings>,
    pub(crate) check_interval: Duration,
    pub(crate) settings: Settings,
    pub(crate) retention: Duration,
    pub(crate) trusted_proxies: usize,
    pub(crate) log_format: LogFormat,
    pub(crate) log_filter: String,
    pub(crate) server: String,
    pub(crate) api_key: Option<ApiKey>,
}

type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads variables, and gathers what is wrong with them.
struct Reader<'a> {
    lookup: Lookup<'a>,
    mistakes: Vec<String>,
}

impl Reader<'_> {
    /// The value of a variable; one that is set to nothing is not set.
    fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The parsed value; `None` when it is not set or is a mistake, which is then noted.
    fn parse<T, E: fmt::Display>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, E>) -> Option<T> {
        match parse(&self.text(name)?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.mistakes.push(format!("{name}: {error}"));
                None
            }
        }
    }

    fn seconds(&mut self, name: &str, range: std::ops::RangeInclusive<u64>, default: u64) -> u64 {
        let parse = |text: &str| {
            let seconds = parse_seconds(text).map_err(|error| error.to_string())?;
            if range.contains(&seconds) {
                return Ok(seconds);
            }
            Err(format!("it is from {} to {} seconds, not {text:?}", range.start(), range.end()))
        };
        self.parse(name, parse).unwrap_or(default)
    }
}

impl Config {
    /// The settings that `lookup` gives, or everything that is wrong with them.
    pub(crate) fn from_lookup(lookup: Lookup<'_>) -> Result<Self, Mistakes> {
        let mut reader = Reader { lookup, mistakes: Vec::new() };
        let address = |text: &str| {
            text.parse().map_err(|_| format!("{text:?} is not an address and port such as 127.0.0.1:3000"))
        };
        let config = Self {
            bind: reader.parse(name::BIND_ADDR, address).unwrap_or_else(|| ([127, 0, 0, 1], 3000).into()),
            database: reader.text(name::DATABASE).unwrap_or_else(|| "heartbeat.db".to_owned()).into(),
            telegram: telegram(&mut reader),
            check_interval: Duration::from_secs(reader.seconds(name::CHECK_INTERVAL, 1..=3_600, 30)),
            settings: settings(&mut reader),
            retention: Duration::from_secs(reader.seconds(name::RETENTION, 3_600..=u64::MAX / 2, DEFAULT_RETENTION_S)),
            trusted_proxies: reader
                .parse(name::TRUSTED_PROXIES, |text| text.parse().map_err(|_| format!("{text:?} is not a number")))
                .unwrap_or(0),
            log_format: reader.parse(name::LOG_FORMAT, log_format).unwrap_or(LogFormat::Auto),
            log_filter: reader.parse(name::RUST_LOG, crate::logging::check_filter).unwrap_or_else(|| "info".to_owned()),
            server: reader.text(name::SERVER).unwrap_or_else(|| "http://127.0.0.1:3000".to_owned()),
            api_key: reader.parse(name::API_KEY, ApiKey::parse),
        };
        if reader.mistakes.is_empty() { Ok(config) } else { Err(Mistakes(reader.mistakes)) }
    }
}

fn telegram(reader: &mut Reader<'_>) -> Option<TelegramSettings> {
    let token = reader.parse(name::BOT_TOKEN, BotToken::parse);
    let chat = reader.parse(name::CHAT_ID, Chat::parse);
    let api_url = reader.parse(name::API_URL, ApiUrl::parse).unwrap_or_default();
    let is_set = |name| reader.text(name).is_some();
    for (one, other) in [(name::BOT_TOKEN, name::CHAT_ID), (name::CHAT_ID, name::BOT_TOKEN)] {
        if is_set(one) && !is_set(other) {
            reader.mistakes.push(format!("{other}: it is missing, and {one} alone does nothing"));
            break;
        }
    }
    Some(TelegramSettings { token: token?, chat: chat?, api_url, time_out: DEFAULT_TIME_OUT })
}

fn settings(reader: &mut Reader<'_>) -> Settings {
    let every = reader.seconds(name::REMIND_EVERY, 0..=365 * 86_400, 3_600);
    let pace = |text: &str| match text {
        "easing" => Ok(Pace::Easing),
        "steady" => Ok(Pace::Steady),
        other => Err(format!("it is easing or steady, not {other:?}")),
    };
    Settings {
        settle: Duration::from_secs(reader.seconds(name::SETTLE, 0..=MAX_SETTLE_S, DEFAULT_SETTLE.as_secs())),
        reminders: Reminders {
            every: (every > 0).then(|| Duration::from_secs(every)),
            pace: reader.parse(name::REMIND_PACE, pace).unwrap_or(Pace::Easing),
        },
        interval: Interval::DEFAULT,
        grace: reader.parse(name::DEFAULT_GRACE, Grace::parse).unwrap_or(Grace::DEFAULT),
    }
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "auto" => Ok(LogFormat::Auto),
        "json" => Ok(LogFormat::Json),
        "text" => Ok(LogFormat::Text),
        other => Err(format!("it is auto, json or text, not {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variables: &[(&str, &str)]) -> Result<Config, Mistakes> {
        let find = |name: &str| variables.iter().find(|v| v.0 == name).map(|v| v.1.to_owned());
        Config::from_lookup(&find)
    }

    #[test]
    fn an_empty_environment_gives_the_documented_defaults() {
        let config = config(&[]).unwrap();
        for name::Variable { name: variable, default, .. } in &name::ALL {
            let set = self::config(&[(variable, default)]).unwrap();
            assert_eq!(format!("{set:?}"), format!("{config:?}"), "{variable}");
        }
        assert!(config.telegram.is_none());
    }

    #[test]
    fn all_mistakes_are_told_together() {
        let mistakes = config(&[
            ("BIND_ADDR", "nowhere"),
            ("TELEGRAM_BOT_TOKEN", "123456:a-secret"),
            ("TELEGRAM_API_URL", "ftp://x"),
            ("HEARTBEAT_CHECK_INTERVAL", "0"),
            ("HEARTBEAT_SETTLE", "1h"),
            ("HEARTBEAT_DEFAULT_GRACE", "soon"),
            ("HEARTBEAT_REMIND_PACE", "often"),
            ("HEARTBEAT_LOG_FORMAT", "xml"),
            ("HEARTBEAT_API_KEY", "hb_not_a_key"),
            ("RUST_LOG", "heartbeat=loud=er"),
        ])
        .unwrap_err();
        assert_eq!(mistakes.0.len(), 10, "{mistakes}");
        let text = mistakes.to_string();
        assert!(!text.contains("a-secret") && !text.contains("hb_not_a_key"), "{text}");
        assert!(text.contains("TELEGRAM_CHAT_ID: it is missing"), "{text}");
    }

    #[test]
    fn no_secret_shows_in_debug() {
        let key = ApiKey::from_random([0xAB; 32]);
        let config = config(&[
            ("TELEGRAM_BOT_TOKEN", "123456:a-secret"),
            ("TELEGRAM_CHAT_ID", "-100"),
            ("HEARTBEAT_API_KEY", key.reveal()),
        ])
        .unwrap();
        let text = format!("{config:?}");
        assert!(!text.contains("a-secret") && !text.contains("abab"), "{text}");
    }

    #[test]
    fn the_specifications_behaviour_is_a_setting_away() {
        let config =
            config(&[("HEARTBEAT_DEFAULT_GRACE", "0"), ("HEARTBEAT_SETTLE", "0"), ("HEARTBEAT_REMIND_PACE", "steady")])
                .unwrap();
        assert_eq!((config.settings.grace, config.settings.settle), (Grace::ZERO, Duration::ZERO));
        assert_eq!(config.settings.reminders.pace, Pace::Steady);
    }
}
