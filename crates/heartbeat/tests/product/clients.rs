//! Clients that no one here wrote, one of each registry: made for Healthchecks, and only the addresses changed. What they
//! do and expect is in `tools/clients`; `scripts/test.sh tools` installs them.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::process::Command;

use crate::{installation::Installation, patience::within, server::Server};

/// Interpreters start slowly on a machine that is busy with other tests.
const A_CLIENT: Duration = Duration::from_secs(90);

#[tokio::test]
async fn clients_from_pypi_work_by_their_addresses_alone() {
    let mut python = Command::new("python3");
    python.args(["-I", "-S"]).arg(root().join("tools/clients/python.py")).arg(installed("python"));
    all_is_well_with(python).await;
}

#[tokio::test]
async fn a_client_from_npm_works_by_its_addresses_alone() {
    let mut node = Command::new("node");
    node.arg(root().join("tools/clients/node/job.js")).env("NODE_PATH", installed("node").join("node_modules"));
    all_is_well_with(node).await;
}

#[tokio::test]
async fn a_client_from_crates_io_works_by_its_addresses_alone() {
    all_is_well_with(Command::new(installed("rust").join("debug/healthchecks-client"))).await;
}

async fn all_is_well_with(mut client: Command) {
    let installation = Installation::fresh();
    let server: Server = installation.serve().await;
    let key = server.first_key().await;
    client.arg(&server.address).arg(&key).stdin(Stdio::null()).kill_on_drop(true);
    let ended = within(A_CLIENT, "the end of the client", client.output()).await.unwrap();
    let (said, complained) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success() && said.contains("all well"), "{said}\n{complained}\n{}", server.logged.text());
    assert!(!server.logged.text().contains(&key), "the key is in the log");
    server.stop().await;
}

/// Where `scripts/tools.sh` has installed a client: it reads the same variable, from the root as well.
fn installed(client: &str) -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "test harnesses have no Config; this is their one way in")]
    let target = std::env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty());
    let folder = root().join(target.unwrap_or_else(|| "target".into())).join("tools/clients").join(client);
    assert!(folder.exists(), "{} is missing: `scripts/test.sh tools` installs it", folder.display());
    folder
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
