//! API keys in their table.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    DynamoStore,
    request::{Subject, read},
    shape::{Item, instant, micros, string, text},
};
use crate::{
    item::Corrupt,
    key::{KeyHash, KeyRecord, Scope},
    slug::{Project, Slug},
    store::StoreError,
};

pub(super) const KEY_HASH: &str = "key_hash";

impl DynamoStore {
    pub(super) async fn key_of(&self, hash: KeyHash) -> Result<Option<KeyRecord>, StoreError> {
        let table = &self.tables.keys;
        let request = self.client.get_item().table_name(table).key(KEY_HASH, text(hash.to_hex())).consistent_read(true);
        let item = read(Subject { action: "GetItem", table }, request.send()).await?.item;
        Ok(item.map(|item| key_record(&item)).transpose()?)
    }

    pub(super) async fn store_key(&self, key: &KeyRecord) -> Result<(), StoreError> {
        let table = &self.tables.keys;
        let request = self.client.put_item().table_name(table).set_item(Some(key_item(key)));
        read(Subject { action: "PutItem", table }, request.send()).await?;
        Ok(())
    }

    /// All keys, oldest first. One that cannot be understood is said, and hides no other.
    pub(super) async fn all_keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        let table = &self.tables.keys;
        let (mut keys, mut start) = (Vec::new(), None);
        loop {
            let request = self.client.scan().table_name(table).consistent_read(true).set_exclusive_start_key(start);
            let page = read(Subject { action: "Scan", table }, request.send()).await?;
            for item in page.items.unwrap_or_default() {
                match key_record(&item) {
                    Ok(key) => keys.push(key),
                    Err(corrupt) => tracing::error!(item = %corrupt.id, reason = %corrupt.reason, "a key is damaged"),
                }
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                keys.sort_by_key(|key: &KeyRecord| (key.created_at, key.hash.to_hex()));
                return Ok(keys);
            }
        }
    }
}

pub(super) fn key_item(key: &KeyRecord) -> Item {
    let scopes = key.scopes.iter().map(|scope| text(scope.as_str())).collect();
    let mut item = HashMap::from([
        (KEY_HASH.to_owned(), text(key.hash.to_hex())),
        ("project".to_owned(), text(key.project.as_str())),
        ("scopes".to_owned(), AttributeValue::L(scopes)),
        ("description".to_owned(), text(key.description.as_str())),
        ("created_at".to_owned(), micros(key.created_at)),
    ]);
    if let Some(monitor) = &key.monitor {
        item.insert("monitor".to_owned(), text(monitor.as_str()));
    }
    for (name, at) in [("expires_at", key.expires_at), ("revoked_at", key.revoked_at)] {
        item.extend(at.map(|at| (name.to_owned(), micros(at))));
    }
    item
}

/// The key of an item. What limits a key is never left out because it cannot be read: the key is refused instead.
fn key_record(item: &Item) -> Result<KeyRecord, Corrupt> {
    let hash = string(item, KEY_HASH).unwrap_or_default();
    let corrupt = |what: &str| Corrupt {
        id: format!("key {}", hash.get(..12).unwrap_or_default()),
        reason: format!("its {what} cannot be read"),
    };
    let optional = |name: &str| match item.get(name) {
        None => Ok(None),
        Some(_) => instant(item, name).map(Some).ok_or_else(|| corrupt(name)),
    };
    let read_slug = |_| string(item, "monitor").and_then(|slug| Slug::parse(slug).ok());
    let monitor = item.get("monitor").map(|value| read_slug(value).ok_or_else(|| corrupt("monitor"))).transpose()?;
    Ok(KeyRecord {
        hash: KeyHash::from_hex(hash).ok_or_else(|| corrupt("hash"))?,
        project: string(item, "project")
            .and_then(|project| Project::parse(project).ok())
            .ok_or_else(|| corrupt("project"))?,
        scopes: scopes(item).ok_or_else(|| corrupt("scopes"))?,
        monitor,
        description: string(item, "description").unwrap_or_default().to_owned(),
        created_at: instant(item, "created_at").ok_or_else(|| corrupt("created_at"))?,
        expires_at: optional("expires_at")?,
        revoked_at: optional("revoked_at")?,
    })
}

/// The scopes that this version knows: one that it does not know allows nothing here.
fn scopes(item: &Item) -> Option<Vec<Scope>> {
    let words = item.get("scopes")?.as_l().ok()?;
    Some(words.iter().filter_map(|word| Scope::parse(word.as_s().ok()?)).collect())
}
