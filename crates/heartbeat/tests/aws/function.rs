//! A function in the cloud: invoking it, its logs, giving it other code.

use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    cloud::Cloud,
    deploy::base64,
    patience::{SOON, within},
};

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    /// Whether the platform counts it as an error, which is what the alarm watches.
    pub(crate) failed: bool,
    pub(crate) answer: Value,
}

impl Outcome {
    /// Its answer; a panic when it failed.
    pub(crate) fn well(self) -> Value {
        assert!(!self.failed, "{self:?}");
        self.answer
    }

    /// The type of its error and the line that says what is wrong; a panic when it went well.
    pub(crate) fn badly(self) -> (String, String) {
        assert!(self.failed, "{self:?}");
        let text = |name: &str| self.answer[name].as_str().unwrap_or_else(|| panic!("{self:?}")).to_owned();
        (text("errorType"), text("errorMessage"))
    }
}

/// A function by its name.
#[derive(Clone, Copy)]
pub(crate) struct Function<'a> {
    pub(crate) cloud: &'a Cloud,
    pub(crate) name: &'a str,
    pub(crate) log_group: &'a str,
}

impl Function<'_> {
    /// Invokes it as the scheduler does, and waits for what it answers.
    pub(crate) async fn invoke(&self) -> Outcome {
        let path = format!("/2015-03-31/functions/{}/invocations", self.name);
        let request = self.cloud.request("lambda", Method::POST, &path).body("{}");
        let answer = within(SOON, &format!("the answer of {}", self.name), request.send()).await.unwrap();
        let failed = answer.headers().contains_key("x-amz-function-error");
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, 200, "{text}");
        Outcome { failed, answer: serde_json::from_str(&text).unwrap() }
    }

    /// All that it has written, in the order of the invocations.
    pub(crate) async fn log(&self) -> Vec<String> {
        let body = json!({"logGroupName": self.log_group, "limit": 10_000});
        let found = self.cloud.json("logs", "Logs_20140328.FilterLogEvents", &body).await;
        let events = found["events"].as_array().unwrap().iter();
        events.map(|event| event["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until a line of its log contains `words`; the line.
    pub(crate) async fn until_logged(&self, words: &str) -> String {
        let found = async {
            loop {
                if let Some(line) = self.log().await.into_iter().find(|line| line.contains(words)) {
                    return line;
                }
            }
        };
        within(SOON, &format!("{words:?} in the log of {}", self.name), found).await
    }

    /// What `heartbeat-checker` said about each of its passes, as CloudWatch reads it.
    pub(crate) async fn metrics(&self) -> Vec<Value> {
        let lines = self.log().await;
        let parsed = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        parsed.filter(|line| !line["_aws"].is_null()).collect()
    }

    /// Gives it other code, as an upgrade does.
    pub(crate) async fn upgrade(&self, zip: &[u8]) {
        let path = format!("/2015-03-31/functions/{}/code", self.name);
        self.cloud.rest("lambda", Method::PUT, &path, &json!({"ZipFile": base64(zip)})).await;
    }

    /// `kill -9` to each of its instances.
    pub(crate) fn kill(&self) {
        for instance in self.cloud.instances(self.name) {
            let status = Command::new("kill").args(["-KILL", &instance.to_string()]).status().unwrap();
            assert!(status.success());
        }
    }

    /// Invokes it as the schedule of AWS does, who does not wait.
    pub(crate) async fn invoke_and_leave(&self) {
        let path = format!("/2015-03-31/functions/{}/invocations", self.name);
        let request = self.cloud.request("lambda", Method::POST, &path).header("x-amz-invocation-type", "Event");
        assert_eq!(request.body("{}").send().await.unwrap().status(), 202);
    }

    /// Where its function URL answers.
    pub(crate) async fn address(&self) -> String {
        let path = format!("/2021-10-31/functions/{}/url", self.name);
        let found = self.cloud.rest("lambda", Method::GET, &path, &Value::Null).await;
        let url = found["FunctionUrl"].as_str().unwrap();
        let id = url.strip_prefix("https://").and_then(|rest| rest.split('.').next()).unwrap();
        // The name does not resolve here; ministack has this way in for those who cannot set `Host`.
        format!("{}/_aws/lambda-url/{id}", self.cloud.url)
    }
}
