//! Definitions from the command line: one by one, and all of them as a file.

use heartbeat_core::key::ApiKey;

use crate::installation::{HEARTBEAT, Installation};

const FILE: &str = "\
version: 1
monitors:
- slug: nightly-backup
  name: Nightly backup
  cron: 30 2 * * *
  timezone: Europe/Berlin
  grace: 30m
- slug: weekly
  interval: 7d
  grace: 10m
";

#[tokio::test]
async fn a_monitor_is_made_shown_and_edited() {
    let installation = Installation::fresh();
    let server = installation.serve().await;
    let desk = Installation::fresh().with("HEARTBEAT_URL", &server.address);
    let desk = desk.with("HEARTBEAT_API_KEY", server.first_key().await);
    let made =
        desk.run(&["monitors", "create", "weekly", "--interval", "7d", "--grace", "5m", "--tag", "db,prod"]).await;
    let made = made.well();
    assert!(made.starts_with("+ weekly\n  its ping URL, which is a secret: http://127.0.0.1:"), "{made}");
    let again = desk.run(&["monitors", "create", "weekly"]).await.badly();
    assert!(again.contains("there is a monitor `weekly` already"), "{again}");

    let edited =
        desk.run(&["monitors", "edit", "weekly", "--grace", "10m", "--name", "Weekly", "--unset", "tags"]).await;
    assert_eq!(edited.well(), "~ weekly  grace: 5m → 10m, name: - → Weekly, tags: db prod → none\n");
    assert_eq!(desk.run(&["monitors", "edit", "weekly", "--grace", "600"]).await.well(), "weekly is so already\n");
    let cron =
        desk.run(&["monitors", "edit", "weekly", "--cron", "@weekly", "--timezone", "Europe/Berlin"]).await.well();
    assert_eq!(cron, "~ weekly  cron: - → @weekly, interval: 7d → -, timezone: - → Europe/Berlin\n");
    let wrong = desk.run(&["monitors", "edit", "weekly", "--grace", "soon"]).await.badly();
    assert!(wrong.contains("\"soon\" is not a duration"), "{wrong}");
    let nothing = desk.run(&["monitors", "edit", "weekly"]).await.badly();
    assert!(nothing.contains("heartbeat monitors edit --help"), "{nothing}");

    let shown = desk.run(&["monitors", "show", "weekly"]).await.well();
    for line in
        ["slug               weekly", "status             new", "cron               @weekly", "grace              10m"]
    {
        assert!(shown.lines().any(|shown| shown == line), "{line} is not in\n{shown}");
    }
    assert_eq!(desk.run(&["monitors", "pause", "weekly"]).await.well(), "weekly is paused\n");
    assert_eq!(desk.run(&["monitors", "resume", "weekly"]).await.well(), "weekly is watched again\n");
    server.stop().await;
}

#[tokio::test]
async fn a_file_is_tried_imported_exported_and_pruned() {
    let installation = Installation::fresh();
    let server = installation.serve().await;
    let desk = Installation::fresh().with("HEARTBEAT_URL", &server.address);
    let desk = desk.with("HEARTBEAT_API_KEY", server.first_key().await);
    desk.run(&["monitors", "create", "weekly", "--interval", "7d", "--grace", "5m"]).await.well();
    desk.run(&["monitors", "create", "old"]).await.well();
    std::fs::write(desk.path("monitors.yaml"), FILE).unwrap();

    let difference = "+ nightly-backup\n~ weekly  grace: 5m → 10m\n";
    let dry = desk.run(&["import", "monitors.yaml", "--dry-run", "--prune"]).await;
    assert_eq!((dry.code, dry.out.as_str()), (Some(0), format!("{difference}- old\n").as_str()), "{}", dry.err);
    assert!(dry.err.contains("nothing was done; it would be: 1 created, 1 changed, 1 deleted"), "{}", dry.err);
    assert!(!desk.run(&["monitors"]).await.well().contains("nightly-backup"), "a dry run made something");

    assert_eq!(desk.run(&["import", "monitors.yaml"]).await.out, difference);
    let again = desk.run(&["import", "monitors.yaml"]).await;
    assert_eq!((again.code, again.out.trim()), (Some(0), ""));
    assert!(again.err.contains("0 created, 0 changed, 0 deleted, 2 as they were"), "{}", again.err);
    assert_eq!(desk.run(&["import", "monitors.yaml", "--prune"]).await.out, "- old\n");

    assert_eq!(desk.run(&["export"]).await.well(), FILE);
    for file in ["again.yaml", "again.json"] {
        assert_eq!(desk.run(&["export", file]).await.well().trim(), "");
        let said = desk.run(&["import", file]).await;
        assert_eq!((said.code, said.out.trim()), (Some(0), ""), "{}", said.err);
    }
    assert_eq!(std::fs::read_to_string(desk.path("again.yaml")).unwrap(), FILE);
    assert!(std::fs::read_to_string(desk.path("again.json")).unwrap().starts_with("{\n  \"version\": 1,"));
    let json = desk.run(&["export", "--format", "json"]).await.well();
    assert_eq!(desk.run_reading(&json, &["import", "-", "--format", "json"]).await.out.trim(), "");
    assert_eq!(desk.run_reading(&FILE.replace("10m", "1h"), &["import", "-"]).await.out, "~ weekly  grace: 10m → 1h\n");
    server.stop().await;
}

#[tokio::test]
async fn a_file_with_a_mistake_is_refused_before_anything_is_sent() {
    // Nobody listens there.
    let desk = Installation::fresh()
        .with("HEARTBEAT_URL", "http://127.0.0.1:9")
        .with("HEARTBEAT_API_KEY", ApiKey::from_random([1; 32]).reveal());
    std::fs::write(desk.path("monitors.yaml"), FILE.replace("grace: 10m", "graze: 10m")).unwrap();
    let refused = desk.run(&["import", "monitors.yaml"]).await;
    assert_eq!(refused.code, Some(1));
    let said = refused.badly();
    assert!(said.contains("monitors.yaml is refused, and nothing was changed") && said.contains("line 10"), "{said}");
    let missing = desk.run(&["import", "nowhere.yaml"]).await.badly();
    assert!(missing.contains("cannot read nowhere.yaml"), "{missing}");
    let help = desk.run_program(HEARTBEAT, &["import", "--help"]).await.well();
    assert!(help.contains("--dry-run") && help.contains("--prune") && help.contains("heartbeat export"), "{help}");
}

#[tokio::test]
async fn a_key_that_may_only_read_tries_an_import_and_does_none() {
    let installation = Installation::fresh();
    let server = installation.serve().await;
    let reads = installation.run(&["add-api-key", "--description", "reads", "--scope", "read"]).await.well();
    let desk = Installation::fresh().with("HEARTBEAT_URL", &server.address).with("HEARTBEAT_API_KEY", reads.trim());
    std::fs::write(desk.path("monitors.yaml"), FILE).unwrap();
    assert_eq!(desk.run(&["import", "monitors.yaml", "--dry-run"]).await.out, "+ nightly-backup\n+ weekly\n");
    let refused = desk.run(&["import", "monitors.yaml"]).await.badly();
    assert!(refused.contains("lacks the scope `write`"), "{refused}");
    server.stop().await;
}
