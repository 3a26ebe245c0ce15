use heartbeat_core::{Cron, Timestamp};

/// The instants that are asked about: 1970 to about 2200.
const LATEST: u64 = 7_258_118_400;

/// Three lines: a cron line, a time zone, and a number of seconds since the epoch.
///
/// What is refused is refused with a sentence. What is read is written so that it is read again as the same; its runs go
/// forwards, and on the way back each is met again.
pub fn cron(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let mut lines = text.splitn(3, '\n');
    let (line, zone) = (lines.next().unwrap_or_default(), lines.next().unwrap_or("UTC"));
    let seconds = lines.next().and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or_default() % LATEST;
    let cron = match Cron::parse(line, zone) {
        Ok(cron) => cron,
        Err(error) => return assert!(!error.to_string().is_empty(), "a refusal says why"),
    };
    let again = Cron::parse(cron.line(), cron.zone()).expect("what it writes is read");
    assert_eq!((again.line(), again.zone()), (cron.line(), cron.zone()), "and is the same");
    let at = Timestamp::from_secs(i64::try_from(seconds).unwrap_or(0));
    let runs = cron.upcoming(at, 4);
    assert!(runs.first().is_none_or(|first| *first > at), "the next run is later");
    for pair in runs.windows(2) {
        let [one, next] = pair else { continue };
        assert!(one < next, "runs go forwards");
        assert_eq!(cron.run_before(*next), Some(*one), "and back");
    }
    if let Some(first) = runs.first() {
        let before = cron.run_before(*first);
        assert!(before.is_none_or(|before| before <= at), "nothing runs between {at} and the next run");
    }
}
