//! A deployment: what the plan describes in a cloud of its own, with the zips as they would be uploaded.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::Command;

use crate::{
    bot_api::{BotApi, CHAT, TOKEN},
    caller::Caller,
    cloud::{Cloud, root, setting},
    deploy::{Given, deploy, make, put_parameter},
    function::Function,
    gate::Gate,
    plan::Plan,
    public_address::PublicAddress,
};

/// The function that the schedule invokes.
pub(crate) const CHECKER: &str = "heartbeat-checker";
/// The function behind the function URL.
pub(crate) const API: &str = "heartbeat-api";
/// For one pass: the checker begins none when less than its reserve of 15 s is left, and asks for 5 s before that.
pub(crate) const ONE_PASS: u64 = 21;

/// The variable that names the parameter with the canary's key.
const CANARYS_KEY: &str = "HEARTBEAT_CANARY_KEY_PARAM";

const ADD_API_KEY: &str = env!("CARGO_BIN_EXE_add-api-key");

/// What is deployed, until somebody deploys it.
pub(crate) struct Draft {
    plan: Plan,
    given: Given,
}

/// What is deployed. Each function calls the cloud through a gate of its own.
pub(crate) struct Deployment {
    pub(crate) plan: Plan,
    pub(crate) cloud: Cloud,
    /// The addresses of what is in the plan and was not made.
    pub(crate) strange: Vec<String>,
    gates: BTreeMap<&'static str, Gate>,
    log_groups: BTreeMap<&'static str, String>,
    given: Given,
}

impl Draft {
    /// What the plan describes, telling a chat through `bot_api`. An invocation of the checker is one pass.
    pub(crate) fn telling(bot_api: &BotApi) -> Self {
        let plan = Plan::read();
        let parameters = BTreeMap::from([
            (plan.variable(CHECKER, "TELEGRAM_BOT_TOKEN_PARAM"), TOKEN.to_owned()),
            (plan.variable(CHECKER, "TELEGRAM_CHAT_ID_PARAM"), CHAT.to_string()),
            (plan.variable(CHECKER, CANARYS_KEY), "not-set".to_owned()),
        ]);
        let zips = [CHECKER, API].map(|function| (function.to_owned(), zip_of(function))).into();
        let time_outs = BTreeMap::from([(CHECKER.to_owned(), ONE_PASS)]);
        let given = Given { parameters, zips, variables: BTreeMap::new(), time_outs, without: Vec::new() };
        // There is a canary in the plan; but its URL is known only when it is made, and most tests need none.
        Self { plan, given }.with(CHECKER, "TELEGRAM_API_URL", &bot_api.url).with(CHECKER, CANARYS_KEY, "")
    }

    /// The same with the canary, which pings through `address`.
    pub(crate) fn with_canary(self, address: &PublicAddress) -> Self {
        let parameter = self.plan.variable(CHECKER, CANARYS_KEY);
        self.with(CHECKER, CANARYS_KEY, &parameter).with(CHECKER, "HEARTBEAT_CANARY_URL", &address.url)
    }

    /// The same with a variable more in the environment of a function.
    pub(crate) fn with(mut self, function: &str, name: &str, value: &str) -> Self {
        self.given.variables.entry(function.to_owned()).or_default().insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same with time in each pass for a channel that may take half a minute. An invocation is one pass still.
    pub(crate) fn with_time_to_send(mut self) -> Self {
        self.given.time_outs.insert(CHECKER.to_owned(), ONE_PASS + 30);
        self.with(CHECKER, "HEARTBEAT_CHECK_INTERVAL", "60")
    }

    /// The same with the checker's own time-out: an invocation takes most of a minute.
    pub(crate) fn at_its_own_pace(mut self) -> Self {
        self.given.time_outs.clear();
        self
    }

    /// The same without what is not to be there at first.
    pub(crate) fn without(mut self, kind: &str, name: &str) -> Self {
        let found = self.plan.all(kind).find(|resource| resource.values["name"] == name);
        self.given.without.push(found.unwrap_or_else(|| panic!("the plan has no {kind} {name}")).address.clone());
        self
    }

    /// The name of the parameter with the bot's token.
    pub(crate) fn token_parameter(&self) -> String {
        self.plan.variable(CHECKER, "TELEGRAM_BOT_TOKEN_PARAM")
    }

    /// Deploys it.
    pub(crate) async fn deploy(mut self) -> Deployment {
        let cloud = Cloud::start(&self.plan.account(), &self.plan.region());
        let (mut gates, mut log_groups) = (BTreeMap::new(), BTreeMap::new());
        for name in [CHECKER, API] {
            let function = self.plan.function(name);
            let role = function.values["role"].as_str().map_or(name, |arn| arn.rsplit('/').next().unwrap());
            let gate = Gate::open(&cloud, name, role, self.plan.policy_of(role)).await;
            let group = function.values["logging_config"][0]["log_group"].as_str();
            log_groups.insert(name, group.map_or_else(|| format!("/aws/lambda/{name}"), ToOwned::to_owned));
            let variables = self.given.variables.entry(name.to_owned()).or_default();
            variables.entry("AWS_ENDPOINT_URL".to_owned()).or_insert_with(|| gate.url.clone());
            gates.insert(name, gate);
        }
        let strange = deploy(&cloud, &self.plan, &self.given).await;
        Deployment { plan: self.plan, cloud, strange, gates, log_groups, given: self.given }
    }
}

impl Deployment {
    /// The function that passes.
    pub(crate) fn checker(&self) -> Function<'_> {
        self.function(CHECKER)
    }

    /// The function that answers.
    pub(crate) fn api(&self) -> Function<'_> {
        self.function(API)
    }

    fn function(&self, name: &'static str) -> Function<'_> {
        Function { cloud: &self.cloud, name, log_group: &self.log_groups[name] }
    }

    /// What the checker's calls go through.
    pub(crate) fn checkers_gate(&self) -> &Gate {
        &self.gates[CHECKER]
    }

    /// What the API's calls go through.
    pub(crate) fn apis_gate(&self) -> &Gate {
        &self.gates[API]
    }

    /// Changes the bot's token, or makes it.
    pub(crate) async fn put_token(&self, token: &str) {
        let name = self.plan.variable(CHECKER, "TELEGRAM_BOT_TOKEN_PARAM");
        put_parameter(&self.cloud, &name, "SecureString", token).await;
    }

    /// Makes the canary's key as the output says that one does, stores it, and leads `address` to the API.
    pub(crate) async fn send_out_a_canary(&self, address: &PublicAddress) -> String {
        let key = self.key_with(&["--project", "heartbeat", "--monitor", "canary", "--scope", "ping"]).await;
        put_parameter(&self.cloud, &self.plan.variable(CHECKER, CANARYS_KEY), "SecureString", &key).await;
        address.lead_to(self.api().address().await);
        key
    }

    /// A key for everything, made by the program from outside, over the same tables.
    pub(crate) async fn key(&self) -> String {
        self.key_with(&[]).await
    }

    /// A key of the operator's own project.
    pub(crate) async fn key_of_the_operator(&self) -> String {
        self.key_with(&["--project", "heartbeat"]).await
    }

    /// A key that is made with these arguments.
    pub(crate) async fn key_with(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(ADD_API_KEY);
        command.env_clear().args(["--description", "end to end"]).args(arguments);
        command.stdin(Stdio::null()).kill_on_drop(true);
        // The variables that the functions have: the program takes the same.
        for name in ["MONITORS_TABLE", "KEYS_TABLE", "EVENTS_TABLE", "DIRECTORY_TABLE"] {
            command.env(name, self.plan.variable(API, name));
        }
        command.env("AWS_ENDPOINT_URL", &self.cloud.url).env("AWS_REGION", &self.cloud.region);
        command.env("AWS_ACCESS_KEY_ID", &self.cloud.account).env("AWS_SECRET_ACCESS_KEY", "of-no-use");
        let made = command.output().await.unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    }

    /// Makes what was left out.
    pub(crate) async fn make(&self, kind: &str, name: &str) {
        let found = self.plan.all(kind).find(|resource| resource.values["name"] == name).unwrap();
        make(&self.cloud, &self.plan, found, &self.given).await;
    }

    /// What must hold after each test: nothing was asked for that no policy allows, and no secret is in any log.
    pub(crate) async fn leaves_nothing_strange(&self, key: &str) {
        for (name, gate) in &self.gates {
            assert!(gate.refused().is_empty(), "{name} asks for what its policy does not allow: {:#?}", gate.refused());
            let log = self.function(name).log().await.join("\n");
            assert!(
                !log.is_empty() || self.cloud.instances(name).is_empty(),
                "{name} has no log to look for secrets in"
            );
            let (token, key) = (TOKEN.split(':').nth(1).unwrap(), key.trim_start_matches("hb_"));
            let authorization = &format!("Credential={}", self.cloud.account);
            for secret in [token, key, authorization] {
                assert!(!log.contains(secret), "{secret} is in the log of {name}:\n{log}");
            }
        }
    }

    /// Calls the function URL with `key`.
    pub(crate) async fn caller(&self, key: &str) -> Caller {
        Caller::new(&self.api().address().await, key)
    }
}

/// The zip as it would be uploaded.
pub(crate) fn zip_of(function: &str) -> Vec<u8> {
    let (variable, program) = match function {
        CHECKER => ("HEARTBEAT_TEST_LAMBDA_CHECKER", env!("CARGO_BIN_EXE_heartbeat-checker")),
        _ => ("HEARTBEAT_TEST_LAMBDA_API", env!("CARGO_BIN_EXE_heartbeat-api")),
    };
    let make = "`scripts/build-lambda.sh x86_64` makes it (on an arm64 machine `scripts/build-lambda.sh`)";
    let read =
        |path: &Path| std::fs::read(path).unwrap_or_else(|problem| panic!("{}: {problem}: {make}", path.display()));
    if let Some(path) = setting(variable).map(PathBuf::from) {
        return read(&path);
    }
    let target = root().join(setting("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()));
    let path = target.join("lambda").join(function).join("bootstrap.zip");
    let zip = read(&path);
    // The tests were compiled with the programs of today; a package of yesterday would be proven in their place.
    let age = |path: &Path| std::fs::metadata(path).unwrap().modified().unwrap();
    assert!(age(&path) >= age(Path::new(program)), "{} is older than {program}: {make}", path.display());
    zip
}
