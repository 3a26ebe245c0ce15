//! Other requests than an ordinary ping, over HTTP through the whole stack: pings of a cron schedule, many pings in one request,
//! pages of the list of monitors and of history.

use std::{fmt::Write as _, fs, net::SocketAddr, time::Duration};

use anyhow::ensure;

use crate::{
    Plan, http,
    load::{CONNECTIONS, Came, Load},
    server::Server,
    usage::{Process, machine_cpu},
};

/// Pings of one bulk.
const BULK: u32 = 100;
/// How many things a page shows.
const PAGE: u32 = 100;
/// As many addresses ask as a page's requests need, each fewer times than one address may.
const ADDRESSES: u16 = 2_000;
/// Calls of one key from one address that are not limited: the burst of the API's defaults.
const CALLS_OF_ADDRESS: usize = 100;

/// A row of the table.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    /// What was asked for.
    pub(crate) what: String,
    /// How many pings or things one request is about.
    pub(crate) items: u32,
    /// How many connections asked at once.
    pub(crate) at_once: usize,
    /// What came of it.
    pub(crate) came: Came,
    /// What the server has used.
    pub(crate) server_cpu: Duration,
    /// What everything else on the machine has used, the load generator apart.
    pub(crate) others_cpu: Duration,
}

impl Requests {
    /// What a request cost the server.
    pub(crate) fn server_cpu_each(&self) -> Duration {
        self.server_cpu.checked_div(u32::try_from(self.came.latencies.len()).unwrap_or(u32::MAX)).unwrap_or_default()
    }
}

/// What is asked, and how.
struct Asked {
    what: String,
    items: u32,
    at_once: usize,
    requests: Vec<Vec<u8>>,
    /// Nothing more is sent than these, once: for what is limited by address.
    limited: bool,
}

/// Measures each over `plan.listed` monitors.
pub(crate) fn measure(plan: &Plan) -> anyhow::Result<Vec<Requests>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure_on_one_thread(plan))
}

async fn measure_on_one_thread(plan: &Plan) -> anyhow::Result<Vec<Requests>> {
    let folder = plan.folder.join("requests");
    fs::create_dir_all(&folder)?;
    // Each request may name an address of its own.
    let mut server = Server::start_with(&plan.binary, &folder, &[("HEARTBEAT_TRUSTED_PROXIES", "1")])?;
    let (key, address) = (server.first_key()?, server.address);
    let site = Site { address, key: &key, monitors: plan.listed };
    all_answered(&site, (0..plan.listed).map(|number| http::ping(address, &key, &job(number)))).await?;
    let mut rows = Vec::new();
    for asked in [site.pages_of_monitors(), site.bulks()] {
        rows.push(measure_one(plan, &server, asked).await?);
    }
    all_answered(&site, (0..plan.logged).map(|_| http::ping(address, &key, &job(0)))).await?;
    rows.push(measure_one(plan, &server, site.pages_of_history(plan.logged)).await?);
    all_answered(&site, (0..CRON).map(|number| site.first_of_cron(number))).await?;
    rows.push(measure_one(plan, &server, site.pings_of_cron()).await?);
    server.stop().await?;
    fs::remove_dir_all(&folder)?;
    Ok(rows)
}

async fn all_answered(site: &Site<'_>, requests: impl Iterator<Item = Vec<u8>>) -> anyhow::Result<()> {
    let came = Load::open(site.address, requests.collect()).await?.once().await?;
    ensure!(came.errors == 0, "{} requests were refused", came.errors);
    Ok(())
}

async fn measure_one(plan: &Plan, server: &Server, asked: Asked) -> anyhow::Result<Requests> {
    let Asked { what, items, at_once, requests, limited } = asked;
    let mut load = Load::open_some(server.address, requests, at_once).await?;
    if !limited {
        load.run_for(plan.warm_up).await?;
    }
    let process = server.process();
    let before = (process.cpu()?, Process::Own.cpu()?, machine_cpu()?);
    let came = if limited { load.once().await? } else { load.run_for(plan.measured).await? };
    ensure!(came.errors == 0, "{what}: {} were refused", came.errors);
    let server_cpu = process.cpu()?.saturating_sub(before.0);
    let own = Process::Own.cpu()?.saturating_sub(before.1);
    let others_cpu = machine_cpu()?.saturating_sub(before.2 + server_cpu + own);
    Ok(Requests { what, items, at_once, came, server_cpu, others_cpu })
}

/// How many monitors have a cron schedule.
const CRON: u32 = 1_000;

/// The server, and what is there.
struct Site<'a> {
    address: SocketAddr,
    key: &'a str,
    monitors: u32,
}

impl Site<'_> {
    /// Every page of the list, again and again, each time from other addresses.
    fn pages_of_monitors(&self) -> Asked {
        let pages: Vec<_> = (0..self.monitors)
            .step_by(PAGE as usize)
            .map(|first| match first {
                0 => format!("/api/v1/monitors?limit={PAGE}"),
                // In the order of their slugs the one before is the cursor.
                _ => format!("/api/v1/monitors?limit={PAGE}&cursor={}", job(first - 1)),
            })
            .collect();
        self.limited(format!("a page of {PAGE} of {} monitors", self.monitors), &pages)
    }

    /// Pages of the history of one monitor.
    fn pages_of_history(&self, events: u32) -> Asked {
        let page = format!("/api/v1/monitors/{}/events?limit={PAGE}", job(0));
        self.limited(format!("a page of {PAGE} of {events} events of a monitor"), &[page])
    }

    fn limited(&self, what: String, paths: &[String]) -> Asked {
        let asks = |number: usize| u16::try_from(number / (CALLS_OF_ADDRESS / 2)).unwrap_or(0) % ADDRESSES;
        let paths = paths.iter().cycle().take(paths.len().max(2_000)).enumerate();
        let requests = paths.map(|(number, path)| http::call(self.address, self.key, path, asks(number))).collect();
        Asked { what, items: PAGE, at_once: 1, requests, limited: true }
    }

    fn bulks(&self) -> Asked {
        let bulk = |first: u32| {
            let mut pings = String::new();
            for number in first..first + BULK {
                let comma = if number == first { "" } else { "," };
                let _ = write!(pings, r#"{comma}{{"slug":"{}"}}"#, job(number));
            }
            http::post(self.address, self.key, "/api/v1/heartbeats", &format!(r#"{{"pings":[{pings}]}}"#))
        };
        let requests = (0..self.monitors).step_by(BULK as usize).map(bulk).collect();
        let what = format!("{BULK} pings in one request, {} monitors", self.monitors);
        Asked { what, items: BULK, at_once: 4, requests, limited: false }
    }

    fn first_of_cron(&self, number: u32) -> Vec<u8> {
        http::ping(
            self.address,
            self.key,
            &format!("{}?cron={}+3+*+*+*&tz=Europe/Berlin&grace=5m", cron(number), number % 60),
        )
    }

    fn pings_of_cron(&self) -> Asked {
        let requests = (0..CRON).map(|number| http::ping(self.address, self.key, &cron(number))).collect();
        let what = format!("a ping of a cron schedule with a time zone, {CRON} monitors");
        Asked { what, items: 1, at_once: CONNECTIONS, requests, limited: false }
    }
}

fn job(number: u32) -> String {
    format!("nightly-backup-{number:05}")
}

fn cron(number: u32) -> String {
    format!("weekly-report-{number:05}")
}
