//! The settings of a process, read once through a lookup, all mistakes reported together, secrets hidden in `Debug`.

mod alerts;
mod around;
mod kept;

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use heartbeat_core::{
    Grace, Interval, Reminders,
    dynamo::{Shared, TableNames},
    flow::Settings,
    history::PingLog,
    interval::parse_seconds,
    key::ApiKey,
    reminder::Pace,
};
use heartbeat_notify::{http::Network, telegram::ApiUrl};

pub(crate) use self::{
    alerts::{Alerts, TelegramParameters},
    around::{Address, Canary, CanaryKey},
    kept::Kept,
};
use crate::variables as name;

/// The settle time of the embedded store: longer than the 2 s after which the API gives up on a ping's write.
const DEFAULT_SETTLE: Duration = Duration::from_secs(3);
/// A settle time above this would be a grace.
const MAX_SETTLE_S: u64 = 300;
const DEFAULT_RETENTION_S: u64 = 30 * 86_400;
/// The longest sleep of a checker that writes in its process wake, and of one that nobody wakes.
const CHECK_INTERVAL_S: u64 = 30;
const CHECK_INTERVAL_OVER_TABLES_S: u64 = 10;

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

/// Which program asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// The all-in-one program.
    Heartbeat,
    /// `heartbeat-api`: pings and management, over tables.
    Api,
    /// `heartbeat-checker`: the checker, over tables.
    Checker,
}

impl Program {
    /// As it is called on a command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Heartbeat => "heartbeat",
            Self::Api => "heartbeat-api",
            Self::Checker => "heartbeat-checker",
        }
    }

    /// Where it listens when nobody says where: a container is reached from outside.
    fn usual_address(self) -> SocketAddr {
        match self {
            Self::Heartbeat | Self::Checker => ([127, 0, 0, 1], 3000).into(),
            Self::Api => ([0, 0, 0, 0], 3000).into(),
        }
    }
}

/// The settings. (`Debug` hides the secrets: each of their types does.)
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) program: Program,
    pub(crate) bind: SocketAddr,
    pub(crate) kept: Kept,
    pub(crate) tables: TableNames,
    /// Where the Bot API is.
    pub(crate) telegram_api: ApiUrl,
    pub(crate) alerts: Alerts,
    /// Which addresses the channels of projects may reach.
    pub(crate) network: Network,
    /// What is called after complete passes, at most each 30 s, so that somebody else notices when they stop.
    pub(crate) outbound_url: Option<Address>,
    /// How long silence is held while nobody can be heard; zero = it is not.
    pub(crate) outage_hold: Duration,
    /// How a checker learns that pings can be heard where no API runs all the time.
    pub(crate) canary: Option<Canary>,
    pub(crate) check_interval: Duration,
    /// The settle time that somebody has set. Over tables it is a proposal: what counts is what all have agreed on.
    pub(crate) proposed_settle: Option<Duration>,
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

    /// Notes a mistake that another variable is part of.
    fn complain(&mut self, name: &str, text: &str) {
        self.mistakes.push(format!("{name}: {text}"));
    }

    fn seconds(&mut self, name: &str, range: std::ops::RangeInclusive<u64>, default: u64) -> u64 {
        self.seconds_if_set(name, range).unwrap_or(default)
    }

    fn seconds_if_set(&mut self, name: &str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let parse = |text: &str| {
            let seconds = parse_seconds(text).map_err(|error| error.to_string())?;
            if range.contains(&seconds) {
                return Ok(seconds);
            }
            Err(format!("it is from {} to {} seconds, not {text:?}", range.start(), range.end()))
        };
        self.parse(name, parse)
    }
}

impl Config {
    /// The settings that `lookup` gives to `program`, or everything that is wrong with them. `file` is the store's, as the
    /// command line has it.
    pub(crate) fn from_lookup(program: Program, file: Option<PathBuf>, lookup: Lookup<'_>) -> Result<Self, Mistakes> {
        let mut reader = Reader { lookup, mistakes: Vec::new() };
        let address = |text: &str| {
            text.parse().map_err(|_| format!("{text:?} is not an address and port such as 127.0.0.1:3000"))
        };
        let kept = kept::read(&mut reader, program, file);
        let usual = Usual::of(&kept);
        let proposed_settle = reader.seconds_if_set(name::SETTLE, 0..=MAX_SETTLE_S).map(Duration::from_secs);
        let telegram_api = reader.parse(name::API_URL, ApiUrl::parse).unwrap_or_default();
        let config = Self {
            program,
            bind: reader.parse(name::BIND_ADDR, address).unwrap_or_else(|| program.usual_address()),
            kept,
            tables: kept::table_names(&mut reader),
            alerts: alerts::read(&mut reader, &telegram_api),
            telegram_api,
            network: around::network(&mut reader),
            outbound_url: around::outbound_url(&mut reader),
            outage_hold: around::outage_hold(&mut reader),
            canary: around::canary(&mut reader),
            check_interval: Duration::from_secs(reader.seconds(
                name::CHECK_INTERVAL,
                1..=3_600,
                usual.check_interval_s,
            )),
            proposed_settle,
            settings: settings(&mut reader, proposed_settle, &usual),
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

/// What holds where nobody says otherwise, by where everything is kept.
struct Usual {
    check_interval_s: u64,
    settle: Duration,
    ping_log: PingLog,
}

impl Usual {
    fn of(kept: &Kept) -> Self {
        match kept {
            Kept::InFile(_) => {
                Self { check_interval_s: CHECK_INTERVAL_S, settle: DEFAULT_SETTLE, ping_log: PingLog::All }
            }
            Kept::InTables => Self {
                check_interval_s: CHECK_INTERVAL_OVER_TABLES_S,
                settle: Shared::default().settle(),
                ping_log: PingLog::Notable,
            },
        }
    }
}

fn settings(reader: &mut Reader<'_>, settle: Option<Duration>, usual: &Usual) -> Settings {
    let every = reader.seconds(name::REMIND_EVERY, 0..=365 * 86_400, 3_600);
    let pace = |text: &str| match text {
        "easing" => Ok(Pace::Easing),
        "steady" => Ok(Pace::Steady),
        other => Err(format!("it is easing or steady, not {other:?}")),
    };
    let kept = |text: &str| PingLog::parse(text).ok_or_else(|| format!("it is all, notable or none, not {text:?}"));
    Settings {
        settle: settle.unwrap_or(usual.settle),
        reminders: Reminders {
            every: (every > 0).then(|| Duration::from_secs(every)),
            pace: reader.parse(name::REMIND_PACE, pace).unwrap_or(Pace::Easing),
        },
        interval: Interval::DEFAULT,
        grace: reader.parse(name::DEFAULT_GRACE, Grace::parse).unwrap_or(Grace::DEFAULT),
        ping_log: reader.parse(name::PING_LOG, kept).unwrap_or(usual.ping_log),
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
    use heartbeat_core::dynamo::tables;

    use super::*;

    fn config(variables: &[(&str, &str)]) -> Result<Config, Mistakes> {
        config_of(Program::Heartbeat, None, variables)
    }

    fn config_of(program: Program, file: Option<&str>, variables: &[(&str, &str)]) -> Result<Config, Mistakes> {
        let find = |name: &str| variables.iter().find(|v| v.0 == name).map(|v| v.1.to_owned());
        Config::from_lookup(program, file.map(Into::into), &find)
    }

    fn is_table(variable: &str) -> bool {
        tables::ALL.iter().any(|table| table.variables.contains(&variable))
    }

    #[test]
    fn an_empty_environment_gives_the_documented_defaults() {
        let config = config(&[]).unwrap();
        for name::Variable { name: variable, default, .. } in name::ALL.iter().filter(|one| !is_table(one.name)) {
            let set = self::config(&[(variable, default)]).unwrap();
            // That somebody has said so is all the difference.
            let set = Config { proposed_settle: config.proposed_settle, ..set };
            assert_eq!(format!("{set:?}"), format!("{config:?}"), "{variable}");
        }
        assert!(matches!(config.alerts, Alerts::Terminal));
    }

    #[test]
    fn all_mistakes_are_told_together() {
        let mistakes = config(&[
            ("BIND_ADDR", "nowhere"),
            ("TELEGRAM_BOT_TOKEN", "123456:a-secret"),
            ("TELEGRAM_API_URL", "ftp://x"),
            ("HEARTBEAT_CHECK_INTERVAL", "0"),
            ("HEARTBEAT_STORE", "postgres"),
            ("EVENTS_TABLE", "all events"),
            ("HEARTBEAT_SETTLE", "1h"),
            ("HEARTBEAT_DEFAULT_GRACE", "soon"),
            ("HEARTBEAT_REMIND_PACE", "often"),
            ("PING_LOG", "some"),
            ("HEARTBEAT_LOG_FORMAT", "xml"),
            ("HEARTBEAT_API_KEY", "hb_not_a_key"),
            ("RUST_LOG", "heartbeat=loud=er"),
            ("HEARTBEAT_OUTAGE_HOLD", "soon"),
            ("HEARTBEAT_OUTBOUND_URL", "nowhere"),
        ])
        .unwrap_err();
        assert_eq!(mistakes.0.len(), 15, "{mistakes}");
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
    fn the_checker_is_watched_over_only_when_somebody_says_so() {
        let plain = config(&[]).unwrap();
        assert_eq!((plain.network, plain.outage_hold), (Network::Public, Duration::from_mins(15)));
        assert!(plain.outbound_url.is_none() && plain.canary.is_none());
        let key = ApiKey::from_random([0xCD; 32]);
        let config = config(&[
            ("HEARTBEAT_ALLOW_PRIVATE_ADDRESSES", "true"),
            ("HEARTBEAT_OUTBOUND_URL", "https://user:a-secret@hc.example/a-secret?a-secret"),
            ("HEARTBEAT_OUTAGE_HOLD", "0"),
            ("HEARTBEAT_CANARY_URL", "https://heartbeat.example"),
            ("HEARTBEAT_CANARY_KEY", key.reveal()),
        ])
        .unwrap();
        assert_eq!((config.network, config.outage_hold), (Network::PrivateToo, Duration::ZERO));
        let text = format!("{config:?}");
        assert!(text.contains("https://hc.example/…"), "{text}");
        assert!(!text.contains("a-secret") && !text.contains("cdcd"), "{text}");
        assert!(config.outbound_url.unwrap().url().as_str().contains("a-secret"));
        assert!(matches!(config.canary.unwrap().key, CanaryKey::Here(there) if there.reveal() == key.reveal()));
    }

    #[test]
    fn what_is_around_the_checker_is_right_or_refused() {
        let key = ApiKey::from_random([0xCD; 32]);
        for (variables, said) in [
            (
                &[("HEARTBEAT_ALLOW_PRIVATE_ADDRESSES", "yes")][..],
                "HEARTBEAT_ALLOW_PRIVATE_ADDRESSES: it is true or false",
            ),
            (&[("HEARTBEAT_OUTBOUND_URL", "ftp://a-secret")], "HEARTBEAT_OUTBOUND_URL: it is no address"),
            (&[("HEARTBEAT_OUTBOUND_URL", "a-secret")], "HEARTBEAT_OUTBOUND_URL: it is no address"),
            (&[("HEARTBEAT_OUTAGE_HOLD", "25h")], "HEARTBEAT_OUTAGE_HOLD: it is from 0 to 86400 seconds"),
            (&[("HEARTBEAT_CANARY_URL", "https://a")], "HEARTBEAT_CANARY_KEY: it is missing"),
            (&[("HEARTBEAT_CANARY_KEY", key.reveal())], "HEARTBEAT_CANARY_URL: it is missing"),
            (&[("HEARTBEAT_CANARY_KEY_PARAM", "/heartbeat/canary")], "HEARTBEAT_CANARY_URL: it is missing"),
            (
                &[("HEARTBEAT_CANARY_URL", "https://a"), ("HEARTBEAT_CANARY_KEY", "hb_a-secret")],
                "HEARTBEAT_CANARY_KEY: ",
            ),
            (
                &[
                    ("HEARTBEAT_CANARY_URL", "https://a"),
                    ("HEARTBEAT_CANARY_KEY", key.reveal()),
                    ("HEARTBEAT_CANARY_KEY_PARAM", "/heartbeat/canary"),
                ],
                "HEARTBEAT_CANARY_KEY_PARAM: HEARTBEAT_CANARY_KEY is set as well",
            ),
        ] {
            let mistakes = config(variables).unwrap_err();
            assert!(mistakes.0.len() == 1 && mistakes.0[0].starts_with(said), "{mistakes}");
            assert!(!mistakes.to_string().contains("a-secret") && !mistakes.to_string().contains("cdcd"), "{mistakes}");
        }
        let named = [("HEARTBEAT_CANARY_URL", "https://a"), ("HEARTBEAT_CANARY_KEY_PARAM", "/heartbeat/canary")];
        let canary = config(&named).unwrap().canary.unwrap();
        assert!(matches!(canary.key, CanaryKey::Parameter(name) if name == "/heartbeat/canary"));
    }

    #[test]
    fn history_keeps_the_pings_that_it_is_told_to_keep() {
        for log in [PingLog::All, PingLog::Notable, PingLog::None] {
            assert_eq!(config(&[("PING_LOG", log.as_str())]).unwrap().settings.ping_log, log);
        }
    }

    #[test]
    fn the_specifications_behaviour_is_a_setting_away() {
        let config =
            config(&[("HEARTBEAT_DEFAULT_GRACE", "0"), ("HEARTBEAT_SETTLE", "0"), ("HEARTBEAT_REMIND_PACE", "steady")])
                .unwrap();
        assert_eq!((config.settings.grace, config.settings.settle), (Grace::ZERO, Duration::ZERO));
        assert_eq!(config.settings.reminders.pace, Pace::Steady);
    }

    #[test]
    fn what_is_named_says_where_everything_is_kept() {
        let file = |name: &str| Kept::InFile(name.into());
        for (variables, kept) in [
            (&[][..], file("heartbeat.db")),
            (&[("HEARTBEAT_DB", "my.db")], file("my.db")),
            (&[("AWS_REGION", "eu-north-1"), ("AWS_ACCESS_KEY_ID", "x")], file("heartbeat.db")),
            (&[("HEARTBEAT_STORE", "dynamodb")], Kept::InTables),
            (&[("HEARTBEAT_STORE", "dynamodb"), ("HEARTBEAT_DB", "my.db")], Kept::InTables),
            (&[("HEARTBEAT_STORE", "sqlite"), ("MONITORS_TABLE", "monitors")], file("heartbeat.db")),
            (&[("HEARTBEAT_STORE", " "), ("KEYS_TABLE", "keys")], Kept::InTables),
        ] {
            assert_eq!(config(variables).unwrap().kept, kept, "{variables:?}");
        }
        for table in &tables::ALL {
            for variable in table.variables {
                let config = config(&[(variable, "mine")]).unwrap();
                assert_eq!((config.kept, config.tables.of(table.role)), (Kept::InTables, "mine"), "{variable}");
            }
        }
        let named = config_of(Program::Heartbeat, Some("my.db"), &[("MONITORS_TABLE", "monitors")]).unwrap();
        assert_eq!(named.kept, file("my.db"), "the command line comes first");
    }

    #[test]
    fn two_places_to_keep_everything_are_a_mistake() {
        for (program, file, variables, said) in [
            (
                Program::Heartbeat,
                None,
                &[("HEARTBEAT_DB", "my.db"), ("KEYS_TABLE", "keys")][..],
                "HEARTBEAT_STORE: HEARTBEAT_DB names a file and KEYS_TABLE a table: say sqlite or dynamodb",
            ),
            (
                Program::Heartbeat,
                Some("my.db"),
                &[("HEARTBEAT_STORE", "dynamodb")],
                "--db: HEARTBEAT_STORE=dynamodb keeps everything in tables: leave one of them out",
            ),
            (
                Program::Checker,
                None,
                &[("HEARTBEAT_STORE", "sqlite")],
                "HEARTBEAT_STORE: heartbeat-checker works on DynamoDB; for one file, run `heartbeat serve`",
            ),
            (
                Program::Api,
                None,
                &[("MONITORS_TABLE", "one"), ("KEYS_TABLE", "one")],
                "KEYS_TABLE: MONITORS_TABLE names the same table, one: each needs one of its own",
            ),
        ] {
            assert_eq!(config_of(program, file, variables).unwrap_err().0, [said]);
        }
    }

    #[test]
    fn the_first_variable_that_names_a_table_counts() {
        let both = [("HEARTBEAT_TABLE_NAME", "second"), ("MONITORS_TABLE", "first")];
        assert_eq!(config(&both).unwrap().tables.monitors, "first");
    }

    #[test]
    fn over_tables_other_defaults_hold() {
        let tables = [("HEARTBEAT_STORE", "dynamodb")];
        let config = config_of(Program::Api, None, &[]).unwrap();
        assert_eq!(config.bind, ([0, 0, 0, 0], 3000).into());
        for config in [config, self::config(&tables).unwrap()] {
            assert_eq!((config.kept, config.tables), (Kept::InTables, TableNames::default()));
            assert_eq!((config.settings.settle, config.proposed_settle), (Duration::from_secs(10), None));
            assert_eq!((config.settings.ping_log, config.check_interval), (PingLog::Notable, Duration::from_secs(10)));
        }
    }
}
