//! The generated parts of `docs/data-model.md`. With `HEARTBEAT_WRITE_DOCS=1` they are written, else compared.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::PathBuf,
    sync::Mutex,
};

use heartbeat_core::{
    Event, Monitor, Ping, Run, RunId, Signal, Store, decide,
    dynamo::{
        Detector, TableNames,
        tables::{ALL, Key, Role, Table},
    },
    outbox::Routing,
};
use heartbeat_proof::{
    contract::{
        scene::{NOW, channel, context, id, lease, minutes, pinged, put, there},
        size::largest_of,
    },
    dynamo::{Ground, Place, Units},
    engines::Engine,
};

use super::{patterns::measured, till::Row};

/// Two tests write to one file.
static WRITING: Mutex<()> = Mutex::new(());

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/data-model.md")
}

/// The part of the document between the marks of `name` must be `generated`.
fn agrees(name: &str, generated: &str) {
    let _writing = WRITING.lock().unwrap();
    let (text, start) = (fs::read_to_string(path()).unwrap(), format!("<!-- generated: {name} -->\n"));
    let (before, rest) = text.split_once(&start).unwrap();
    let (there, after) = rest.split_once("<!-- end -->").unwrap();
    let wanted = format!("\n{generated}\n");
    if there == wanted {
        return;
    }
    if is_to_write() {
        fs::write(path(), format!("{before}{start}{wanted}<!-- end -->{after}")).unwrap();
        return;
    }
    let differs = wanted.lines().zip(there.lines()).find(|(new, old)| new != old);
    unreachable!(
        "docs/data-model.md does not say what was measured ({name}). If that is meant to be, write it anew: \
         HEARTBEAT_WRITE_DOCS=1 cargo test -p heartbeat-proof --test dynamo_cost. The first difference: {differs:#?}"
    );
}

#[expect(clippy::disallowed_methods, reason = "test harnesses have no Config; this is their one way in")]
fn is_to_write() -> bool {
    std::env::var_os("HEARTBEAT_WRITE_DOCS").is_some_and(|value| !value.is_empty())
}

#[test]
fn the_tables_are_documented_as_they_are() {
    let mut text = "| Table | Variables | Key | Expires by | Holds |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for table in &ALL {
        let variables: Vec<String> = table.variables.iter().map(|name| format!("`{name}`")).collect();
        let ttl = table.ttl.map_or("–".to_owned(), |name| format!("`{name}`"));
        let (name, key, purpose) = (table.name, spelled(&table.key), table.purpose);
        writeln!(text, "| `{name}` | {} | {key} | {ttl} | {purpose} |", variables.join(", ")).unwrap();
    }
    text.push_str("\n| Index | Of | Key | Projects | For |\n| --- | --- | --- | --- | --- |\n");
    for table in &ALL {
        for index in table.indexes {
            let (name, key, purpose) = (index.name, spelled(&index.key), index.purpose);
            writeln!(text, "| `{name}` | `{}` | {key} | keys only | {purpose} |", table.name).unwrap();
        }
    }
    agrees("tables", &text);
}

fn spelled(key: &Key) -> String {
    let parts: Vec<String> = key.attributes().map(|part| format!("`{}` ({:?})", part.name, part.kind)).collect();
    parts.join(", ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cost_of_every_access_is_documented_as_it_is_measured() {
    let mut text = String::new();
    for (detector, title) in
        [(Detector::Index, "With the `index` detector"), (Detector::Sweep, "With the `sweep` detector")]
    {
        let dynoxide = measured(Engine::dynoxide, detector).await;
        let ministack = measured(Engine::ministack, detector).await;
        writeln!(text, "### {title}\n\n| Access | Requests | Write units | Read units |\n| --- | --- | --- | --- |")
            .unwrap();
        for (one, other) in dynoxide.iter().zip(&ministack) {
            assert_eq!(one.what, other.what);
            let cells = cells(one).into_iter().zip(cells(other)).map(|(one, other)| both(one, &other));
            writeln!(text, "| {} | {} |", one.what, cells.collect::<Vec<_>>().join(" | ")).unwrap();
        }
        text.push('\n');
    }
    agrees("cost", text.trim_end_matches('\n'));
}

fn cells(row: &Row) -> [String; 3] {
    [row.tally.requests.to_string(), units(&row.tally.written), units(&row.tally.read)]
}

/// Once where the engines agree.
fn both(dynoxide: String, ministack: &str) -> String {
    if dynoxide == ministack { dynoxide } else { format!("{dynoxide} (dynoxide), {ministack} (ministack)") }
}

fn units(used: &BTreeMap<Place, Units>) -> String {
    let names = TableNames::default();
    let role = |table: &str| ALL.iter().find(|known| names.of(known.role) == table).map_or("?", word);
    let parts: Vec<String> = used
        .iter()
        .map(|(place, units)| format!("{units} {}", place.index.as_deref().unwrap_or_else(|| role(&place.table))))
        .collect();
    if parts.is_empty() { "0".to_owned() } else { parts.join(" + ") }
}

fn word(table: &Table) -> &'static str {
    match table.role {
        Role::Monitors => "monitors",
        Role::Keys => "keys",
        Role::Events => "events",
        Role::Directory => "directory",
    }
}

/// Every attribute that is ever stored is a row of the document.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_attribute_of_a_monitor_is_documented() {
    let ground = Ground::on(Engine::dynoxide()).await;
    let store = ground.open(ground.options()).await;
    let document = fs::read_to_string(path()).unwrap();
    let mut names = BTreeSet::new();
    for (slug, monitor) in (0..).map(|number| format!("job-{number}")).zip(full_monitors()) {
        put(&*store, Monitor { id: id(&slug), ..monitor }).await;
        store.extend(heartbeat_proof::contract::scene::ping(&slug, NOW.plus(minutes(1)), 7)).await.unwrap();
        let item = ground.item(&id(&slug)).await.unwrap();
        names.extend(item.as_object().unwrap().keys().cloned());
    }
    let before = there(&*store, &id("job-0")).await;
    let deletion = heartbeat_proof::contract::scene::deletion(&before, NOW, NOW.plus(minutes(1)), 9);
    store.commit(deletion).await.unwrap();
    names.extend(ground.item(&id("job-0")).await.unwrap().as_object().unwrap().keys().cloned());
    names.insert("journal".to_owned());
    let missing: Vec<_> = names.iter().filter(|name| !document.contains(&format!("| `{name}` |"))).collect();
    assert!(missing.is_empty(), "docs/data-model.md has no row for {missing:?}");
    let must = [
        "write_id_before",
        "deleted_until",
        "run",
        "incident",
        "outbox",
        "policy",
        "until",
        "last_duration_us",
        "channels",
    ];
    for name in must {
        assert!(names.contains(name), "no monitor here has `{name}`: this proves too little");
    }
}

/// Monitors that together have every attribute set.
fn full_monitors() -> Vec<Monitor> {
    let plain = pinged("job");
    let mut set = Monitor { failures: 2, last_remark_at: Some(NOW.minus(minutes(1))), ..pinged("job") };
    set.runs = vec![Run { id: RunId::parse("r-1"), started_at: NOW, due_at: Some(NOW.plus(minutes(9))) }];
    set.last_duration = Some(std::time::Duration::from_secs(3));
    set.policy.resume_on_ping = !set.policy.resume_on_ping;
    let failing = decide(&pinged("job"), &Event::Ping(Ping::bare(Signal::Fail)), &context(NOW.plus(minutes(1))));
    let mut told = failing.monitor;
    told.outbox.route(&Routing::to(&[channel("telegram")]), NOW.plus(minutes(1)));
    told.channels = Some([channel("telegram")].into());
    told.outbox.claim(lease(1, NOW.plus(minutes(1))), NOW.plus(minutes(1)), |_| true);
    let pause = Event::Pause { until: Some(NOW.plus(minutes(60))) };
    let paused = decide(&pinged("job"), &pause, &context(NOW)).monitor;
    vec![plain, set, told, paused, largest_of(1)]
}
