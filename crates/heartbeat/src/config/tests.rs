use heartbeat_core::dynamo::tables;

use super::*;

fn config(variables: &[(&str, &str)]) -> Result<Config, Mistakes> {
    config_of(Program::Heartbeat, None, variables)
}

fn config_of(program: Program, file: Option<&str>, variables: &[(&str, &str)]) -> Result<Config, Mistakes> {
    let find = |name: &str| variables.iter().find(|v| v.0 == name).map(|v| v.1.to_owned());
    Config::from_lookup(program, file.map(Into::into), &find)
}

fn is_table(variable: &str) -> bool {
    tables::ALL.iter().any(|table| table.variables.contains(&variable))
}

#[test]
fn an_empty_environment_gives_the_documented_defaults() {
    let config = config(&[]).unwrap();
    for name::Variable { name: variable, default, .. } in name::ALL.iter().filter(|one| !is_table(one.name)) {
        let set = self::config(&[(variable, default)]).unwrap();
        // That somebody has said so is all the difference.
        let set = Config { proposed_settle: config.proposed_settle, ..set };
        assert_eq!(format!("{set:?}"), format!("{config:?}"), "{variable}");
    }
    assert!(matches!(config.alerts, Alerts::Terminal));
}

#[test]
fn all_mistakes_are_told_together() {
    let mistakes = config(&[
        ("BIND_ADDR", "nowhere"),
        ("TELEGRAM_BOT_TOKEN", "123456:a-secret"),
        ("TELEGRAM_API_URL", "ftp://x"),
        ("HEARTBEAT_CHECK_INTERVAL", "0"),
        ("HEARTBEAT_STORE", "postgres"),
        ("EVENTS_TABLE", "all events"),
        ("HEARTBEAT_SETTLE", "1h"),
        ("HEARTBEAT_DEFAULT_GRACE", "soon"),
        ("HEARTBEAT_REMIND_PACE", "often"),
        ("PING_LOG", "some"),
        ("HEARTBEAT_PINGS_PER_MINUTE", "many"),
        ("HEARTBEAT_LOG_FORMAT", "xml"),
        ("HEARTBEAT_API_KEY", "hb_not_a_key"),
        ("RUST_LOG", "heartbeat=loud=er"),
        ("HEARTBEAT_OUTAGE_HOLD", "soon"),
        ("HEARTBEAT_OUTBOUND_URL", "nowhere"),
        ("HEARTBEAT_METRICS_PUBLIC", "yes"),
        ("HEARTBEAT_BASE_URL", "heartbeat.example"),
    ])
    .unwrap_err();
    assert_eq!(mistakes.0.len(), 18, "{mistakes}");
    let text = mistakes.to_string();
    assert!(!text.contains("a-secret") && !text.contains("hb_not_a_key"), "{text}");
    assert!(text.contains("TELEGRAM_CHAT_ID: it is missing"), "{text}");
}

#[test]
fn no_secret_shows_in_debug() {
    let key = ApiKey::from_random([0xAB; 32]);
    let config = config(&[
        ("TELEGRAM_BOT_TOKEN", "123456:a-secret"),
        ("TELEGRAM_CHAT_ID", "-100"),
        ("HEARTBEAT_API_KEY", key.reveal()),
    ])
    .unwrap();
    let text = format!("{config:?}");
    assert!(!text.contains("a-secret") && !text.contains("abab"), "{text}");
}

#[test]
fn the_checker_is_watched_over_only_when_somebody_says_so() {
    let plain = config(&[]).unwrap();
    assert_eq!((plain.network, plain.outage_hold), (Network::Public, Duration::from_mins(15)));
    assert!(plain.outbound_url.is_none() && plain.canary.is_none());
    let key = ApiKey::from_random([0xCD; 32]);
    let config = config(&[
        ("HEARTBEAT_ALLOW_PRIVATE_ADDRESSES", "true"),
        ("HEARTBEAT_OUTBOUND_URL", "https://user:a-secret@hc.example/a-secret?a-secret"),
        ("HEARTBEAT_OUTAGE_HOLD", "0"),
        ("HEARTBEAT_CANARY_URL", "https://heartbeat.example"),
        ("HEARTBEAT_CANARY_KEY", key.reveal()),
    ])
    .unwrap();
    assert_eq!((config.network, config.outage_hold), (Network::PrivateToo, Duration::ZERO));
    let text = format!("{config:?}");
    assert!(text.contains("https://hc.example/…"), "{text}");
    assert!(!text.contains("a-secret") && !text.contains("cdcd"), "{text}");
    assert!(config.outbound_url.unwrap().url().as_str().contains("a-secret"));
    assert!(matches!(config.canary.unwrap().key, CanaryKey::Here(there) if there.reveal() == key.reveal()));
}

#[test]
fn what_is_around_the_checker_is_right_or_refused() {
    let key = ApiKey::from_random([0xCD; 32]);
    for (variables, said) in [
        (&[("HEARTBEAT_ALLOW_PRIVATE_ADDRESSES", "yes")][..], "HEARTBEAT_ALLOW_PRIVATE_ADDRESSES: it is true or false"),
        (&[("HEARTBEAT_OUTBOUND_URL", "ftp://a-secret")], "HEARTBEAT_OUTBOUND_URL: it is no address"),
        (&[("HEARTBEAT_OUTBOUND_URL", "a-secret")], "HEARTBEAT_OUTBOUND_URL: it is no address"),
        (&[("HEARTBEAT_OUTAGE_HOLD", "25h")], "HEARTBEAT_OUTAGE_HOLD: it is from 0 to 86400 seconds"),
        (&[("HEARTBEAT_CANARY_URL", "https://a")], "HEARTBEAT_CANARY_KEY: it is missing"),
        (&[("HEARTBEAT_CANARY_KEY", key.reveal())], "HEARTBEAT_CANARY_URL: it is missing"),
        (&[("HEARTBEAT_CANARY_KEY_PARAM", "/heartbeat/canary")], "HEARTBEAT_CANARY_URL: it is missing"),
        (&[("HEARTBEAT_CANARY_URL", "https://a"), ("HEARTBEAT_CANARY_KEY", "hb_a-secret")], "HEARTBEAT_CANARY_KEY: "),
        (
            &[
                ("HEARTBEAT_CANARY_URL", "https://a"),
                ("HEARTBEAT_CANARY_KEY", key.reveal()),
                ("HEARTBEAT_CANARY_KEY_PARAM", "/heartbeat/canary"),
            ],
            "HEARTBEAT_CANARY_KEY_PARAM: HEARTBEAT_CANARY_KEY is set as well",
        ),
    ] {
        let mistakes = config(variables).unwrap_err();
        assert!(mistakes.0.len() == 1 && mistakes.0[0].starts_with(said), "{mistakes}");
        assert!(!mistakes.to_string().contains("a-secret") && !mistakes.to_string().contains("cdcd"), "{mistakes}");
    }
    let named = [("HEARTBEAT_CANARY_URL", "https://a"), ("HEARTBEAT_CANARY_KEY_PARAM", "/heartbeat/canary")];
    let canary = config(&named).unwrap().canary.unwrap();
    assert!(matches!(canary.key, CanaryKey::Parameter(name) if name == "/heartbeat/canary"));
}

#[test]
fn history_keeps_the_pings_that_it_is_told_to_keep() {
    for log in [PingLog::All, PingLog::Notable, PingLog::None] {
        assert_eq!(config(&[("PING_LOG", log.as_str())]).unwrap().settings.ping_log, log);
    }
}

#[test]
fn the_specifications_behaviour_is_a_setting_away() {
    let config =
        config(&[("HEARTBEAT_DEFAULT_GRACE", "0"), ("HEARTBEAT_SETTLE", "0"), ("HEARTBEAT_REMIND_PACE", "steady")])
            .unwrap();
    assert_eq!((config.settings.grace, config.settings.settle), (Grace::ZERO, Duration::ZERO));
    assert_eq!(config.settings.reminders.pace, Pace::Steady);
}

#[test]
fn what_is_named_says_where_everything_is_kept() {
    let file = |name: &str| Kept::InFile(name.into());
    for (variables, kept) in [
        (&[][..], file("heartbeat.db")),
        (&[("HEARTBEAT_DB", "my.db")], file("my.db")),
        (&[("AWS_REGION", "eu-north-1"), ("AWS_ACCESS_KEY_ID", "x")], file("heartbeat.db")),
        (&[("HEARTBEAT_STORE", "dynamodb")], Kept::InTables),
        (&[("HEARTBEAT_STORE", "dynamodb"), ("HEARTBEAT_DB", "my.db")], Kept::InTables),
        (&[("HEARTBEAT_STORE", "sqlite"), ("MONITORS_TABLE", "monitors")], file("heartbeat.db")),
        (&[("HEARTBEAT_STORE", " "), ("KEYS_TABLE", "keys")], Kept::InTables),
    ] {
        assert_eq!(config(variables).unwrap().kept, kept, "{variables:?}");
    }
    for table in &tables::ALL {
        for variable in table.variables {
            let config = config(&[(variable, "mine")]).unwrap();
            assert_eq!((config.kept, config.tables.of(table.role)), (Kept::InTables, "mine"), "{variable}");
        }
    }
    let named = config_of(Program::Heartbeat, Some("my.db"), &[("MONITORS_TABLE", "monitors")]).unwrap();
    assert_eq!(named.kept, file("my.db"), "the command line comes first");
}

#[test]
fn two_places_to_keep_everything_are_a_mistake() {
    for (program, file, variables, said) in [
        (
            Program::Heartbeat,
            None,
            &[("HEARTBEAT_DB", "my.db"), ("KEYS_TABLE", "keys")][..],
            "HEARTBEAT_STORE: HEARTBEAT_DB names a file and KEYS_TABLE a table: say sqlite or dynamodb",
        ),
        (
            Program::Heartbeat,
            Some("my.db"),
            &[("HEARTBEAT_STORE", "dynamodb")],
            "--db: HEARTBEAT_STORE=dynamodb keeps everything in tables: leave one of them out",
        ),
        (
            Program::Checker,
            None,
            &[("HEARTBEAT_STORE", "sqlite")],
            "HEARTBEAT_STORE: heartbeat-checker works on DynamoDB; for one file, run `heartbeat serve`",
        ),
        (
            Program::Api,
            None,
            &[("MONITORS_TABLE", "one"), ("KEYS_TABLE", "one")],
            "KEYS_TABLE: MONITORS_TABLE names the same table, one: each needs one of its own",
        ),
    ] {
        assert_eq!(config_of(program, file, variables).unwrap_err().0, [said]);
    }
}

#[test]
fn the_first_variable_that_names_a_table_counts() {
    let both = [("HEARTBEAT_TABLE_NAME", "second"), ("MONITORS_TABLE", "first")];
    assert_eq!(config(&both).unwrap().tables.monitors, "first");
}

#[test]
fn over_tables_other_defaults_hold() {
    let tables = [("HEARTBEAT_STORE", "dynamodb")];
    let config = config_of(Program::Api, None, &[]).unwrap();
    assert_eq!(config.bind, ([0, 0, 0, 0], 3000).into());
    for config in [config, self::config(&tables).unwrap()] {
        assert_eq!((config.kept, config.tables), (Kept::InTables, TableNames::default()));
        assert_eq!((config.settings.settle, config.proposed_settle), (Duration::from_secs(10), None));
        assert_eq!((config.settings.ping_log, config.check_interval), (PingLog::Notable, Duration::from_secs(10)));
    }
}
