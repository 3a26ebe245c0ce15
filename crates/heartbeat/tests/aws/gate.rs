//! The gate between a function and the cloud: it notes each call, lets through what the policies of the function's role
//! allow, and refuses the rest as AWS does. It can also refuse, break or hold what a test chooses.

use std::collections::BTreeSet;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};

use crate::{
    cloud::Cloud,
    patience::{SOON, within},
    policy::{Policy, matches},
};

/// One thing that a function asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Call {
    /// As policies name it, such as `dynamodb:Query`.
    pub(crate) action: String,
    /// The ARN of what it is done to.
    pub(crate) resource: String,
}

/// What becomes of chosen calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// As if no policy allowed them.
    Denied,
    /// Something is wrong over there.
    Broken,
    /// The next one with these words in it waits until the gate is opened again; those behind it pass.
    Held(&'static str),
}

/// The gate of one function, for as long as its test's runtime lives.
pub(crate) struct Gate {
    pub(crate) url: String,
    post: Post,
}

#[derive(Clone)]
struct Post {
    /// Whose gate it is, as messages name him.
    who: String,
    client: reqwest::Client,
    beyond: String,
    account: String,
    region: String,
    policy: Policy,
    /// All that was asked for, and all of it that no policy allows.
    asked: watch::Sender<Vec<Call>>,
    refused: watch::Sender<BTreeSet<Call>>,
    treatments: watch::Sender<Vec<(String, Treatment)>>,
    openings: watch::Sender<usize>,
}

impl Gate {
    /// Opens it for `function`, whose role has `policy`.
    pub(crate) async fn open(cloud: &Cloud, function: &str, role: &str, policy: Policy) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let post = Post {
            who: format!("arn:aws:sts::{}:assumed-role/{role}/{function}", cloud.account),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            beyond: cloud.url.clone(),
            account: cloud.account.clone(),
            region: cloud.region.clone(),
            policy,
            asked: watch::Sender::default(),
            refused: watch::Sender::default(),
            treatments: watch::Sender::default(),
            openings: watch::Sender::default(),
        };
        let app = Router::new().fallback(pass).with_state(post.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, post }
    }

    /// From now on, the actions that `pattern` names are treated so, until the gate is opened again.
    pub(crate) fn treat(&self, pattern: &str, treatment: Treatment) {
        self.post.treatments.send_modify(|treatments| treatments.push((pattern.to_owned(), treatment)));
    }

    /// The policies alone decide again.
    pub(crate) fn open_again(&self) {
        self.post.treatments.send_replace(Vec::new());
        self.post.openings.send_modify(|openings| *openings += 1);
    }

    /// Waits until a call is held.
    pub(crate) async fn holds_one(&self) {
        let mut treatments = self.post.treatments.subscribe();
        within(SOON, "a call at the gate", treatments.wait_for(Vec::is_empty)).await.unwrap();
    }

    /// What the role of this function may do.
    pub(crate) fn policy(&self) -> &Policy {
        &self.post.policy
    }

    /// What it has asked for so far, each once.
    pub(crate) fn asked(&self) -> BTreeSet<Call> {
        self.post.asked.borrow().iter().cloned().collect()
    }

    /// How often it has asked for `action` so far.
    pub(crate) fn times(&self, action: &str) -> usize {
        self.post.asked.borrow().iter().filter(|call| call.action == action).count()
    }

    /// What it has asked for so far and no policy allows.
    pub(crate) fn refused(&self) -> BTreeSet<Call> {
        self.post.refused.borrow().clone()
    }
}

async fn pass(State(post): State<Post>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").map_or("nothing.Nothing", |target| target.to_str().unwrap());
    let (protocol, action) = target.split_once('.').unwrap();
    let calls = post.calls(protocol, action, &body);
    post.asked.send_modify(|asked| asked.extend(calls.iter().cloned()));
    for call in &calls {
        if !post.policy.allows(&call.action, &call.resource) {
            post.refused.send_modify(|refused| _ = refused.insert(call.clone()));
            return post.denial(call);
        }
        match post.treatment_of(call, &body) {
            Some(Treatment::Denied) => return post.denial(call),
            Some(Treatment::Held(_)) => post.hold(call).await,
            Some(Treatment::Broken) => return refusal(500, "InternalServerError", "The request processing has failed"),
            None => {}
        }
    }
    post.forward(&uri, &headers, body).await
}

impl Post {
    /// What a request asks for: one that does several things is allowed when each of them is.
    fn calls(&self, protocol: &str, action: &str, body: &[u8]) -> Vec<Call> {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        match protocol {
            "DynamoDB_20120810" => self.on_tables(action, &body),
            "AmazonSSM" => {
                let names = body["Names"].as_array().into_iter().flatten().chain(body.get("Name"));
                let names = names.map(|name| format!("parameter/{}", name.as_str().unwrap().trim_start_matches('/')));
                names.map(|name| self.call("ssm", action, &name)).collect()
            }
            other => vec![Call { action: format!("{other}:{action}"), resource: "*".to_owned() }],
        }
    }

    fn on_tables(&self, action: &str, body: &Value) -> Vec<Call> {
        let one = |action: &str, table: &str| self.call("dynamodb", action, &format!("table/{table}"));
        match action {
            "BatchGetItem" | "BatchWriteItem" => {
                body["RequestItems"].as_object().unwrap().keys().map(|table| one(action, table)).collect()
            }
            // IAM knows no action for a transaction: each thing in it is to be allowed.
            "TransactWriteItems" | "TransactGetItems" => {
                let things = body["TransactItems"].as_array().unwrap().iter().map(|item| item.as_object().unwrap());
                let named =
                    things.flat_map(|item| item.iter().map(|(what, of)| (what, of["TableName"].as_str().unwrap())));
                named.map(|(what, table)| one(what_is_done(what), table)).collect()
            }
            "ListTables" => vec![one(action, "*")],
            _ => {
                let table = body["TableName"].as_str().unwrap();
                let index = body["IndexName"].as_str().map(|index| format!("/index/{index}")).unwrap_or_default();
                vec![one(action, &format!("{table}{index}"))]
            }
        }
    }

    fn call(&self, service: &str, action: &str, resource: &str) -> Call {
        let resource = format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account);
        Call { action: format!("{service}:{action}"), resource }
    }

    fn treatment_of(&self, call: &Call, body: &[u8]) -> Option<Treatment> {
        let is_meant = |treatment: Treatment| match treatment {
            Treatment::Denied | Treatment::Broken => true,
            Treatment::Held(words) => String::from_utf8_lossy(body).contains(words),
        };
        let treatments = self.treatments.borrow();
        let mut meant = treatments.iter().filter(|(pattern, _)| matches(pattern, &call.action));
        meant.find(|(_, treatment)| is_meant(*treatment)).map(|(_, treatment)| *treatment)
    }

    /// In AWS's words.
    fn denial(&self, Call { action, resource }: &Call) -> Response {
        let message = format!(
            "User: {} is not authorized to perform: {action} on resource: {resource} because no identity-based policy \
             allows the {action} action",
            self.who
        );
        refusal(400, "AccessDeniedException", &message)
    }

    async fn hold(&self, call: &Call) {
        let mut openings = self.openings.subscribe();
        self.treatments.send_modify(|all| all.retain(|(pattern, _)| !matches(pattern, &call.action)));
        let _ = openings.changed().await;
    }

    async fn forward(&self, uri: &Uri, headers: &HeaderMap, body: Bytes) -> Response {
        let mut request = self.client.post(format!("{}{uri}", self.beyond)).body(body);
        for name in ["x-amz-target", "content-type", "x-amz-date", "authorization"] {
            request = request.header(name, headers[name].clone());
        }
        match request.send().await {
            Ok(answer) => {
                let (status, kind) = (answer.status(), answer.headers()["content-type"].clone());
                let body = answer.bytes().await.unwrap();
                (status, [("content-type", kind)], body).into_response()
            }
            // The test has ended, and the cloud with it.
            Err(problem) => refusal(502, "BadGateway", &problem.to_string()),
        }
    }
}

fn what_is_done(item: &str) -> &'static str {
    match item {
        "Put" => "PutItem",
        "Update" => "UpdateItem",
        "Delete" => "DeleteItem",
        "ConditionCheck" => "ConditionCheckItem",
        "Get" => "GetItem",
        other => panic!("a transaction with {other}"),
    }
}

fn refusal(status: u16, code: &str, message: &str) -> Response {
    let body = json!({"__type": format!("com.amazon.coral.service#{code}"), "message": message, "Message": message});
    let status = StatusCode::from_u16(status).unwrap();
    (status, [("content-type", "application/x-amz-json-1.1")], body.to_string()).into_response()
}
