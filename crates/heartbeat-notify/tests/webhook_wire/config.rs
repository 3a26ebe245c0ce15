//! How a webhook is set up: what is refused, what is kept, what is shown.

use heartbeat_core::channel::definition::Kinds;
use heartbeat_notify::http::Network;
use serde_json::{Value, json};

use crate::{SECRET, scene::kinds};

#[test]
fn what_is_wrong_with_a_configuration_is_said_with_its_field_and_without_its_secrets() {
    let url = "https://hooks.example.org/";
    let cases = [
        json!({}),
        json!({"url": 7}),
        json!({"url": "hooks.example.org"}),
        json!({"url": "https://me:s3cret@hooks.example.org/"}),
        json!({"url": url, "colour": "s3cret"}),
        json!({"url": url, "method": "GET"}),
        json!({"url": url, "headers": {"host": "a"}}),
        json!({"url": url, "headers": {"webhook-id": "a"}}),
        json!({"url": url, "headers": {"x-key": "s3cret\r\nx: y"}}),
        json!({"url": url, "headers": {"x-key": 5}}),
        json!({"url": url, "headers": "s3cret"}),
        json!({"url": url, "headers": {"x-key": "env:AWS_SECRET_ACCESS_KEY"}}),
        json!({"url": url, "headers": {"x-key": "(set)"}}),
        json!({"url": url, "secret": "s3cret"}),
        json!({"url": url, "secret": ["s3cret"]}),
        json!({"url": url, "secret": {"value": ""}}),
        json!({"url": url, "template": "{\n{{ text }"}),
        json!({"url": url, "template": "hello"}),
        json!({"url": url, "content_type": "text/plain"}),
        json!({"url": url, "template": "a", "content_type": "plain"}),
        json!("s3cret"),
    ];
    let kinds = kinds(Network::Public);
    let errors = cases.map(|config| kinds.check("webhook", config).unwrap_err().to_string()).join("\n");
    assert!(!errors.contains("s3cret"), "{errors}");
    insta::assert_snapshot!(errors, @r"
    url: this field is needed
    url: this is not what is expected: a string
    url: this is not an address: write https://…
    url: an address holds no name and password: put them into a header
    colour: there is no such field: there are url, method, headers, secret, template, content_type
    method: this is not what is expected: one of POST, PUT, PATCH
    headers: the header host is not yours to set
    headers: the header webhook-id is not yours to set
    headers: the header x-key has a value that cannot be sent: one line of text can
    headers: x-key: a secret is a text: the secret itself, env:NAME, or ssm:/heartbeat/channels/NAME
    headers: this is not what is expected: a map
    headers: x-key: an environment variable that a channel names begins with HEARTBEAT_SECRET_
    headers: x-key: `(set)` stands for a secret that is not shown: give the secret itself
    secret: the secret of a webhook is whsec_ and 24 to 64 random bytes in base64, as from: echo whsec_$(openssl rand -base64 32)
    secret: a secret is a text: the secret itself, env:NAME, or ssm:/heartbeat/channels/NAME
    secret: a secret must not be empty
    template: line 2: syntax error: unexpected `}`, expected end of variable block
    template: what it makes is not JSON: line 1 of its output
    content_type: a content type is for a template: without one the body is JSON
    content_type: this is not a content type: write one such as application/json or text/plain
    the configuration is an object of fields
    ");
    let unknown = kinds.check("pigeon", json!({})).unwrap_err().to_string();
    assert_eq!(unknown, "kind: there is no such kind of channel: it is one of telegram, email, webhook");
}

#[test]
fn a_configuration_is_kept_in_one_form_and_shown_without_secrets() {
    let config = json!({
        "url": " https://Hooks.Example.org/a?key=s3cret ",
        "headers": {"Authorization": "Bearer s3cret", "x-key": {"ssm": "/heartbeat/channels/key"}},
        "secret": SECRET,
    });
    let kinds = kinds(Network::Public);
    let kept = kinds.check("webhook", config).unwrap();
    let as_kept = json!({
        "url": "https://hooks.example.org/a?key=s3cret",
        "method": "POST",
        "headers": {"authorization": {"value": "Bearer s3cret"}, "x-key": {"ssm": "/heartbeat/channels/key"}},
        "secret": {"value": SECRET},
    });
    assert_eq!(kept, as_kept);
    assert_eq!(kinds.check("webhook", kept.clone()).unwrap(), kept, "what is kept is as it is kept");
    let shown = json!({
        "url": "https://hooks.example.org/a?…",
        "method": "POST",
        "headers": {"authorization": "(set)", "x-key": "ssm:/heartbeat/channels/key"},
        "secret": "(set)",
    });
    assert_eq!(kinds.shown("webhook", &kept), shown);
    assert_eq!(kinds.shown("webhook", &json!({"secret": "s3cret"})), Value::Null);
    assert_eq!(kinds.shown("pigeon", &json!({"secret": "s3cret"})), Value::Null);
}
