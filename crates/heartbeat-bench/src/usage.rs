//! What processes and the machine have used: CPU time, memory, flushes of the disk. Read from `/proc`, so Linux alone.

use std::{fs, path::Path, time::Duration};

use anyhow::Context;

/// `USER_HZ` of Linux: the unit of CPU times in `/proc`.
const TICKS_A_SECOND: u64 = 100;

/// A process, as `/proc` names it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Process {
    /// This one.
    Own,
    /// Another.
    Child(u32),
}

impl Process {
    /// The child of this process that is called so.
    pub(crate) fn child_called(name: &str) -> anyhow::Result<Self> {
        let own = std::process::id();
        let stats = fs::read_dir("/proc").context("cannot read /proc")?;
        let stats = stats.filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("stat")).ok());
        let child = stats.filter_map(|stat| parse_child(&stat, name, own)).last();
        child.map(Self::Child).with_context(|| format!("no child is called {name}"))
    }

    fn read(self, file: &str) -> anyhow::Result<String> {
        let path = match self {
            Self::Own => format!("/proc/self/{file}"),
            Self::Child(id) => format!("/proc/{id}/{file}"),
        };
        fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
    }

    /// User and system time so far, of all its threads, in steps of 10 ms.
    pub(crate) fn cpu(self) -> anyhow::Result<Duration> {
        parse_cpu(&self.read("stat")?).context("cannot understand /proc/…/stat")
    }

    /// User and system time of the threads that are alive, to the nanosecond: for what takes a few milliseconds.
    pub(crate) fn cpu_exactly(self) -> anyhow::Result<Duration> {
        let folder = match self {
            Self::Own => "/proc/self/task".to_owned(),
            Self::Child(id) => format!("/proc/{id}/task"),
        };
        let threads = fs::read_dir(&folder).with_context(|| format!("cannot read {folder}"))?;
        let ran = |thread: fs::DirEntry| parse_ran(&fs::read_to_string(thread.path().join("schedstat")).ok()?);
        Ok(threads.filter_map(|thread| ran(thread.ok()?)).sum())
    }

    /// What it has in memory.
    pub(crate) fn memory(self) -> anyhow::Result<Memory> {
        parse_memory(&self.read("status")?).context("cannot understand /proc/…/status")
    }
}

/// Resident memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Now, in KiB.
    pub(crate) now_kib: u64,
    /// The most there ever was, in KiB.
    pub(crate) peak_kib: u64,
}

/// The 14th and the 15th field of `stat`; the second, a name in parentheses, may have spaces and parentheses.
fn parse_cpu(stat: &str) -> Option<Duration> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(ticks(user + system))
}

/// The first field of `stat`, if the second is this name and the fourth this parent.
fn parse_child(stat: &str, name: &str, parent: u32) -> Option<u32> {
    let (head, tail) = stat.rsplit_once(')')?;
    let (id, called) = head.split_once(" (")?;
    let of: u32 = tail.split_whitespace().nth(1)?.parse().ok()?;
    if called == name && of == parent { id.parse().ok() } else { None }
}

/// The first field of `schedstat`: nanoseconds on a processor.
fn parse_ran(schedstat: &str) -> Option<Duration> {
    Some(Duration::from_nanos(schedstat.split_whitespace().next()?.parse().ok()?))
}

fn parse_memory(status: &str) -> Option<Memory> {
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(Memory { now_kib: kib("VmRSS:")?, peak_kib: kib("VmHWM:")? })
}

fn ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1_000 / TICKS_A_SECOND)
}

/// CPU time that the whole machine has spent on anything, stolen time included.
pub(crate) fn machine_cpu() -> anyhow::Result<Duration> {
    let stat = fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
    parse_machine_cpu(&stat).context("cannot understand /proc/stat")
}

/// The first line: user, nice, system, idle, iowait, irq, softirq, steal, and guests who are in user and nice already.
fn parse_machine_cpu(stat: &str) -> Option<Duration> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let fields = line.split_whitespace().take(8).map(str::parse).collect::<Result<Vec<u64>, _>>().ok()?;
    let resting: u64 = fields.iter().skip(3).take(2).sum();
    Some(ticks(fields.iter().sum::<u64>() - resting))
}

/// The disk that a folder is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Disk {
    /// The type of its file system.
    pub(crate) file_system: String,
    /// `major:minor`.
    pub(crate) device: String,
}

impl Disk {
    /// The disk of `folder`, which must be absolute.
    pub(crate) fn of(folder: &Path) -> anyhow::Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").context("cannot read /proc/self/mountinfo")?;
        parse_mount(&mounts, folder).with_context(|| format!("cannot find the disk of {}", folder.display()))
    }

    /// How often it has been told to make durable what it was given; `None` where the kernel does not count that.
    pub(crate) fn flushes(&self) -> Option<u64> {
        parse_flushes(&fs::read_to_string("/proc/diskstats").ok()?, &self.device)
    }

    /// Whether it keeps writes in a cache of its own until it is told to flush, in the kernel's words.
    pub(crate) fn write_cache(&self) -> Option<String> {
        let device = Path::new("/sys/dev/block").join(&self.device);
        let of = |path: &str| fs::read_to_string(device.join(path)).ok();
        // A partition has none of its own: its disk has.
        of("queue/write_cache").or_else(|| of("../queue/write_cache")).map(|text| text.trim().to_owned())
    }
}

/// The last mount whose point is the longest that `folder` is below.
fn parse_mount(mounts: &str, folder: &Path) -> Option<Disk> {
    let disk = |line: &str| {
        let (place, kind) = line.split_once(" - ")?;
        let mut place = place.split_whitespace().skip(2);
        let (device, point) = (place.next()?, place.nth(1)?);
        let file_system = kind.split_whitespace().next()?.to_owned();
        folder.starts_with(point).then(|| (point.len(), Disk { file_system, device: device.to_owned() }))
    };
    mounts.lines().filter_map(disk).max_by_key(|(length, _)| *length).map(|(_, disk)| disk)
}

/// The 19th field of the disk's line.
fn parse_flushes(stats: &str, device: &str) -> Option<u64> {
    let fields = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let mut lines = stats.lines().map(fields);
    let ours = lines.find(|fields| format!("{}:{}", number(fields, 0), number(fields, 1)) == device)?;
    ours.get(18)?.parse().ok()
}

fn number(fields: &[String], at: usize) -> &str {
    fields.get(at).map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_user_and_system_whatever_the_name() {
        let stat = "4711 (tokio) rt (x y) S 1 4711 4711 0 -1 4194560 2 0 0 0 1234 56 7 8 20 0 5 0 99 1 2 3";
        assert_eq!(parse_cpu(stat), Some(Duration::from_millis(12_900)));
        assert_eq!(parse_cpu("4711 (cut off) S 1 2"), None);
        assert_eq!(parse_cpu(""), None);
    }

    #[test]
    fn a_thread_ran_for_so_many_nanoseconds() {
        assert_eq!(parse_ran("1234567 89 3\n"), Some(Duration::from_nanos(1_234_567)));
        assert_eq!(parse_ran(""), None);
    }

    #[test]
    fn a_child_is_known_by_its_name_and_its_parent() {
        let stat = "4711 (ddb-local) S 12 4711 4711 0 -1";
        assert_eq!(parse_child(stat, "ddb-local", 12), Some(4_711));
        assert_eq!(parse_child(stat, "ddb-local", 13), None);
        assert_eq!(parse_child(stat, "ddb", 12), None);
        assert!(Process::child_called("nobody").is_err());
    }

    #[test]
    fn memory_is_what_is_resident_now_and_at_most() {
        let status = "Name:\theartbeat\nVmPeak:\t  99 kB\nVmHWM:\t   21504 kB\nVmRSS:\t   20480 kB\n";
        assert_eq!(parse_memory(status), Some(Memory { now_kib: 20_480, peak_kib: 21_504 }));
        assert_eq!(parse_memory("Name:\tzombie\n"), None);
    }

    #[test]
    fn the_machine_is_busy_when_it_neither_idles_nor_waits() {
        let stat = "cpu  100 1 50 9000 800 2 3 4 70 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
        assert_eq!(parse_machine_cpu(stat), Some(Duration::from_millis(1_600)));
    }

    #[test]
    fn a_folder_is_on_the_innermost_mount() {
        let mounts = "22 27 0:21 / /proc rw - proc proc rw\n27 1 254:0 / / rw shared:1 - ext4 /dev/root rw\n\
                      30 27 0:30 / /srv/tmp rw - tmpfs tmpfs rw\n";
        let disk = |folder: &str| parse_mount(mounts, Path::new(folder)).map(|disk| disk.file_system);
        assert_eq!(disk("/srv/main/target").as_deref(), Some("ext4"));
        assert_eq!(disk("/srv/tmp/x").as_deref(), Some("tmpfs"));
        assert_eq!(disk("/srv/tmpx").as_deref(), Some("ext4"));
    }

    #[test]
    fn flushes_are_those_of_the_right_disk() {
        let stats = "   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 5 6\n \
                     254       0 vda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 251125 15360\n";
        assert_eq!(parse_flushes(stats, "254:0"), Some(251_125));
        assert_eq!(parse_flushes(stats, "8:0"), None);
        assert_eq!(parse_flushes("8 0 sda 1 2 3\n", "8:0"), None);
    }

    #[test]
    fn this_very_process_can_be_read() {
        let memory = Process::Own.memory().unwrap();
        assert!(memory.now_kib > 0 && memory.peak_kib >= memory.now_kib);
        assert!(Process::Own.cpu().unwrap() <= machine_cpu().unwrap());
        assert!(Process::Own.cpu_exactly().unwrap() > Duration::ZERO);
    }
}
