//! Keys: found by their hash, listed, and stopped by putting them again.

use heartbeat_core::{
    Slug,
    key::{KeyRecord, Scope},
};

use super::{
    Harness,
    scene::{NOW, key, minutes},
};

pub async fn a_key_is_found_by_its_hash_and_listed_oldest_first(harness: &dyn Harness) {
    let store = harness.store();
    let limited = KeyRecord {
        scopes: Scope::ALL.to_vec(),
        monitor: Some(Slug::parse("job").unwrap()),
        expires_at: Some(NOW.plus(minutes(60))),
        ..key(1)
    };
    for key in [key(3), limited.clone(), key(2)] {
        assert_eq!(store.put_key(key).await, Ok(()));
    }
    assert_eq!(store.find_key(limited.hash).await, Ok(Some(limited.clone())));
    assert_eq!(store.find_key(key(9).hash).await, Ok(None));
    assert_eq!(store.keys().await, Ok(vec![limited, key(2), key(3)]));
}

pub async fn a_key_put_again_is_replaced(harness: &dyn Harness) {
    let store = harness.store();
    store.put_key(key(1)).await.unwrap();
    let revoked = KeyRecord { revoked_at: Some(NOW), scopes: Vec::new(), ..key(1) };
    store.put_key(revoked.clone()).await.unwrap();
    assert_eq!(store.find_key(revoked.hash).await, Ok(Some(revoked.clone())));
    assert_eq!(store.keys().await, Ok(vec![revoked]));
}
