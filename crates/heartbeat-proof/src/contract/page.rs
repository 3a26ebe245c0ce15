//! Listing: every monitor once, in order, page by page, and nobody else's.

use heartbeat_core::{
    Monitor, MonitorId, Project, Slug, Store, Timestamp,
    store::{Committed, Part},
};

use super::{
    Harness,
    scene::{NOW, creation, deletion, id, minutes, pinged, put, swept},
};

fn project(name: &str) -> Project {
    Project::parse(name).unwrap()
}

async fn put_in(store: &dyn Store, project: &Project, slug: &str) {
    let monitor = Monitor { id: MonitorId::new(project.clone(), Slug::parse(slug).unwrap()), ..pinged(slug) };
    assert_eq!(store.commit(creation(monitor, NOW, 1)).await, Ok(Committed::Done));
}

/// The slugs of a project, and how many pages they came in.
async fn listed(store: &dyn Store, project: &Project, limit: usize, now: Timestamp) -> (Vec<String>, usize) {
    let (mut slugs, mut pages, mut after) = (Vec::new(), 0, None);
    loop {
        let page = store.list(project, after.as_ref(), limit, now).await.unwrap();
        assert!(page.items.len() <= limit);
        slugs.extend(page.items.into_iter().map(|item| item.unwrap().monitor.id.slug.to_string()));
        pages += 1;
        after = page.next;
        if after.is_none() {
            return (slugs, pages);
        }
    }
}

pub async fn a_project_is_listed_by_slug_page_by_page(harness: &dyn Harness) {
    let store = harness.store();
    let ours = project("team");
    let mut slugs: Vec<String> = (0..250).map(|number| format!("job-{}", (number * 7) % 250)).collect();
    for slug in &slugs {
        put_in(&*store, &ours, slug).await;
    }
    for other in ["tea", "team-2", "team0", "a", "z"] {
        put_in(&*store, &project(other), "not-ours").await;
    }
    slugs.sort_unstable();
    assert_eq!(listed(&*store, &ours, 100, NOW).await, (slugs.clone(), 3));
    assert_eq!(listed(&*store, &ours, 250, NOW).await, (slugs, 1));
    assert_eq!(listed(&*store, &project("team-2"), 100, NOW).await.0, ["not-ours"]);
    assert_eq!(listed(&*store, &project("nobody"), 100, NOW).await.0, [""; 0]);
}

pub async fn a_sweep_sees_every_monitor_once(harness: &dyn Harness) {
    let store = harness.store();
    let mut put_there = Vec::new();
    for (number, name) in ["b", "a", "a-b", "a0"].into_iter().cycle().take(42).enumerate() {
        let slug = format!("job-{number}");
        put_in(&*store, &project(name), &slug).await;
        put_there.push(format!("{name}/{slug}"));
    }
    put_there.sort_unstable();
    assert_eq!(seen(&*store, &[Part::WHOLE]).await, put_there);
}

pub async fn the_parts_of_a_sweep_together_see_every_monitor_once(harness: &dyn Harness) {
    let store = harness.store();
    let mut put_there = Vec::new();
    for number in 0..42 {
        let slug = format!("job-{number}");
        put_in(&*store, &project("team"), &slug).await;
        put_there.push(format!("team/{slug}"));
    }
    put_there.sort_unstable();
    for of in [1, 3, 8, store.sweep_parts()] {
        let parts: Vec<Part> = Part::all(of).collect();
        assert_eq!(seen(&*store, &parts).await, put_there, "in {of} parts");
    }
}

/// The ids in these parts, sorted, each as often as it was seen.
async fn seen(store: &dyn Store, parts: &[Part]) -> Vec<String> {
    let mut seen = Vec::new();
    for &part in parts {
        let items = swept(store, part, 10, NOW).await;
        seen.extend(items.into_iter().map(|item| item.unwrap().monitor.id.to_string()));
    }
    seen.sort_unstable();
    seen
}

pub async fn what_is_deleted_or_expired_is_not_listed(harness: &dyn Harness) {
    let store = harness.store();
    let expires_at = put(&*store, pinged("expiring")).await.monitor.expires_at().unwrap();
    let doomed = put(&*store, pinged("doomed")).await;
    let mut kept = pinged("kept");
    kept.origin = heartbeat_core::Origin::Person;
    put(&*store, kept).await;
    store.commit(deletion(&doomed, NOW, NOW.plus(minutes(1)), 2)).await.unwrap();
    let project = id("kept").project;
    assert_eq!(listed(&*store, &project, 1, NOW).await.0, ["expiring", "kept"]);
    assert_eq!(listed(&*store, &project, 1, expires_at).await.0, ["kept"]);
    assert_eq!(swept(&*store, Part::WHOLE, 10, expires_at).await.len(), 1);
}
