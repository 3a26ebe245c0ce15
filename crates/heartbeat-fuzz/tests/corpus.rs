//! Everything that a fuzzer ever found to reach something new is tried again.

#![expect(clippy::unwrap_used, reason = "a test passes or it panics")]

use std::{fs, path::Path};

/// Tries every file of a corpus, which is no empty one.
#[track_caller]
fn replay(name: &str, hold: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    assert!(files.len() > 20, "{} files in {}", files.len(), folder.display());
    for file in files {
        let data = fs::read(&file).unwrap();
        let outcome = std::panic::catch_unwind(|| hold(&data));
        assert!(outcome.is_ok(), "{} does not hold", file.display());
    }
}

#[test]
fn pings_of_the_corpus_are_answered() {
    replay("pings", heartbeat_fuzz::pings);
}

#[test]
fn cron_lines_of_the_corpus_are_read_or_refused() {
    replay("cron", heartbeat_fuzz::cron);
}

#[test]
fn documents_of_the_corpus_are_read_or_refused() {
    replay("documents", heartbeat_fuzz::documents);
}
