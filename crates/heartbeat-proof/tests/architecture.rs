//! The house rules that neither the compiler nor clippy nor cargo-deny can see, read off the source tree.
//!
//! Each test lists every offence as `file:line: what`. Rust files are read as code alone, without comments, strings and
//! characters: prose may name what code may not, and this file, whose patterns are strings, is held to its own rules.

#[path = "architecture/code.rs"]
mod code;
#[path = "architecture/tree.rs"]
mod tree;

use std::io;

use code::words;
use tree::{File, Offence, Scope, manifests, rust_files};

/// What the domain does without, so that it can be replayed: waiting, a runtime, the clock.
const IMPURE: [&str; 7] = ["async", "await", "tokio", "SystemTime", "Instant::now", "Timestamp::now", "Zoned::now"];

/// The modules of heartbeat-core that are not the domain: the store port and what feeds `decide` and carries it out.
const SHELL_MODULES: [&str; 7] = ["store", "flow", "clock", "channel", "alarm", "archive", "dynamo"];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 9] = ["utils", "util", "helpers", "helper", "common", "types", "manager", "service", "misc"];

/// Which of our crates each crate may build on. Tests may use more: deny.toml has the arrows that bind them as well.
const ARROWS: [(&str, &[&str]); 6] = [
    ("heartbeat-core", &[]),
    ("heartbeat-sqlite", &["heartbeat-core"]),
    ("heartbeat-notify", &["heartbeat-core"]),
    ("heartbeat-api", &["heartbeat-core"]),
    ("heartbeat-checker", &["heartbeat-core"]),
    ("heartbeat", &["heartbeat-core", "heartbeat-sqlite", "heartbeat-notify", "heartbeat-api", "heartbeat-checker"]),
];

#[test]
fn the_domain_neither_waits_nor_reads_a_clock() -> io::Result<()> {
    let files = rust_files()?;
    let domain: Vec<&File> = files.iter().filter(|file| is_domain(&file.path)).collect();
    assert!(!domain.is_empty(), "found no file of the domain in crates/heartbeat-core/src");
    let offences = domain.iter().flat_map(|file| file.lines_naming(&IMPURE));
    assert_none("Domain files are pure: `now` is an argument, and nothing waits.", offences);
    Ok(())
}

#[test]
fn only_the_dynamo_module_names_the_aws_sdk() -> io::Result<()> {
    let (sources, manifests) = (rust_files()?, manifests()?);
    let in_code = sources.iter().filter(|file| !is_dynamo(&file.path)).flat_map(|file| {
        file.lines_where("names the AWS SDK", |line| words(line).any(|word| word.starts_with("aws_sdk")))
    });
    let in_manifests = manifests
        .iter()
        .filter(|manifest| manifest.crate_name() != "heartbeat-core")
        .flat_map(|manifest| manifest.depending_on(Scope::Everywhere, |name| name.starts_with("aws-sdk")));
    assert_none(
        "Only crates/heartbeat-core/src/dynamo builds an item, a key or an expression.",
        in_code.chain(in_manifests),
    );
    Ok(())
}

#[test]
fn every_module_is_named_after_what_is_in_it() -> io::Result<()> {
    let files = rust_files()?;
    let by_path = files
        .iter()
        .filter(|file| has_unwelcome_name(&file.path))
        .map(|file| file.offence(1, "is a module whose name says nothing"));
    let by_declaration = files
        .iter()
        .flat_map(|file| file.lines_where("declares a module whose name says nothing", declares_empty_name));
    assert_none(
        "Modules are `foo.rs` beside `foo/`, and named after something a user would say.",
        by_path.chain(by_declaration),
    );
    Ok(())
}

#[test]
fn no_test_sleeps() -> io::Result<()> {
    let files = rust_files()?;
    let offences = files.iter().flat_map(|file| {
        let tests_from = file.first_line_of_tests();
        file.lines_naming(&["thread::sleep", "time::sleep", "time::sleep_until"])
            .into_iter()
            .filter(move |offence| offence.line >= tests_from)
    });
    assert_none("A test that needs to wait needs an injected clock or an answer to wait for.", offences);
    Ok(())
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() -> io::Result<()> {
    let manifests = manifests()?;
    let offences = manifests
        .iter()
        .filter(|manifest| !manifest.takes_workspace_lints())
        .map(|manifest| manifest.offence(1, "has no `workspace = true` under `[lints]`"));
    assert_none("Every crate is held to the lint table of the workspace.", offences);
    Ok(())
}

#[test]
fn the_core_knows_no_server_no_database_and_no_channel() -> io::Result<()> {
    let manifests = manifests()?;
    let core: Vec<&File> = manifests.iter().filter(|manifest| manifest.crate_name() == "heartbeat-core").collect();
    assert_eq!(core.len(), 1, "found no crates/heartbeat-core/Cargo.toml");
    let offences = core.iter().flat_map(|manifest| {
        manifest.depending_on(Scope::Everywhere, |name| ["axum", "reqwest", "rusqlite", "teloxide"].contains(&name))
    });
    assert_none("The core is free of every edge.", offences);
    Ok(())
}

#[test]
fn every_arrow_points_to_the_core() -> io::Result<()> {
    let manifests = manifests()?;
    let offences = manifests.iter().flat_map(|manifest| {
        let allowed = ARROWS.iter().find(|(from, _)| *from == manifest.crate_name());
        manifest.depending_on(Scope::Production, |name| {
            name.starts_with("heartbeat") && allowed.is_some_and(|(_, targets)| !targets.contains(&name))
        })
    });
    assert_none("Only a binary chooses a store or a channel; proof and benchmarks never ship.", offences);
    Ok(())
}

#[test]
fn only_the_api_builds_on_axum() -> io::Result<()> {
    let manifests = manifests()?;
    let offences = manifests
        .iter()
        // Neither ships: the benchmark stands in for Lambda's own HTTP, and the fuzzer asks the router.
        .filter(|manifest| !["heartbeat-api", "heartbeat-bench", "heartbeat-fuzz"].contains(&manifest.crate_name()))
        .flat_map(|manifest| manifest.depending_on(Scope::Production, |name| name == "axum"));
    assert_none("HTTP is served by heartbeat-api; others serve only stubs, in their tests and benchmarks.", offences);
    Ok(())
}

fn assert_none(rule: &str, offences: impl IntoIterator<Item = Offence>) {
    let offences: Vec<String> = offences.into_iter().map(|offence| offence.to_string()).collect();
    assert!(offences.is_empty(), "{rule} Against it:\n  {}", offences.join("\n  "));
}

fn is_domain(path: &str) -> bool {
    path.strip_prefix("crates/heartbeat-core/src/").is_some_and(|inside| {
        let module = inside.split(['/', '.']).next().unwrap_or_default();
        !SHELL_MODULES.contains(&module)
    })
}

fn is_dynamo(path: &str) -> bool {
    path.starts_with("crates/heartbeat-core/src/dynamo/") || path == "crates/heartbeat-core/src/dynamo.rs"
}

/// Whether a part of the path, below its crate, is `mod.rs` or one of the empty names.
fn has_unwelcome_name(path: &str) -> bool {
    let mut parts = path.split('/').skip(2);
    parts.any(|part| part == "mod.rs" || EMPTY_NAMES.contains(&part.trim_end_matches(".rs")))
}

fn declares_empty_name(line: &str) -> bool {
    words(line).zip(words(line).skip(1)).any(|(keyword, name)| keyword == "mod" && EMPTY_NAMES.contains(&name))
}
