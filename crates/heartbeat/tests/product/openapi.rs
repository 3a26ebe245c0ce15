//! The API by its own description: tools/openapi.py calls the running program with what the document allows and with what it
//! does not, by way of schemathesis, which `scripts/test.sh tools` installs.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::process::Command;

use crate::{installation::Installation, patience::within, server::Server};

/// 3,500 requests take 15 seconds of a machine that has nothing else to do.
const ALL_CALLS: Duration = Duration::from_mins(4);
/// How many requests are made up for each operation, besides one for each thing that its description says.
const EXAMPLES: &str = "3";

#[tokio::test]
async fn no_answer_surprises_who_has_read_the_document() {
    // Behind a proxy, each request has an address of its own: the limit of calls is counted by address.
    let installation =
        Installation::fresh().with("HEARTBEAT_TRUSTED_PROXIES", "1").with("HEARTBEAT_ALLOW_PRIVATE_ADDRESSES", "true");
    let server: Server = installation.serve().await;
    let key = server.first_key().await;
    let mut python = Command::new("python3");
    python.args(["-I", "-S"]).arg(root().join("tools/openapi.py")).arg(packages());
    python.args([&server.address, &key, EXAMPLES]).current_dir(installation.path("."));
    let calls = python.stdin(Stdio::null()).kill_on_drop(true).output();
    let ended = within(ALL_CALLS, "the end of the calls", calls).await.unwrap();
    let (said, complained) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success() && said.contains("No issues found"), "{said}\n{complained}");
    server.kill().await;
}

/// Where `scripts/tools.sh` installs: it reads the same variable, from the root as well.
fn packages() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "test harnesses have no Config; this is their one way in")]
    let target = std::env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty());
    let folder = root().join(target.unwrap_or_else(|| "target".into())).join("tools/schemathesis");
    assert!(folder.exists(), "{} is missing: `scripts/test.sh tools` installs it", folder.display());
    folder
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
