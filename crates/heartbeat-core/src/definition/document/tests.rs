use proptest::{collection::btree_set, option, prelude::*, sample::select};

use super::*;
use crate::{
    about::{self, About, Tag},
    channel::ChannelName,
    cron::Cron,
    interval::{Grace, Interval},
    monitor::Policy,
    schedule::Schedule,
};

const FORMATS: [Format; 2] = [Format::Json, Format::Yaml];

/// Texts that YAML reads as something else where they stand without quotes, or cannot write plainly.
const AWKWARD: [&str; 30] = [
    "null",
    "~",
    "true",
    "no",
    "on",
    "0x1F",
    "1e3",
    ".inf",
    "2024-01-01",
    "12:30:00",
    "- a",
    "a: b",
    "# a",
    "a #b",
    "[a",
    "{a}",
    "&a",
    "*a",
    "!a",
    "|",
    ">-",
    "%a",
    "@a",
    "`a`",
    "\"a",
    "'a'",
    "<<",
    "...",
    "é\u{2028}ü",
    "💓 \\n",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![select(&AWKWARD[..]).prop_map(str::to_owned), "\\PC{0,100}"]
}

/// Texts of several lines, with every blank.
fn lines() -> impl Strategy<Value = String> {
    prop_oneof![text(), "([ -~é💓]{0,20}[\n\t\r #:|>-]){0,20}"]
}

fn about() -> impl Strategy<Value = About> {
    let tags = btree_set(prop_oneof![text(), "[a-z]{1,8}"], 0..4);
    (option::of(text()), option::of(lines()), tags).prop_map(|(name, description, tags)| About {
        name: name.and_then(|name| about::name(&name).unwrap_or_default()),
        description: description.and_then(|text| about::description(&text).unwrap_or_default()),
        tags: tags.iter().filter_map(|tag| Tag::parse(tag).ok()).collect(),
    })
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let lines = [("30 2 * * *", "Europe/Berlin"), ("@daily", "UTC"), ("*/5 8-18 * * MON-FRI", "America/New_York")];
    prop_oneof![
        (60..31_536_000_u64).prop_map(|s| Schedule::Every(Interval::parse(&s.to_string()).unwrap())),
        select(lines.to_vec()).prop_map(|(line, zone)| Schedule::Cron(Cron::parse(line, zone).unwrap())),
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    let reminders = option::of(prop_oneof![Just(0), 60..31_536_000_u64]);
    (1..=1_000_u32, reminders, option::of(1..31_536_000_u64), any::<bool>()).prop_map(
        |(failure_threshold, remind_every_s, max_runtime_s, resume_on_ping)| Policy {
            failure_threshold,
            remind_every_s,
            max_runtime_s,
            resume_on_ping,
        },
    )
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let channels = option::of(btree_set("[a-z]{1,12}".prop_map(|name| ChannelName::parse(&name).unwrap()), 0..3));
    let grace = (1..86_400_u64).prop_filter_map("a grace", Grace::from_secs);
    let origin = select(vec![Origin::Ping, Origin::Person]);
    let slug = prop_oneof!["[a-z0-9]{1,20}", Just("true".to_owned()), Just("1-0".to_owned()), Just("0".to_owned())];
    (slug, about(), schedule(), grace, policy(), channels, origin).prop_map(
        |(slug, about, schedule, grace, policy, channels, origin)| Wanted {
            slug: Slug::parse(&slug).unwrap(),
            definition: Definition { about, schedule, grace, policy, channels },
            origin,
        },
    )
}

/// A document as it is written: by slug, each once.
fn document() -> impl Strategy<Value = Document> {
    proptest::collection::vec(wanted(), 0..6).prop_map(|mut monitors| {
        monitors.sort_by(|one, next| one.slug.cmp(&next.slug));
        monitors.dedup_by(|one, next| one.slug == next.slug);
        Document { monitors }
    })
}

proptest! {
    #[test]
    fn what_was_written_is_read_and_written_again_alike(document in document()) {
        for format in FORMATS {
            let written = document.write(format).unwrap();
            let read = parse(written.as_bytes(), format);
            prop_assert_eq!(read.as_ref(), Ok(&document), "{}", written);
            prop_assert_eq!(read.unwrap().write(format).unwrap(), written);
        }
        // JSON is YAML, too.
        let json = document.write(Format::Json).unwrap();
        prop_assert_eq!(parse(json.as_bytes(), Format::Yaml), Ok(document));
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes: Vec<u8>, text in "(version: 1\n|monitors:|\n|- |slug|: |[&*!|>{}\\[\\]<#,\"'-]|[a-z0-9 ]){0,40}") {
        for format in FORMATS {
            let _ = parse(&bytes, format);
            let _ = parse(text.as_bytes(), format);
        }
    }
}

fn yaml(text: &str) -> Result<Document, String> {
    parse(text.as_bytes(), Format::Yaml).map_err(|error| error.to_string())
}

fn refusal(text: &str) -> String {
    yaml(text).unwrap_err()
}

#[test]
fn defaults_may_be_named_once_and_merged_into_every_monitor() {
    let text = "version: 1\nmonitors:\n- &usual {slug: a, grace: 5m, tags: [db]}\n- {<<: *usual, slug: b}\n- {slug: c, <<: *usual, grace: 7m}\n";
    let graces: Vec<_> =
        yaml(text).unwrap().monitors.iter().map(|wanted| wanted.definition.grace.to_string()).collect();
    assert_eq!(graces, ["5m", "5m", "7m"]);
}

#[test]
fn aliases_that_multiply_are_refused_before_they_do() {
    // The classic: nine lists of nine of the list before.
    let mut laughs = "version: 1\nmonitors:\n- slug: a\n  tags: &a [x]\n".to_owned();
    for (of, new) in "abcdefghi".chars().zip("bcdefghij".chars()) {
        let of = vec![format!("*{of}"); 9].join(", ");
        laughs.extend([format!("- slug: {new}\n  tags: &{new} [{of}]\n")]);
    }
    assert!(yaml(&laughs).is_err());
    // One long text, named often: what counts is what it brings.
    let long = "x".repeat(1_000_000);
    let often = vec!["*long"; 40_000].join(", ");
    let refused = refusal(&format!("version: 1\nmonitors:\n- slug: a\n  name: &long {long}\n  tags: [{often}]\n"));
    assert!(refused.contains("too large or too complex"), "{refused}");
    // A list of many, named by every monitor.
    let many = vec!["x"; 1_000].join(", ");
    let monitors = (0..10_000).map(|n| format!("- {{slug: job-{n}, tags: *many}}\n")).collect::<Vec<_>>().concat();
    let refused = refusal(&format!("version: 1\nmonitors:\n- {{slug: a, tags: &many [{many}]}}\n{monitors}"));
    assert!(refused.contains("replayed"), "{refused}");
}

#[test]
fn nesting_without_an_end_is_refused() {
    let endless = |bracket: &str| bracket.repeat(1_000_000);
    for text in [
        format!("version: 1\nmonitors: {}", endless("[")),
        format!("version: 1\nmonitors: {}", endless("{a: ")),
        format!("version: 1\nmonitors:\n{}", endless("- ")),
        format!("version: 1\nmonitors:\n- slug: {}", endless("!a ")),
        endless("? "),
    ] {
        assert!(yaml(&text).is_err());
    }
    assert!(parse(endless("[").as_bytes(), Format::Json).is_err());
    assert!(parse(endless("{\"version\":").as_bytes(), Format::Json).is_err());
}

#[test]
fn a_document_is_no_larger_than_it_may_be() {
    let monitors = |many: usize| (0..many).map(|n| format!("- slug: job-{n}\n")).collect::<Vec<_>>().concat();
    let of = |many| yaml(&format!("version: 1\nmonitors:\n{}", monitors(many))).map(|document| document.monitors.len());
    assert_eq!(of(MAX_MONITORS), Ok(MAX_MONITORS));
    assert!(of(MAX_MONITORS + 1).unwrap_err().contains("more than 10000 monitors"));
    let padded = format!("version: 1\nmonitors: []\n#{}", "x".repeat(MAX_BYTES));
    assert_eq!(refusal(&padded), format!("it has {} bytes, and at most 8388608 are read: split it", padded.len()));
}

#[test]
fn the_largest_document_that_is_written_of_10_000_ordinary_monitors_is_read() {
    let one = |n: usize| Wanted {
        slug: Slug::parse(&format!("job-{n:05}")).unwrap(),
        definition: Definition {
            about: About {
                name: Some(format!("Job {n} of the night")),
                description: Some("x".repeat(300)),
                tags: ["db", "prod", "berlin"].iter().map(|tag| Tag::parse(tag).unwrap()).collect(),
            },
            ..Definition::default()
        },
        origin: Origin::Person,
    };
    let document = Document { monitors: (0..MAX_MONITORS).map(one).collect() };
    for format in FORMATS {
        assert_eq!(parse(document.write(format).unwrap().as_bytes(), format).as_ref(), Ok(&document));
    }
}

#[test]
fn every_mistake_is_told_with_its_place_but_no_more_than_ten() {
    let monitors = (0..13).map(|n| format!("- slug: Job-{n}\n")).collect::<Vec<_>>().concat();
    let refused = refusal(&format!("version: 1\nmonitors:\n{monitors}"));
    assert!(refused.starts_with("monitors[0] (\"Job-0\"): a slug has"), "{refused}");
    assert!(refused.contains("monitors[9]") && !refused.contains("monitors[10]"), "{refused}");
    assert!(refused.ends_with("; and 3 more mistakes"), "{refused}");
    let long = refusal(&format!("version: 1\nmonitors:\n- slug: \"{}\"\n", "\u{1b}é".repeat(500)));
    assert!(long.len() < 700 && !long.contains('\u{1b}'), "{long:?}");
}

#[test]
fn what_cannot_be_told_from_yaml_is_told_in_its_words() {
    for (text, said) in [
        ("version: 1\nmonitors:\n- slug: a\n  slug: b\n", "slug"),
        ("version: 1\nmonitors: []\n---\nversion: 1\nmonitors: []\n", "document"),
        ("", "end"),
    ] {
        let refused = refusal(text);
        assert!(refused.contains(said) && !refused.contains("Options"), "{refused}");
    }
    assert!(parse(b"version: 1\nmonitors:\n- slug: \xff\n", Format::Yaml).is_err());
}
