//! The command line of definitions: of one monitor, and of all in one document.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What a document is for.
pub(super) const DOCUMENTS: &str = "\
Examples:
  heartbeat export monitors.yaml
      Writes the definitions of all monitors of the key's project, without anything secret: for a repository.
  heartbeat import monitors.yaml --dry-run
      Says what would be different, and changes nothing. A key with the scope read will do.
  heartbeat import monitors.yaml
      Makes what is new, and changes what differs. Again, it changes nothing.
  heartbeat import monitors.yaml --prune
      The same, and deletes the monitors that the file does not name.

Both ask the API at HEARTBEAT_URL with HEARTBEAT_API_KEY. Exit code 0: it is so; 1: the document was refused, or some of its \
monitors were. docs/import-export.md has the format.";

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileFormat {
    /// For people.
    Yaml,
    /// For programs.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Where it is written (default: standard output).
    pub(crate) file: Option<PathBuf>,
    /// How (default: as the file's name says, or else YAML).
    #[arg(long)]
    pub(crate) format: Option<FileFormat>,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// What is read; - is standard input.
    pub(crate) file: PathBuf,
    /// How it is written (default: as the file's name says, or else YAML).
    #[arg(long)]
    pub(crate) format: Option<FileFormat>,
    /// Changes nothing, and only says what would be different.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Deletes the project's monitors that the document does not name.
    #[arg(long)]
    pub(crate) prune: bool,
}

/// What is wanted of a monitor. What is not given is as it was, or as it is without it.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// What it is called, where its slug does not say enough.
    #[arg(long)]
    name: Option<String>,
    /// What it is for, and what to do when it fails.
    #[arg(long)]
    description: Option<String>,
    /// Words to find and group it by: --tag db,prod.
    #[arg(long = "tag", value_name = "TAG", value_delimiter = ',')]
    tags: Vec<String>,
    /// How often it pings: 5m, 1h, 1d.
    #[arg(long, value_name = "DURATION")]
    interval: Option<String>,
    /// When it pings, instead: "30 2 * * *" or @daily.
    #[arg(long, value_name = "LINE")]
    cron: Option<String>,
    /// The time zone of the cron line: Europe/Berlin.
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// How much later its pings may come.
    #[arg(long, value_name = "DURATION")]
    grace: Option<String>,
    /// The longest that a run may take.
    #[arg(long, value_name = "DURATION")]
    max_runtime: Option<String>,
    /// How many failures in a row open an incident.
    #[arg(long, value_name = "N")]
    failure_threshold: Option<u32>,
    /// How often to remind while it is overdue: never, or 6h.
    #[arg(long, value_name = "DURATION")]
    remind_every: Option<String>,
    /// Whether a ping resumes it when it is paused.
    #[arg(long, value_name = "true|false")]
    resume_on_ping: Option<bool>,
    /// The only channels that are told of it: --channel ops,mail.
    #[arg(long = "channel", value_name = "NAME", value_delimiter = ',')]
    channels: Vec<String>,
    /// Takes fields away again: --unset name,max-runtime.
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    unset: Vec<Unset>,
}

/// A field that can be without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Unset {
    Name,
    Description,
    Tags,
    MaxRuntime,
    RemindEvery,
    Channels,
}

impl Wanted {
    /// The fields that are given, as the API takes them.
    pub(crate) fn fields(&self) -> serde_json::Map<String, serde_json::Value> {
        let list = |values: &[String]| (!values.is_empty()).then(|| values.into());
        let text = |value: &Option<String>| value.as_deref().map(Into::into);
        let given = [
            ("name", text(&self.name)),
            ("description", text(&self.description)),
            ("tags", list(&self.tags)),
            ("interval", text(&self.interval)),
            ("cron", text(&self.cron)),
            ("timezone", text(&self.timezone)),
            ("grace", text(&self.grace)),
            ("max_runtime", text(&self.max_runtime)),
            ("failure_threshold", self.failure_threshold.map(Into::into)),
            ("remind_every", text(&self.remind_every)),
            ("resume_on_ping", self.resume_on_ping.map(Into::into)),
            ("channels", list(&self.channels)),
        ];
        let given = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        given.chain(self.unset.iter().copied().map(Unset::field)).collect()
    }
}

impl Unset {
    fn field(self) -> (String, serde_json::Value) {
        let (name, value) = match self {
            Self::Name => ("name", serde_json::Value::Null),
            Self::Description => ("description", serde_json::Value::Null),
            Self::Tags => ("tags", serde_json::json!([])),
            Self::MaxRuntime => ("max_runtime", serde_json::Value::Null),
            Self::RemindEvery => ("remind_every", serde_json::Value::Null),
            Self::Channels => ("channels", serde_json::Value::Null),
        };
        (name.to_owned(), value)
    }
}
