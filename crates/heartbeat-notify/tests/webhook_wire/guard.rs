//! Which addresses a webhook reaches.

use super::*;

#[tokio::test]
async fn a_private_address_is_refused_in_whatever_form() {
    let kinds = kinds(Network::Public);
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "169.254.169.254",
        "0.0.0.0",
        "[64:ff9b::a9fe:a9fe]",
        "１２７.0.0.1",
        "10.1.2.3",
    ] {
        let error = kinds.check("webhook", json!({"url": format!("http://{host}/")})).unwrap_err();
        assert_eq!(error.field.as_deref(), Some("url"), "{host}");
        assert!(error.problem.starts_with("the address is private: "), "{host}: {error}");
        let pinged = Client::new(Network::Public).unwrap().ping(&format!("http://{host}/"), &[]).await.unwrap_err();
        assert!(pinged.as_str().starts_with("the address is private: "), "{host}: {pinged:?}");
    }
}

#[tokio::test]
async fn a_name_that_resolves_to_a_private_address_is_not_connected_to() {
    let receiver = Receiver::playing([]).await;
    for (host, said) in [
        ("private.test", "the address is private: 10.0.0.5"),
        ("local.test", "the address is private: 127.0.0.1"),
        ("local.test.", "the name local.test. cannot be resolved: no such name"),
        ("nobody.test", "the name nobody.test cannot be resolved: no such name"),
    ] {
        let webhook = webhook_of(&kinds(Network::Public), &format!("http://{host}:{}/", receiver.port), &json!({}));
        assert_eq!(webhook.send(&[telling("a")]).await, try_again(said), "{host}");
    }
    assert!(receiver.arrived().is_empty());
}

#[tokio::test]
async fn what_was_allowed_when_it_was_saved_is_judged_again_when_it_is_sent() {
    let receiver = Receiver::playing([]).await;
    let kept = kinds(Network::PrivateToo).check("webhook", json!({"url": receiver.url()})).unwrap();
    let name = heartbeat_core::ChannelName::parse("ops").unwrap();
    let webhook = kinds(Network::Public).open(&name, "webhook", &kept).unwrap();
    assert_eq!(webhook.send(&[telling("a")]).await, try_again("the address is private: 127.0.0.1"));
    assert!(receiver.arrived().is_empty());
}

#[tokio::test]
async fn each_hop_of_a_redirect_is_resolved_and_judged_anew() {
    let (outcome, _) = send([redirect(307, "http://nobody.test/")], &json!({})).await;
    assert_eq!(outcome, try_again("the name nobody.test cannot be resolved: no such name"));
}
