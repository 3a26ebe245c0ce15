//! A package, as it is uploaded, and the process that Lambda would make of it.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, ensure};
use heartbeat_proof::dynamo::Ground;

use super::around::{Around, CHAT_PARAM, TOKEN_PARAM};

/// A package and what was in it.
pub(super) struct Package {
    name: &'static str,
    folder: PathBuf,
    /// The program.
    pub(super) program: PathBuf,
    /// How large the zip is.
    pub(super) zip_bytes: u64,
}

impl Package {
    /// Unpacks `packages/NAME/bootstrap.zip` into a folder of its own in `scratch`.
    pub(super) fn unpack(packages: &Path, name: &'static str, scratch: &Path) -> anyhow::Result<Self> {
        let zip = packages.join(name).join("bootstrap.zip");
        let zip_bytes = fs::metadata(&zip)
            .with_context(|| format!("{} is not there: scripts/build-lambda.sh makes it", zip.display()))?
            .len();
        let folder = scratch.join(name);
        fs::create_dir_all(&folder)?;
        let unpacked = Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&zip).arg(&folder).status();
        ensure!(unpacked.context("python3 unpacks it")?.success(), "{} cannot be unpacked", zip.display());
        let program = folder.join("bootstrap");
        fs::set_permissions(&program, Permissions::from_mode(0o755))?;
        Ok(Self { name, folder, program, zip_bytes })
    }
}

/// A process of a package. It is killed when it is dropped.
pub(super) struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts it between the stubs, with the environment that Lambda and Terraform give it.
    pub(super) fn start(package: &Package, around: &Around, ground: &Ground) -> anyhow::Result<Self> {
        let (stub, log) = (format!("http://{}", around.address), package.folder.join("log"));
        let endpoint = ground.options().endpoint.context("the engine has an address")?;
        let tables = ground.tables();
        let child = Command::new(&package.program)
            .current_dir(&package.folder)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", around.address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", package.name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", package.name))
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "bench")
            .env("AWS_REGION", "eu-north-1")
            .env("AWS_ACCESS_KEY_ID", &endpoint.access_key)
            .env("AWS_SECRET_ACCESS_KEY", "bench")
            .env("AWS_ENDPOINT_URL_DYNAMODB", &endpoint.url)
            .env("AWS_ENDPOINT_URL_SSM", &stub)
            .env("TELEGRAM_API_URL", &stub)
            .env("TELEGRAM_BOT_TOKEN_PARAM", TOKEN_PARAM)
            .env("TELEGRAM_CHAT_ID_PARAM", CHAT_PARAM)
            .env("MONITORS_TABLE", &tables.monitors)
            .env("KEYS_TABLE", &tables.keys)
            .env("EVENTS_TABLE", &tables.events)
            .env("DIRECTORY_TABLE", &tables.directory)
            .env("RUST_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("{} does not start: is it for this processor?", package.program.display()))?;
        Ok(Self { child, log })
    }

    /// The number of the process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub(super) fn is_there(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// What it has written to its log.
    pub(super) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
