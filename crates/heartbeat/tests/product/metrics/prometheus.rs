//! Prometheus's own reading of texts, queries and rules: tools/prometheus.py with the packages that `scripts/test.sh tools`
//! installs.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command};

use crate::patience::{SOON, within};

/// What was read.
pub(crate) struct Reader {
    pub(crate) expositions: Vec<Vec<Family>>,
    /// First those that were asked about, then those of the rules.
    pub(crate) queries: Vec<Query>,
}

pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) samples: Vec<Sample>,
}

pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
}

pub(crate) struct Query {
    pub(crate) text: String,
    pub(crate) error: Option<String>,
    pub(crate) metrics: Vec<Selected>,
    pub(crate) grouped_by: Vec<String>,
}

pub(crate) struct Selected {
    pub(crate) name: String,
    pub(crate) matchers: Vec<Matcher>,
}

pub(crate) struct Matcher {
    pub(crate) label: String,
    pub(crate) text: String,
    /// Whether a sample that was printed has such a label; `true` where that depends on who asks.
    pub(crate) matches: bool,
}

impl Reader {
    /// Reads them. Not skipped where the packages are missing: what nobody has read is not proven.
    pub(crate) async fn read(expositions: &[String], queries: &[String], rules: &str) -> Self {
        let packages = tools_folder().join("prometheus");
        assert!(packages.exists(), "{} is missing: `scripts/test.sh tools` installs it", packages.display());
        let mut python = Command::new("python3");
        python.args(["-I", "-S"]).arg(root().join("tools/prometheus.py")).arg(packages).kill_on_drop(true);
        let mut process = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let asked = json!({"expositions": expositions, "queries": queries, "rules": rules}).to_string();
        process.stdin.take().unwrap().write_all(asked.as_bytes()).await.unwrap();
        let output = within(SOON, "what Prometheus reads", process.wait_with_output()).await.unwrap();
        assert!(output.status.success(), "the text format is broken: see above");
        let read: Value = serde_json::from_slice(&output.stdout).unwrap();
        Self {
            expositions: list(&read["expositions"], |one| list(one, family)),
            queries: list(&read["queries"], query),
        }
    }
}

fn family(value: &Value) -> Family {
    Family { kind: text(&value["type"]), help: text(&value["help"]), samples: list(&value["samples"], sample) }
}

fn sample(value: &Value) -> Sample {
    let labels = value["labels"].as_object().unwrap().iter().map(|(name, value)| (name.clone(), text(value)));
    Sample { name: text(&value["name"]), labels: labels.collect() }
}

fn query(value: &Value) -> Query {
    Query {
        text: text(&value["query"]),
        error: value["error"].as_str().map(ToOwned::to_owned),
        metrics: list(&value["metrics"], |one| Selected {
            name: text(&one["name"]),
            matchers: list(&one["matchers"], |one| Matcher {
                label: text(&one["label"]),
                text: text(&one["text"]),
                matches: one["matches"].as_bool().unwrap(),
            }),
        }),
        grouped_by: list(&value["grouped_by"], text),
    }
}

fn list<T>(value: &Value, each: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().unwrap().iter().map(each).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Where `scripts/tools.sh` installs: it reads the same variable, from the root as well.
fn tools_folder() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "test harnesses have no Config; this is their one way in")]
    let target = std::env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty());
    root().join(target.unwrap_or_else(|| "target".into())).join("tools")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
