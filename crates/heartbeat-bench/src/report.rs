//! The report: `docs/benchmarks.md`, from what was measured and from one part that is written by hand.

use std::{fmt::Display, time::Duration};

use crate::{
    Plan,
    against::Against,
    aims::{Aim, Met, judge},
    dynamo, lambda,
    load::CONNECTIONS,
    machine::Machine,
    parts::DISTURBED,
    passes::{Passes, Spent},
    pings::{Pings, per_second},
    requests::Requests,
    startup::Starts,
};

const METHOD: &str = include_str!("method.md");
const PEERS: &str = include_str!("peers.md");
const WHERE_THE_TIME_GOES: &str = include_str!("where_the_time_goes.md");

/// What was measured.
pub(crate) struct Report {
    machine: Machine,
    warm_up: Duration,
    measured: Duration,
    /// Pings over HTTP, a row for each number of monitors.
    pub(crate) pings: Vec<Pings>,
    /// Pings of this binary and of an earlier one, in turn.
    pub(crate) against: Vec<Against>,
    /// What the earlier one is.
    earlier: String,
    /// Other requests than an ordinary ping.
    pub(crate) requests: Vec<Requests>,
    /// Passes of the checker, a row for each number of monitors.
    pub(crate) passes: Vec<Passes>,
    /// Start-up.
    pub(crate) starts: Option<Starts>,
    /// Pings on the protocol of `DynamoDB`, a row for each number of monitors.
    pub(crate) dynamo_pings: Vec<dynamo::Pings>,
    /// Passes of the checker on the protocol of `DynamoDB`.
    pub(crate) dynamo_passes: Vec<Passes>,
    /// Starts of the packages for AWS Lambda.
    pub(crate) packages: Vec<lambda::Starts>,
}

impl Report {
    /// Nothing is measured yet.
    pub(crate) fn new(machine: &Machine, plan: &Plan) -> Self {
        Self {
            machine: machine.clone(),
            warm_up: plan.warm_up,
            measured: plan.measured,
            pings: Vec::new(),
            against: Vec::new(),
            earlier: plan.earlier_is.clone(),
            requests: Vec::new(),
            passes: Vec::new(),
            starts: None,
            dynamo_pings: Vec::new(),
            dynamo_passes: Vec::new(),
            packages: Vec::new(),
        }
    }

    /// The whole text.
    pub(crate) fn finish(&self) -> String {
        let seconds = |duration: Duration| duration.as_secs().to_string();
        let method = METHOD
            .replace("{connections}", &CONNECTIONS.to_string())
            .replace("{warm_up}", &seconds(self.warm_up))
            .replace("{measured}", &seconds(self.measured));
        let head = "# Benchmarks\n\nWritten by `cargo run --release -p heartbeat-bench` (`just bench`); edit \
                    `crates/heartbeat-bench`, not this file.\n";
        let parts = [
            head.to_owned(),
            self.aims(),
            PEERS.to_owned(),
            self.machine(),
            method,
            self.pings(),
            self.against(),
            self.requests(),
            self.passes(),
            self.starts(),
            self.dynamo_pings(),
            self.dynamo_passes(),
            self.dynamo_noise(),
            self.packages(),
            WHERE_THE_TIME_GOES.to_owned(),
        ];
        let parts = parts.iter().map(|part| part.trim_end()).filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join("\n\n") + "\n"
    }

    fn aims(&self) -> String {
        let row = |Aim { text, measured, met }: Aim| {
            let met = match met {
                Met::Yes => "yes",
                Met::No => "**no**",
            };
            vec![text, measured, met.to_owned()]
        };
        section("What was aimed at", &["Aim", "Measured", "Met"], judge(self).into_iter().map(row))
    }

    fn machine(&self) -> String {
        let Machine { date, cpu, cores, memory_kib, kernel, disk, durable, rustc, commit } = &self.machine;
        let cache = disk.write_cache().map_or(String::new(), |cache| format!(", cache: {cache}"));
        let facts = [
            ("When", date.clone()),
            ("What", commit.clone()),
            ("Processor", format!("{cpu}, {cores} cores")),
            ("Memory", format!("{} MiB", memory_kib / 1_024)),
            ("System", kernel.clone()),
            ("Disk", format!("{}, device {}{cache}", disk.file_system, disk.device)),
            (
                "4 KiB appended and made durable",
                format!("{} µs, p99 {} µs", micros(durable.median()), micros(durable.at_per_mille(990))),
            ),
            ("Compiler", rustc.clone()),
        ];
        section("The machine", &["", ""], facts.into_iter().map(|(name, value)| vec![name.to_owned(), value]))
    }

    fn pings(&self) -> String {
        let header = [
            "Monitors",
            "Pings/s",
            "p50 ms",
            "p99 ms",
            "max ms",
            "Errors",
            "Server CPU µs/ping",
            "Generator CPU µs/ping",
            "Others' CPU",
            "Pings/flush",
            "RSS idle MiB",
            "RSS MiB",
            "RSS peak MiB",
            "Log lines",
        ];
        section("Pings over HTTP", &header, self.pings.iter().map(ping_row))
    }

    fn against(&self) -> String {
        let header = [
            "Monitors",
            "Pairs",
            "Before: server CPU µs/ping",
            "Now: server CPU µs/ping",
            "Now of before, median",
            "least",
            "most",
        ];
        let title = format!("Pings over HTTP, against {}", self.earlier);
        section(&title, &header, self.against.iter().map(against_row))
    }

    fn requests(&self) -> String {
        let header = [
            "Request",
            "At once",
            "Requests/s",
            "p50 ms",
            "p99 ms",
            "Server CPU µs/request",
            "µs per ping or thing",
            "Others' CPU",
        ];
        section("Other requests over HTTP", &header, self.requests.iter().map(request_row))
    }

    fn passes(&self) -> String {
        let header = [
            "Monitors",
            "Overdue",
            "Pass ms",
            "slowest ms",
            "CPU ms",
            "µs per overdue",
            "Nothing due ms",
            "The pass after it ms",
            "Audit of all ms",
            "CPU ms",
        ];
        section("A pass of the checker", &header, self.passes.iter().map(pass_row))
    }

    fn dynamo_pings(&self) -> String {
        let header = [
            "Monitors",
            "Our CPU µs/ping",
            "Engine CPU µs/ping",
            "Requests/ping",
            "declined/ping",
            "Pings/s",
            "p50 ms",
            "p99 ms",
            "Errors",
            "Others' CPU",
        ];
        section("Pings on DynamoDB's protocol", &header, self.dynamo_pings.iter().map(dynamo_ping_row))
    }

    fn dynamo_passes(&self) -> String {
        let header = [
            "Monitors",
            "Overdue",
            "Our CPU ms",
            "Engine CPU ms",
            "Pass ms",
            "slowest ms",
            "Our CPU µs per overdue",
            "Nothing due ms",
            "The pass after it ms",
            "Audit of all ms",
            "our CPU ms",
            "engine CPU ms",
        ];
        section("A pass on DynamoDB's protocol", &header, self.dynamo_passes.iter().map(dynamo_pass_row))
    }

    /// When the rows on `DynamoDB`'s protocol were measured, and whether others have disturbed them.
    fn dynamo_noise(&self) -> String {
        let Some(noisiest) = self.dynamo_pings.iter().map(|row| (row.others_cpu, row.came.wall)).max() else {
            return String::new();
        };
        let Machine { date, commit, .. } = &self.machine;
        let disturbed = if noisiest.0 > noisiest.1 / DISTURBED {
            " Others disturbed them: rates, latencies and times on the clock are those of a busy machine, and CPU is \
             what counts."
        } else {
            ""
        };
        format!(
            "The rows on DynamoDB's protocol were measured on {date}, at {commit}, on the machine above.{disturbed}"
        )
    }

    fn packages(&self) -> String {
        let header = [
            "Package",
            "zip MiB",
            "program MiB",
            "Starts",
            "Asks for an event ms",
            "slowest ms",
            "First answer ms",
            "fastest ms",
            "slowest ms",
            "CPU ms",
            "RSS peak MiB",
            "largest MiB",
        ];
        section("Starts of the packages for AWS Lambda", &header, self.packages.iter().map(package_row))
    }

    fn starts(&self) -> String {
        let header =
            ["Monitors", "File MiB", "Starts", "Answers ms", "slowest ms", "Ready ms", "slowest ms", "RSS peak MiB"];
        section("Start-up", &header, self.starts.iter().map(start_row))
    }
}

fn ping_row(row: &Pings) -> Vec<String> {
    let latencies = &row.came.latencies;
    let others = row.others_cpu.as_secs_f64() / row.came.wall.as_secs_f64().max(f64::MIN_POSITIVE);
    let group = row.flushes.and_then(|flushes| u64::try_from(latencies.len()).ok()?.checked_div(flushes));
    vec![
        thousands(row.monitors),
        thousands(row.per_second()),
        millis(latencies.median()),
        millis(latencies.at_per_mille(990)),
        millis(latencies.at_per_mille(1_000)),
        row.came.errors.to_string(),
        micros(row.server_cpu_each()),
        micros(row.generator_cpu_each()),
        format!("{others:.2} cores"),
        group.map_or("?".to_owned(), |group| group.to_string()),
        mib(row.memory_quiet.now_kib),
        mib(row.memory.now_kib),
        mib(row.memory.peak_kib),
        row.warnings.to_string(),
    ]
}

fn against_row(row: &Against) -> Vec<String> {
    let ratios = row.per_mille();
    let percent = |at: usize| {
        ratios.get(at).map_or("?".to_owned(), |per_mille| format!("{}.{} %", per_mille / 10, per_mille % 10))
    };
    vec![
        thousands(row.monitors),
        row.pairs.len().to_string(),
        micros(row.before()),
        micros(row.now()),
        percent(ratios.len() / 2),
        percent(0),
        percent(ratios.len().saturating_sub(1)),
    ]
}

fn request_row(row: &Requests) -> Vec<String> {
    let latencies = &row.came.latencies;
    let others = row.others_cpu.as_secs_f64() / row.came.wall.as_secs_f64().max(f64::MIN_POSITIVE);
    vec![
        row.what.clone(),
        row.at_once.to_string(),
        thousands(per_second(u32::try_from(latencies.len()).unwrap_or(u32::MAX), row.came.wall)),
        millis(latencies.median()),
        millis(latencies.at_per_mille(990)),
        micros(row.server_cpu_each()),
        micros(row.server_cpu_each().checked_div(row.items).unwrap_or_default()),
        format!("{others:.2} cores"),
    ]
}

fn pass_row(row: &Passes) -> Vec<String> {
    let Passes { monitors, overdue, idle, following, audit, .. } = row;
    let wall = |spent: &Spent| millis(spent.wall);
    vec![
        thousands(*monitors),
        thousands(*overdue),
        millis(row.wall()),
        millis(row.slowest()),
        millis(row.cpu()),
        micros(row.wall().checked_div(*overdue).unwrap_or_default()),
        wall(idle),
        wall(following),
        wall(audit),
        millis(audit.cpu),
    ]
}

fn dynamo_ping_row(row: &dynamo::Pings) -> Vec<String> {
    let latencies = &row.came.latencies;
    let others = row.others_cpu.as_secs_f64() / row.came.wall.as_secs_f64();
    vec![
        thousands(row.monitors),
        micros(row.cpu_each()),
        micros(row.engine_cpu_each()),
        hundredths(row.metered.requests_each()),
        hundredths(row.metered.declined_each()),
        thousands(row.per_second()),
        millis(latencies.median()),
        millis(latencies.at_per_mille(990)),
        row.came.errors.to_string(),
        format!("{others:.2} cores"),
    ]
}

fn dynamo_pass_row(row: &Passes) -> Vec<String> {
    let Passes { monitors, overdue, idle, following, audit, .. } = row;
    vec![
        thousands(*monitors),
        thousands(*overdue),
        millis(row.cpu()),
        millis(row.engine_cpu()),
        millis(row.wall()),
        millis(row.slowest()),
        micros(row.cpu().checked_div(*overdue).unwrap_or_default()),
        millis(idle.wall),
        millis(following.wall),
        millis(audit.wall),
        millis(audit.cpu),
        millis(audit.engine_cpu),
    ]
}

fn start_row(starts: &Starts) -> Vec<String> {
    let Starts { monitors, file_bytes, answers, ready, peak_kib } = starts;
    vec![
        thousands(*monitors),
        mib(file_bytes / 1_024),
        answers.len().to_string(),
        millis(answers.median()),
        millis(answers.at_per_mille(1_000)),
        millis(ready.median()),
        millis(ready.at_per_mille(1_000)),
        mib(*peak_kib),
    ]
}

fn package_row(row: &lambda::Starts) -> Vec<String> {
    let lambda::Starts { function, zip_bytes, program_bytes, asked, answered, cpu, peaks_kib } = row;
    vec![
        function.name().to_owned(),
        mib(zip_bytes / 1_024),
        mib(program_bytes / 1_024),
        answered.len().to_string(),
        millis(asked.median()),
        millis(asked.at_per_mille(1_000)),
        millis(answered.median()),
        millis(answered.at_per_mille(1)),
        millis(answered.at_per_mille(1_000)),
        millis(cpu.median()),
        mib(peaks_kib.0),
        mib(peaks_kib.1),
    ]
}

/// A heading and a table; nothing when the table has no row.
fn section(title: &str, header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let rows: Vec<String> = rows.map(|cells| format!("| {} |", cells.join(" | "))).collect();
    if rows.is_empty() {
        return String::new();
    }
    let rule = vec!["---"; header.len()].join(" | ");
    format!("## {title}\n\n| {} |\n| {rule} |\n{}\n", header.join(" | "), rows.join("\n"))
}

/// A whole number, its digits in groups of three.
pub(crate) fn thousands(number: impl Display) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

/// A number that is given in hundredths.
fn hundredths(hundredths: u64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// Milliseconds; with two decimals below 10.
pub(crate) fn millis(duration: Duration) -> String {
    let millis = duration.as_secs_f64() * 1e3;
    if millis < 10.0 { format!("{millis:.2}") } else { format!("{millis:.0}") }
}

/// Microseconds; with one decimal below 100.
pub(crate) fn micros(duration: Duration) -> String {
    let micros = duration.as_secs_f64() * 1e6;
    if micros < 100.0 { format!("{micros:.1}") } else { format!("{micros:.0}") }
}

/// Mebibytes, with one decimal.
pub(crate) fn mib(kib: u64) -> String {
    format!("{}.{}", kib / 1_024, kib % 1_024 * 10 / 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_for_people() {
        assert_eq!([1, 999, 1_000, 1_234_567].map(thousands), ["1", "999", "1,000", "1,234,567"]);
        assert_eq!([1_234, 12_345, 123_456].map(|us| millis(Duration::from_micros(us))), ["1.23", "12", "123"]);
        assert_eq!([1_250, 123_456].map(|ns| micros(Duration::from_nanos(ns))), ["1.2", "123"]);
        assert_eq!([100, 107, 1_230].map(hundredths), ["1.00", "1.07", "12.30"]);
        assert_eq!(mib(40 * 1_024 + 512), "40.5");
    }

    #[test]
    fn a_table_without_rows_is_nothing() {
        assert_eq!(section("T", &["a"], std::iter::empty()), "");
        let one = section("T", &["a", "b"], std::iter::once(vec!["1".to_owned(), "2".to_owned()]));
        assert_eq!(one, "## T\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n");
    }
}
