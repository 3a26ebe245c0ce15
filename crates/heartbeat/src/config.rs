//! The settings of a process, read once through a lookup, all mistakes reported together, secrets hidden in `Debug`.

mod alerts;
mod around;
mod kept;

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use heartbeat_api::{Gathering, ProcessMetrics};
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
    /// What ping URLs begin with, without a slash at its end.
    pub(crate) base_url: Option<String>,
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
    /// Who may see the figures of the process.
    /// How pings of one monitor are gathered that come faster than any job needs.
    pub(crate) gathering: Option<Gathering>,
    pub(crate) process_metrics: ProcessMetrics,
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
            base_url: around::base_url(&mut reader),
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
            gathering: reader.parse(name::PINGS_PER_MINUTE, gathering).unwrap_or_else(|| Some(Gathering::default())),
            process_metrics: reader.parse(name::METRICS_PUBLIC, process_metrics).unwrap_or_default(),
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

fn gathering(text: &str) -> Result<Option<Gathering>, String> {
    let pings: u32 = text.parse().map_err(|_| format!("it is a number of pings, or 0, not {text:?}"))?;
    Ok((pings > 0).then(|| Gathering::from_pings_per_minute(pings)))
}

fn process_metrics(text: &str) -> Result<ProcessMetrics, String> {
    match text {
        "true" => Ok(ProcessMetrics::Public),
        "false" => Ok(ProcessMetrics::WithKey),
        other => Err(format!("it is true or false, not {other:?}")),
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
mod tests;
