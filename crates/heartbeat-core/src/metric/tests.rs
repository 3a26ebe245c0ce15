use std::collections::BTreeSet;

use super::*;

const DOCUMENT: &str = include_str!("../../../../docs/metrics.md");

#[test]
fn the_document_lists_every_metric_as_the_program_has_it_and_no_other() {
    let rows = |line: &&str| line.starts_with("| `heartbeat_") || line.starts_with("| `process_");
    let documented: BTreeSet<&str> = DOCUMENT.lines().filter(rows).collect();
    let row = |Metric { name, kind, labels, help, .. }: &Metric| {
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = if labels.is_empty() { "--".to_owned() } else { labels.join(", ") };
        format!("| `{name}` | {} | {labels} | {help} |", kind.as_str())
    };
    let ours: BTreeSet<String> = ALL.iter().map(row).collect();
    let ours: BTreeSet<&str> = ours.iter().map(String::as_str).collect();
    let (missing, strange): (Vec<_>, Vec<_>) =
        (ours.difference(&documented).collect(), documented.difference(&ours).collect());
    assert!(missing.is_empty() && strange.is_empty(), "docs/metrics.md lacks {missing:#?}\nand has {strange:#?}");
}

#[test]
fn a_name_says_its_unit_and_no_label_of_the_process_can_grow_without_a_bound() {
    let names: BTreeSet<&str> = ALL.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), ALL.len());
    for Metric { name, kind, of, labels, .. } in ALL {
        assert!(name.starts_with("heartbeat_") || name.starts_with("process_"), "{name}");
        assert_eq!(matches!(kind, Kind::Counter), name.ends_with("_total"), "{name}");
        let unbounded = labels.iter().any(|label| ["slug", "project", "key", "channel"].contains(label));
        assert_eq!(unbounded, of == Of::Monitors, "{name}");
        if let Kind::Histogram(buckets) = kind {
            assert!(name.ends_with("_seconds") && buckets.is_sorted(), "{name}");
        }
    }
}

#[test]
fn without_a_recorder_a_handle_does_nothing() {
    PINGS.counter(["success", "recorded"]).increment(1);
    LAST_PASS.gauge(WHOLE).set(1.0);
    PASS_DURATION.histogram(WHOLE).record(1.0);
}
