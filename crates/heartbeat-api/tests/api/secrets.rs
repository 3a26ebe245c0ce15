//! Keys never appear in logs, wherever a client puts one.

use std::{
    io,
    sync::{Arc, Mutex},
};

use axum::{body::Body, http::Request};
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    installation::{Installation, request},
    weather::{INTERNAL, Sky},
};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn a_key_is_never_logged_and_every_request_is_once() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false).with_writer(log.clone());
    // Without a global one, a line that another test's thread comes by first is taken to interest nobody.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let api = Installation::new().await;
    let key = api.key.reveal().to_owned();
    let strayed = [
        format!("/heartbeat/{key}"),
        format!("/heartbeat/a/{key}"),
        format!("/heartbeat/a?interval={key}"),
        format!("/heartbeat/a?key={key}"),
        format!("/monitors?cursor={key}"),
        format!("/monitors/{key}/pause"),
        format!("/{key}"),
        format!("/ping/{key}"),
        format!("/ping/{key}/a?create=1"),
        format!("/ping/{key}/a/start"),
        format!("/ping/{key}/{key}/{key}"),
        format!("/api/push/{key}?msg={key}"),
        format!("/api/v3/checks/{key}"),
        format!("/api/v3/checks/?api_key={key}"),
        "/api/v1/heartbeats".to_owned(),
    ];
    for path in &strayed {
        let asked = request("POST", path, Some(&api.key)).header("x-request-id", &key).header("user-agent", &key);
        api.send(asked.body(Body::from(key.clone())).unwrap()).await;
        let asked =
            Request::builder().uri(path).header("x-request-id", &key).header("authorization", format!("Basic {key}"));
        api.send(asked.body(Body::empty()).unwrap()).await;
    }
    for sky in [Sky::Down, Sky::Mad] {
        api.weather.turn(sky);
        assert!(api.call("GET", "/heartbeat/a").await.status.is_server_error());
    }
    let text = log.text();
    assert!(!text.contains(&key[3..40]), "{text}");
    assert!(!text.contains(api.key.hash().short().as_str()), "{text}");
    let lines = |what: &str| text.lines().filter(|line| line.contains(what)).count();
    assert_eq!(lines(" request "), 2 * strayed.len() + 2, "{text}");
    assert_eq!((lines("ERROR"), lines(INTERNAL)), (2, 2), "{text}");
}

#[tokio::test]
async fn the_uuid_of_a_ping_url_is_never_logged_wherever_it_stands() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false).with_writer(log.clone());
    // Without a global one, a line that another test's thread comes by first is taken to interest nobody.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let api = Installation::new().await;
    let made = api.say("POST", "/api/v1/monitors", &serde_json::json!({ "slug": "a" })).await.json();
    let uuid = made["uuid"].as_str().unwrap().to_owned();
    let bare = uuid.replace('-', "");
    let paths = [
        format!("/heartbeat/{uuid}"),
        format!("/ping/{uuid}"),
        format!("/ping/{uuid}/{uuid}"),
        format!("/ping/{}/{uuid}", api.key.reveal()),
        format!("/api/push/{uuid}"),
        format!("/api/push/{bare}?msg={uuid}"),
        format!("/api/v3/checks/{uuid}"),
        format!("/api/v1/checks/{uuid}/pings/"),
        format!("/api/v1/monitors/{uuid}"),
    ];
    for path in &paths {
        let asked = request("GET", path, None).header("x-api-key", api.key.reveal());
        api.send(asked.body(Body::empty()).unwrap()).await;
    }
    let pings = serde_json::json!({ "pings": [{ "uuid": uuid }, { "uuid": bare }, { "slug": uuid }] });
    api.say("POST", "/api/v1/heartbeats", &pings).await;
    let text = log.text();
    assert!(!text.contains(&uuid[..13]) && !text.contains(&bare[..12]), "{text}");
    assert!(!text.contains(&api.key.reveal()[3..40]), "{text}");
    assert_eq!(text.lines().filter(|line| line.contains(" request ")).count(), paths.len() + 2, "{text}");
}
