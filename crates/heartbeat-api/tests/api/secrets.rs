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
