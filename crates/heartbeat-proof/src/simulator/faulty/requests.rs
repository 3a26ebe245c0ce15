//! Every request of the store's port, over the wire.

use std::sync::Arc;

use async_trait::async_trait;
use heartbeat_core::{
    ChannelName, Clock, MonitorId, Project, Slug, Store, StoreError, Timestamp,
    delivery::Verdict,
    directory::{Entry, Put},
    history::Row,
    key::{KeyHash, KeyRecord},
    outbox::{Settled, Settlement},
    store::{Change, Committed, Deferral, Deferred, Due, Extend, Extended, Found, Page, Part},
};

use super::{Faulty, OUTAGES, Sabotage};

#[async_trait]
impl Store for Faulty {
    async fn find(&self, id: &MonitorId, now: Timestamp) -> Result<Found, StoreError> {
        if let Some(corrupt) = self.corrupt(id) {
            return Err(StoreError::Corrupt(corrupt));
        }
        let wire = if id.project.is_operator() { self.asking_of_outages() } else { self.clone() };
        let id = id.clone();
        wire.call(move |store| async move { store.find(&id, now).await }).await
    }

    async fn extend(&self, extend: Extend) -> Result<Extended, StoreError> {
        if self.lies(Sabotage::SwallowsPings) {
            return Ok(Extended::Done);
        }
        if self.lies(Sabotage::RefusesPings) {
            return Err(StoreError::Unavailable("for nothing".to_owned()));
        }
        self.call(move |store| async move { store.extend(extend).await }).await
    }

    async fn commit(&self, change: Change) -> Result<Committed, StoreError> {
        self.weigh(&change);
        self.note_unsure(&change);
        self.call(move |store| async move { store.commit(change).await }).await
    }

    async fn settle(
        &self,
        id: &MonitorId,
        settlement: Settlement,
        now: Timestamp,
        rows: Vec<Row>,
    ) -> Result<Settled, StoreError> {
        if self.lies(Sabotage::ForgetsSettlements) {
            return Ok(Settled::Done);
        }
        let (id, channel) = (id.clone(), settlement.channel.clone());
        let journal = Arc::clone(&self.journal);
        let settled = self.call(move |store| async move {
            let (entry, delivered) = (settlement.entry.clone(), settlement.verdict == Verdict::Done);
            let settled = store.settle(&id, settlement, now, rows).await?;
            if delivered && settled == Settled::Done {
                journal.record().settled.insert(entry);
            }
            Ok(settled)
        });
        let settled = settled.await;
        if settled.is_err() {
            self.journal.undelivered(&channel, self.clock().now());
        }
        settled
    }

    async fn defer(&self, deferral: Deferral) -> Result<Deferred, StoreError> {
        self.call(move |store| async move { store.defer(deferral).await }).await
    }

    fn shards(&self) -> u16 {
        self.inner.shards()
    }

    async fn due(&self, shard: u16, now: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError> {
        let due = self.call(move |store| async move { store.due(shard, now, limit).await }).await?;
        Ok(self.bring(due, now))
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        self.call(move |store| async move { store.next_wake().await }).await
    }

    async fn list(
        &self,
        project: &Project,
        after: Option<&Slug>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<Slug>, StoreError> {
        let (project, after) = (project.clone(), after.cloned());
        self.call(move |store| async move { store.list(&project, after.as_ref(), limit, now).await }).await
    }

    fn sweep_parts(&self) -> u16 {
        self.inner.sweep_parts()
    }

    async fn sweep(
        &self,
        part: Part,
        after: Option<&MonitorId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<MonitorId>, StoreError> {
        let after = after.cloned();
        let mut page =
            self.call(move |store| async move { store.sweep(part, after.as_ref(), limit, now).await }).await?;
        self.hide(&mut page);
        for item in &mut page.items {
            if let Some(corrupt) = item.as_ref().ok().and_then(|stored| self.corrupt(&stored.monitor.id)) {
                *item = Err(corrupt);
            }
        }
        Ok(page)
    }

    async fn history(&self, id: &MonitorId, before: Timestamp, limit: usize) -> Result<Vec<Row>, StoreError> {
        let id = id.clone();
        self.call(move |store| async move { store.history(&id, before, limit).await }).await
    }

    async fn project_history(
        &self,
        project: &Project,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let project = project.clone();
        self.call(move |store| async move { store.project_history(&project, before, limit).await }).await
    }

    async fn feed(&self, project: &Project, since: Timestamp, limit: usize) -> Result<Vec<Row>, StoreError> {
        let project = project.clone();
        self.call(move |store| async move { store.feed(&project, since, limit).await }).await
    }

    async fn deliveries(
        &self,
        project: &Project,
        channel: &ChannelName,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let (project, channel) = (project.clone(), channel.clone());
        self.call(move |store| async move { store.deliveries(&project, &channel, before, limit).await }).await
    }

    async fn entry(&self, pk: &str, sk: &str) -> Result<Option<Entry>, StoreError> {
        let wire = if pk == OUTAGES { self.asking_of_outages() } else { self.clone() };
        if let Some(entry) = self.recalled(pk, sk, self.clock().now()).filter(|_| pk == OUTAGES) {
            return Ok(Some(entry));
        }
        let (pk, sk) = (pk.to_owned(), sk.to_owned());
        wire.call(move |store| async move { store.entry(&pk, &sk).await }).await
    }

    async fn entries(&self, pk: &str) -> Result<Vec<Entry>, StoreError> {
        let pk = pk.to_owned();
        self.call(move |store| async move { store.entries(&pk).await }).await
    }

    async fn put_entry(&self, entry: Entry) -> Result<Put, StoreError> {
        self.call(move |store| async move { store.put_entry(entry).await }).await
    }

    async fn find_key(&self, hash: KeyHash) -> Result<Option<KeyRecord>, StoreError> {
        self.call(move |store| async move { store.find_key(hash).await }).await
    }

    async fn put_key(&self, key: KeyRecord) -> Result<(), StoreError> {
        self.call(move |store| async move { store.put_key(key).await }).await
    }

    async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.call(move |store| async move { store.keys().await }).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.call(move |store| async move { store.ready().await }).await
    }
}
