//! A job that reports by the crate `healthchecks`, as its README has it: only the two addresses are others.
//! `healthchecks-client ADDRESS KEY`; it prints what it was told, and fails where it was told something else.

use healthchecks::{manage, model::NewCheck, ping};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (address, key) = (arguments.next().expect("an address"), arguments.next().expect("a key"));
    let api = manage::get_client_with_url(key, None, format!("{address}/api/v3")).expect("a client");
    let wanted = || NewCheck {
        name: Some("Rust Job".to_owned()),
        tags: Some("rust prod".to_owned()),
        timeout: Some(3600),
        grace: Some(60),
        unique: Some(vec!["name".to_owned()]),
        ..NewCheck::default()
    };
    let (upserted, check) = api.upsert_check(wanted()).expect("a check is made");
    assert!(matches!(upserted, manage::UpsertResult::Created));
    let (upserted, _) = api.upsert_check(wanted()).expect("the same check is found");
    assert!(matches!(upserted, manage::UpsertResult::Updated));
    let uuid = check.id().expect("who may write sees the ping URL");
    let job = ping::get_client_with_url(&uuid, &format!("{address}/ping")).expect("a client");
    assert!(job.start_timer() && job.report_success() && job.report_failure_with_logs("disk full"));
    let seen = api.get_check(&uuid).expect("the check is there");
    assert_eq!((seen.status.as_str(), seen.n_pings), ("down", 3));
    assert_eq!(api.get_checks().expect("a list").len(), 1);
    assert_eq!(api.get_channels().expect("a list").len(), 0);
    assert_eq!(api.pause(&uuid).expect("it is paused").status, "paused");
    assert!(job.report_success());
    assert_eq!(api.get_check(&uuid).expect("the check is there").status, "up");
    assert_eq!(api.delete(&uuid).expect("it is deleted").name, "Rust Job");
    println!("healthchecks (crates.io): all well");
}
