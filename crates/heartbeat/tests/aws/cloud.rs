//! The cloud of one test: a ministack of its own, spoken to as AWS is, over HTTP and in AWS's own protocols.

use std::{
    ffi::OsString,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use tempfile::TempDir;

/// What ministack is asked to be; nothing else answers.
const SERVICES: &str = "dynamodb,ssm,lambda,scheduler,sqs,sns,iam,logs,monitoring,sts";

/// A cloud with one account and one region, empty at first. Dropping it ends everything in it.
pub(crate) struct Cloud {
    process: Child,
    /// Functions are unpacked in it.
    _folder: TempDir,
    client: Client,
    pub(crate) url: String,
    pub(crate) account: String,
    pub(crate) region: String,
}

impl Cloud {
    /// Starts it. Ministack takes an access key of twelve digits as the account.
    pub(crate) fn start(account: &str, region: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let packages =
            root().join(setting("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into())).join("tools/ministack");
        assert!(packages.exists(), "{} is missing: `scripts/test.sh tools` installs it", packages.display());
        let mut python = Command::new("python3");
        python.args(["-I", "-S"]).arg(root().join("tools/ministack.py")).arg(packages).arg(SERVICES);
        python.env("TMPDIR", folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = python.spawn().unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        let cloud = Self {
            process,
            _folder: folder,
            client,
            url: url.trim_end().to_owned(),
            account: account.to_owned(),
            region: region.to_owned(),
        };
        assert!(!cloud.url.is_empty(), "ministack ended without saying where it listens");
        cloud
    }

    /// Asks a service that speaks JSON, where the target names the action, and is answered well.
    pub(crate) async fn json(&self, service: &str, target: &str, body: &Value) -> Value {
        let request = self.request(service, Method::POST, "/").header("x-amz-target", target);
        let request = request.header("content-type", "application/x-amz-json-1.1").body(body.to_string());
        parsed(&answered(target, request).await)
    }

    /// The same of one that speaks REST.
    pub(crate) async fn rest(&self, service: &str, method: Method, path: &str, body: &Value) -> Value {
        let request = self.request(service, method, path).header("content-type", "application/json");
        parsed(&answered(path, request.body(body.to_string())).await)
    }

    /// The same of one that speaks forms and XML.
    pub(crate) async fn form(&self, service: &str, version: &str, action: &str, fields: &[(String, String)]) -> String {
        let mut form = format!("Action={action}&Version={version}");
        for (name, value) in fields {
            form = format!("{form}&{}={}", escaped(name), escaped(value));
        }
        let request = self.request(service, Method::POST, "/");
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        answered(action, request).await
    }

    /// The processes that run `function` now: its instances.
    pub(crate) fn instances(&self, function: &str) -> Vec<u32> {
        let own = format!("AWS_LAMBDA_FUNCTION_NAME={function}");
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap();
        let lists = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("children")).ok());
        let children: Vec<u32> =
            lists.flat_map(|list| list.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<_>>()).collect();
        let is_one = |id: &u32| {
            let environment = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == own.as_bytes())
        };
        children.into_iter().filter(is_one).collect()
    }

    /// Ministack believes a signature without looking at it, and takes account, region and service from it.
    pub(crate) fn request(&self, service: &str, method: Method, path: &str) -> RequestBuilder {
        let scope = format!("{}/20260101/{}/{service}/aws4_request", self.account, self.region);
        let signature = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        self.client.request(method, format!("{}{path}", self.url)).header("authorization", signature)
    }
}

impl Drop for Cloud {
    /// Its end of standard input is all that it waits for: it ends the functions as well.
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

async fn answered(what: &str, request: RequestBuilder) -> String {
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{what}: {status} {text}");
    text
}

fn parsed(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { serde_json::from_str(text).unwrap() }
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The folder of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[expect(clippy::disallowed_methods, reason = "test harnesses have no Config; this is their one way in")]
pub(crate) fn setting(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
