//! The environment variables: one list that the program, its help and the README's table are made from.

/// A variable.
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    /// What holds when it is not set; empty = nothing does.
    pub(crate) default: &'static str,
    pub(crate) meaning: &'static str,
}

pub(crate) const BIND_ADDR: &str = "BIND_ADDR";
pub(crate) const DATABASE: &str = "HEARTBEAT_DB";
pub(crate) const STORE: &str = "HEARTBEAT_STORE";
pub(crate) const REGION: &str = "AWS_REGION";
pub(crate) const ENDPOINT: &str = "AWS_ENDPOINT_URL_DYNAMODB";
pub(crate) const BOT_TOKEN: &str = "TELEGRAM_BOT_TOKEN";
pub(crate) const CHAT_ID: &str = "TELEGRAM_CHAT_ID";
pub(crate) const BOT_TOKEN_PARAM: &str = "TELEGRAM_BOT_TOKEN_PARAM";
pub(crate) const CHAT_ID_PARAM: &str = "TELEGRAM_CHAT_ID_PARAM";
pub(crate) const API_URL: &str = "TELEGRAM_API_URL";
pub(crate) const ALLOW_PRIVATE_ADDRESSES: &str = "HEARTBEAT_ALLOW_PRIVATE_ADDRESSES";
pub(crate) const OUTAGE_HOLD: &str = "HEARTBEAT_OUTAGE_HOLD";
pub(crate) const OUTBOUND_URL: &str = "HEARTBEAT_OUTBOUND_URL";
pub(crate) const CANARY_URL: &str = "HEARTBEAT_CANARY_URL";
pub(crate) const CANARY_KEY: &str = "HEARTBEAT_CANARY_KEY";
pub(crate) const CANARY_KEY_PARAM: &str = "HEARTBEAT_CANARY_KEY_PARAM";
pub(crate) const CHECK_INTERVAL: &str = "HEARTBEAT_CHECK_INTERVAL";
pub(crate) const SETTLE: &str = "HEARTBEAT_SETTLE";
pub(crate) const DEFAULT_GRACE: &str = "HEARTBEAT_DEFAULT_GRACE";
pub(crate) const REMIND_EVERY: &str = "HEARTBEAT_REMIND_EVERY";
pub(crate) const REMIND_PACE: &str = "HEARTBEAT_REMIND_PACE";
pub(crate) const BASE_URL: &str = "HEARTBEAT_BASE_URL";
pub(crate) const METRICS_PUBLIC: &str = "HEARTBEAT_METRICS_PUBLIC";
pub(crate) const RETENTION: &str = "HEARTBEAT_RETENTION";
pub(crate) const PING_LOG: &str = "PING_LOG";
pub(crate) const PINGS_PER_MINUTE: &str = "HEARTBEAT_PINGS_PER_MINUTE";
pub(crate) const TRUSTED_PROXIES: &str = "HEARTBEAT_TRUSTED_PROXIES";
pub(crate) const LOG_FORMAT: &str = "HEARTBEAT_LOG_FORMAT";
pub(crate) const RUST_LOG: &str = "RUST_LOG";
pub(crate) const SERVER: &str = "HEARTBEAT_URL";
pub(crate) const API_KEY: &str = "HEARTBEAT_API_KEY";

/// Lambda sets it: where the events are. (Not one of ours to set, so not in the list.)
pub(crate) const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";
/// Lambda sets it: what the function is called.
pub(crate) const FUNCTION_NAME: &str = "AWS_LAMBDA_FUNCTION_NAME";

/// All of them, in the order in which a reader needs them.
pub(crate) const ALL: [Variable; 39] = [
    Variable {
        name: BIND_ADDR,
        default: "127.0.0.1:3000",
        meaning: "Listen address of `heartbeat serve`; `heartbeat-api` listens on `0.0.0.0:3000`",
    },
    Variable {
        name: STORE,
        default: "",
        meaning: "Where everything is kept: `sqlite` or `dynamodb`; when it is not set, `dynamodb` if one of the tables below is named, else `sqlite`",
    },
    Variable { name: DATABASE, default: "heartbeat.db", meaning: "File of the embedded store" },
    Variable { name: "MONITORS_TABLE", default: "heartbeat-monitors", meaning: "DynamoDB table of monitors" },
    Variable { name: "KEYS_TABLE", default: "heartbeat-api-keys", meaning: "DynamoDB table of API keys" },
    Variable { name: "EVENTS_TABLE", default: "heartbeat-events", meaning: "DynamoDB table of history" },
    Variable {
        name: "DIRECTORY_TABLE",
        default: "heartbeat-directory",
        meaning: "DynamoDB table of what processes share",
    },
    Variable {
        name: "HEARTBEAT_TABLE_NAME",
        default: "heartbeat-monitors",
        meaning: "Another name of `MONITORS_TABLE`, which comes first",
    },
    Variable {
        name: "HEARTBEAT_API_KEYS_TABLE_NAME",
        default: "heartbeat-api-keys",
        meaning: "Another name of `KEYS_TABLE`, which comes first",
    },
    Variable { name: REGION, default: "", meaning: "AWS region of the tables, such as `eu-north-1`" },
    Variable {
        name: "AWS_ACCESS_KEY_ID",
        default: "",
        meaning: "AWS credentials; a profile (`AWS_PROFILE`) or a role of the machine does as well",
    },
    Variable { name: "AWS_SECRET_ACCESS_KEY", default: "", meaning: "AWS credentials" },
    Variable {
        name: ENDPOINT,
        default: "",
        meaning: "Another place that speaks DynamoDB's protocol; `AWS_ENDPOINT_URL` does as well",
    },
    Variable {
        name: BOT_TOKEN,
        default: "",
        meaning: "Telegram bot token, from @BotFather; without it alerts go to the terminal",
    },
    Variable {
        name: CHAT_ID,
        default: "",
        meaning: "Telegram chat that is told: a number, or `@name` of a public channel",
    },
    Variable {
        name: BOT_TOKEN_PARAM,
        default: "",
        meaning: "SSM parameter (`SecureString`) that holds the bot token, instead of `TELEGRAM_BOT_TOKEN`; it is read again when Telegram does not know the token any more",
    },
    Variable {
        name: CHAT_ID_PARAM,
        default: "",
        meaning: "SSM parameter that holds the chat, instead of `TELEGRAM_CHAT_ID`",
    },
    Variable { name: API_URL, default: "https://api.telegram.org", meaning: "Address of the Bot API" },
    Variable {
        name: ALLOW_PRIVATE_ADDRESSES,
        default: "false",
        meaning: "Whether the channels of projects may reach addresses of private networks and of this machine: `true` or `false`",
    },
    Variable {
        name: CHECK_INTERVAL,
        default: "30",
        meaning: "Longest sleep of the checker, in seconds; what is due earlier wakes it earlier. On DynamoDB `10`: there nobody wakes it for a ping that failed",
    },
    Variable {
        name: SETTLE,
        default: "3s",
        meaning: "How long past due the checker waits for a ping that is on its way, in whole seconds; `0` = it waits for none, and a slow disk can make a false alert. On DynamoDB `10s`: all processes share what the first of them proposed (`heartbeat settings` shows it)",
    },
    Variable {
        name: DEFAULT_GRACE,
        default: "1m",
        meaning: "Grace of a monitor whose first ping carries none; `0` = the specification's behaviour",
    },
    Variable { name: REMIND_EVERY, default: "1h", meaning: "How often an overdue monitor is repeated; `0` = never" },
    Variable {
        name: REMIND_PACE,
        default: "easing",
        meaning: "`easing` = after a day every 6 h, after a week daily; `steady` = always as often",
    },
    Variable {
        name: OUTAGE_HOLD,
        default: "15m",
        meaning: "How long silence is held back while pings may not have been heard, before it is told as unconfirmed; at most `24h`, `0` = never",
    },
    Variable {
        name: OUTBOUND_URL,
        default: "",
        meaning: "Address that the checker calls after complete passes, at most each 30 s, so that another installation or service notices when it stops",
    },
    Variable {
        name: CANARY_URL,
        default: "",
        meaning: "Public address of the API, through which the checker pings to learn that pings can be heard",
    },
    Variable { name: CANARY_KEY, default: "", meaning: "API key of that ping" },
    Variable {
        name: CANARY_KEY_PARAM,
        default: "",
        meaning: "SSM parameter (`SecureString`) that holds it, instead of `HEARTBEAT_CANARY_KEY`",
    },
    Variable { name: RETENTION, default: "30d", meaning: "How long history is kept" },
    Variable {
        name: PING_LOG,
        default: "all",
        meaning: "Which pings history keeps: `all`, `notable` (the first, starts and ends of runs, failures, logs, late and odd ones, those with a body) or `none`; outages and what people do are always kept. On DynamoDB `notable`, where each row is a write more",
    },
    Variable {
        name: PINGS_PER_MINUTE,
        default: "60",
        meaning: "How many pings a minute, and at once, of one monitor are written each by itself; what is beyond waits a quarter of a second and is written together, and none is refused. `0`: all by themselves, as always on Lambda",
    },
    Variable {
        name: METRICS_PUBLIC,
        default: "false",
        meaning: "Whether `GET /metrics` shows the figures of the process (never the monitors) without a key: `true` or `false`",
    },
    Variable {
        name: BASE_URL,
        default: "",
        meaning: "Public address of the API, with which ping URLs begin; without it they begin with what a request was sent to",
    },
    Variable { name: TRUSTED_PROXIES, default: "0", meaning: "How many proxies of yours append to `X-Forwarded-For`" },
    Variable { name: LOG_FORMAT, default: "auto", meaning: "`json`, `text`, or `auto`: text on a terminal, else JSON" },
    Variable { name: RUST_LOG, default: "info", meaning: "Log level filter" },
    Variable {
        name: SERVER,
        default: "http://127.0.0.1:3000",
        meaning: "Address of the API, for `heartbeat monitors`, `export` and `import`",
    },
    Variable { name: API_KEY, default: "", meaning: "API key, for `heartbeat monitors`, `export` and `import`" },
];

/// A variable of the process.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(crate) fn from_environment(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// The list as `--help` shows it.
pub(crate) fn help() -> String {
    let width = ALL.iter().map(|variable| variable.name.len()).max().unwrap_or(0);
    let line = |Variable { name, default, meaning }: &Variable| {
        let default = if default.is_empty() { String::new() } else { format!(" [{default}]") };
        format!("  {name:width$}  {}{default}\n", meaning.replace('`', ""))
    };
    std::iter::once("Environment:\n".to_owned()).chain(ALL.iter().map(line)).collect()
}

#[cfg(test)]
mod tests {
    use heartbeat_core::dynamo::tables;

    use super::*;

    #[test]
    fn every_table_has_its_variables_with_its_name_as_their_default() {
        for table in &tables::ALL {
            for name in table.variables {
                let listed = ALL.iter().find(|variable| variable.name == *name).expect(name);
                assert_eq!(listed.default, table.name, "{name}");
            }
        }
    }

    #[test]
    fn the_readme_lists_every_variable_as_the_program_has_it() {
        let readme = include_str!("../../../README.md");
        for Variable { name, default, meaning } in &ALL {
            let default = if default.is_empty() { "--".to_owned() } else { format!("`{default}`") };
            let row = format!("| `{name}` | {default} | {meaning} |");
            assert!(readme.contains(&row), "README.md lacks the row\n{row}");
        }
    }
}
