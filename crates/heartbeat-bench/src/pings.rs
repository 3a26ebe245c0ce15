//! Pings over HTTP through the whole stack, into a fresh file.

use std::{
    fs,
    io::{Write, stderr},
    time::Duration,
};

use anyhow::ensure;

use crate::{
    Plan, http,
    load::{Came, Load},
    server::Server,
    usage::{Disk, Memory, Process, machine_cpu},
};

/// A row of the table.
#[derive(Clone, Debug)]
pub(crate) struct Pings {
    /// How many monitors were pinged in turn.
    pub(crate) monitors: u32,
    /// What came of it.
    pub(crate) came: Came,
    /// What the server has used.
    pub(crate) server_cpu: Duration,
    /// What the load generator has used.
    pub(crate) generator_cpu: Duration,
    /// What everything else on the machine has used: the measure's noise.
    pub(crate) others_cpu: Duration,
    /// How often the disk was told to flush, by anybody.
    pub(crate) flushes: Option<u64>,
    /// The server's memory when all monitors had been pinged once and nobody pinged.
    pub(crate) memory_quiet: Memory,
    /// The server's memory at the end.
    pub(crate) memory: Memory,
    /// How many lines the server has logged: warnings and errors alone are.
    pub(crate) warnings: usize,
}

/// Measures pings to so many monitors.
pub(crate) fn measure(plan: &Plan, monitors: u32) -> anyhow::Result<Pings> {
    // One thread: the generator shall take no more from the server than it must.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure_on_one_thread(plan, monitors))
}

async fn measure_on_one_thread(plan: &Plan, monitors: u32) -> anyhow::Result<Pings> {
    let folder = plan.folder.join(format!("pings-{monitors}"));
    fs::create_dir_all(&folder)?;
    let disk = Disk::of(&folder)?;
    let mut server = Server::start(&plan.binary, &folder)?;
    let (key, process) = (server.first_key()?, server.process());
    let slugs = (0..monitors).map(|number| format!("nightly-backup-{number}"));
    let requests = slugs.map(|slug| http::ping(server.address, &key, &slug)).collect();
    let mut load = Load::open(server.address, requests).await?;
    let created = load.once().await?;
    ensure!(created.errors == 0, "{} first pings were refused", created.errors);
    let memory_quiet = process.memory()?;
    load.run_for(plan.warm_up).await?;

    let before = Counters::read(process, &disk)?;
    let came = load.run_for(plan.measured).await?;
    let after = Counters::read(process, &disk)?;
    let memory = process.memory()?;
    drop(load);
    let warnings = server.stop().await?;
    write!(stderr(), "{warnings}")?;
    fs::remove_dir_all(&folder)?;
    let server_cpu = after.server.saturating_sub(before.server);
    let generator_cpu = after.generator.saturating_sub(before.generator);
    Ok(Pings {
        monitors,
        came,
        server_cpu,
        generator_cpu,
        others_cpu: after.machine.saturating_sub(before.machine + server_cpu + generator_cpu),
        flushes: after.flushes.zip(before.flushes).map(|(after, before)| after.saturating_sub(before)),
        memory_quiet,
        memory,
        warnings: warnings.lines().count(),
    })
}

/// What has been used so far.
struct Counters {
    server: Duration,
    generator: Duration,
    machine: Duration,
    flushes: Option<u64>,
}

impl Counters {
    fn read(server: Process, disk: &Disk) -> anyhow::Result<Self> {
        Ok(Self {
            server: server.cpu()?,
            generator: Process::Own.cpu()?,
            machine: machine_cpu()?,
            flushes: disk.flushes(),
        })
    }
}

impl Pings {
    /// Pings that were answered 200 or 201 in a second.
    pub(crate) fn per_second(&self) -> u128 {
        per_second(self.count(), self.came.wall)
    }

    /// What a ping cost the server.
    pub(crate) fn server_cpu_each(&self) -> Duration {
        self.server_cpu.checked_div(self.count()).unwrap_or_default()
    }

    /// What a ping cost the load generator.
    pub(crate) fn generator_cpu_each(&self) -> Duration {
        self.generator_cpu.checked_div(self.count()).unwrap_or_default()
    }

    fn count(&self) -> u32 {
        u32::try_from(self.came.latencies.len()).unwrap_or(u32::MAX)
    }
}

/// So many in that time, by the second.
pub(crate) fn per_second(count: u32, wall: Duration) -> u128 {
    (u128::from(count) * 1_000_000_000).checked_div(wall.as_nanos()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_per_second_of_wall_time() {
        assert_eq!(per_second(50_000, Duration::from_millis(2_500)), 20_000);
        assert_eq!(per_second(1, Duration::ZERO), 0);
    }
}
