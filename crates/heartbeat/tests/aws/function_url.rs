//! The API behind its function URL: what a caller sees is what a container shows him.

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::{
    bot_api::BotApi,
    deployment::{Deployment, Draft},
    patience::SOON,
};

async fn deployed() -> (Deployment, String) {
    let deployment = Draft::telling(&BotApi::open().await).deploy().await;
    let key = deployment.key().await;
    (deployment, key)
}

fn code(text: &str) -> String {
    let body: Value = serde_json::from_str(text).unwrap_or_else(|problem| panic!("{problem}: {text}"));
    body["error"]["code"].as_str().unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[tokio::test]
async fn it_answers_as_it_does_in_a_container() {
    let (deployment, key) = deployed().await;
    let caller = deployment.caller(&key).await;
    for (path, text) in [("/healthz", r#"{"status":"ok"}"#), ("/readyz", r#"{"status":"ready"}"#)] {
        let answer = deployment.caller("no key").await.ask(Method::GET, path).await;
        assert_eq!((answer.status, answer.text.trim()), (200, text), "{path}");
    }
    for slug in ["a", "b", "c", "d"] {
        assert_eq!(caller.ping(slug).await, 201);
        assert_eq!(caller.ask(Method::GET, &format!("/heartbeat/{slug}")).await.status, 200);
    }
    let page = caller.ask(Method::GET, "/monitors?limit=3").await;
    let page: Value = serde_json::from_str(&page.text).unwrap();
    assert_eq!(page["monitors"].as_array().unwrap().len(), 3);
    let rest = caller.ask(Method::GET, &format!("/monitors?cursor={}", page["next_cursor"].as_str().unwrap())).await;
    assert!(rest.text.contains("\"d\"") && !rest.text.contains("\"c\""), "{rest:?}");

    assert_eq!(caller.ask(Method::POST, "/monitors/a/pause").await.status, 200);
    assert_eq!(caller.monitors().await["a"]["status"], "paused");
    assert_eq!(caller.ask(Method::POST, "/monitors/a/unpause").await.status, 200);
    assert_eq!(caller.ask(Method::DELETE, "/monitors/b").await.status, 200);
    assert!(!caller.monitors().await.contains_key("b"));
    for (method, path, status) in
        [(Method::GET, "/nowhere", 404), (Method::DELETE, "/monitors/zzz", 404), (Method::POST, "/monitors", 405)]
    {
        let answer = caller.ask(method.clone(), path).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        code(&answer.text);
    }
    deployment.leaves_nothing_strange(&key).await;
}

#[tokio::test]
async fn the_whole_api_comes_through() {
    let (deployment, key) = deployed().await;
    let client = Client::builder().no_proxy().timeout(SOON).build().unwrap();
    let address = deployment.api().address().await;
    let send = async |method: Method, path: &str, kind: &str, body: String| {
        let request = client.request(method, format!("{address}{path}")).bearer_auth(&key).header("content-type", kind);
        let answer = request.body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let pings = json!({"pings": [{"slug": "a"}, {"slug": "b", "signal": "fail"}, {"slug": "B!"}]});
    let (status, text) = send(Method::POST, "/api/v1/heartbeats", "application/json", pings.to_string()).await;
    let results: Value = serde_json::from_str(&text).unwrap();
    let each: Vec<_> = results["results"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
    assert_eq!((status, each), (200, vec![json!(201), json!(201), json!(400)]), "{text}");

    let document = "version: 1\nmonitors:\n- slug: nightly\n  cron: 0 2 * * *\n  timezone: Europe/Riga\n";
    let (status, text) = send(Method::POST, "/api/v1/import", "application/yaml", document.to_owned()).await;
    assert!(status == 200 && text.contains("\"created\":1"), "{status} {text}");
    let (status, exported) = send(Method::GET, "/api/v1/export?format=yaml", "text/plain", String::new()).await;
    assert!(status == 200 && exported.contains("slug: nightly") && exported.contains("slug: b"), "{status} {exported}");
    let (status, incidents) = send(Method::GET, "/api/v1/incidents", "text/plain", String::new()).await;
    assert!(status == 200 && incidents.contains("\"monitor\":\"b\""), "{status} {incidents}");

    let (status, described) = send(Method::GET, "/api/openapi.json", "text/plain", String::new()).await;
    let described: Value = serde_json::from_str(&described).unwrap();
    assert_eq!((status, &described["openapi"]), (200, &json!("3.1.0")));
    // The largest answer that there is: it is packed, and no text.
    let bundle = client.get(format!("{address}/api/docs/swagger-ui-bundle.js")).send().await.unwrap();
    assert_eq!((bundle.status().as_u16(), bundle.headers()["content-encoding"].to_str().unwrap()), (200, "gzip"));
    let packed = bundle.bytes().await.unwrap();
    assert!(packed.starts_with(&[0x1f, 0x8b]) && packed.len() > 100_000, "{} bytes", packed.len());
    deployment.leaves_nothing_strange(&key).await;
}

#[tokio::test]
async fn who_has_no_key_is_refused_and_writes_nothing() {
    let (deployment, key) = deployed().await;
    let mut other = key.clone();
    let last = if other.pop() == Some('A') { 'B' } else { 'A' };
    other.push(last);
    for stranger in ["", "hb_nothing", &other] {
        let caller = deployment.caller(stranger).await;
        for (method, path) in [(Method::POST, "/heartbeat/nightly-backup"), (Method::GET, "/monitors")] {
            let answer = caller.ask(method, path).await;
            assert_eq!(answer.status, 401, "{path}: {answer:?}");
            code(&answer.text);
        }
    }
    assert!(deployment.caller(&key).await.monitors().await.is_empty());
    assert_eq!(deployment.apis_gate().times("dynamodb:UpdateItem"), 0);
    deployment.leaves_nothing_strange(&key).await;
}

#[tokio::test]
async fn bodies_come_through_whatever_is_in_them_and_however_long_they_are() {
    let (deployment, key) = deployed().await;
    let client = Client::builder().no_proxy().timeout(SOON).build().unwrap();
    let address = deployment.api().address().await;
    let send = async |kind: &str, body: Vec<u8>| {
        let request = client.post(format!("{address}/heartbeat/nightly-backup/fail")).bearer_auth(&key);
        let answer = request.header("content-type", kind).body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(send("text/plain", b"disk full".to_vec()).await.0, 201);
    // What is no text comes in base64. Lambda takes 6 MB of that, so this is the most.
    for body in [vec![0xff, 0x00, 0xfe], vec![b'x'; 90_000], vec![b'x'; 4_400_000]] {
        let (status, text) = send("application/octet-stream", body).await;
        assert_eq!(status, 200, "{text}");
    }
    assert_eq!(deployment.caller(&key).await.monitors().await["nightly-backup"]["ping_count"], 4);
    deployment.leaves_nothing_strange(&key).await;
}
