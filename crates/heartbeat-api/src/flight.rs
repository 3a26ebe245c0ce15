//! Single flight: of all who ask for the same thing at the same time, one asks, and all get its answer.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};

type Flight<T> = BoxFuture<'static, T>;
type InTheAir<K, T> = Mutex<HashMap<K, WeakShared<Flight<T>>>>;

/// What is in the air, by what it asks for. Whoever waits keeps a flight going; when nobody does, it ends.
pub(crate) struct Flights<K, T>(Arc<InTheAir<K, T>>)
where
    T: Clone;

impl<K, T> Flights<K, T>
where
    K: Hash + Eq + Copy + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// None in the air.
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// Joins the flight for `name`, or starts `flight`.
    pub(crate) fn join<F>(&self, name: K, flight: impl FnOnce() -> F) -> Shared<Flight<T>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut air = lock(&self.0);
        if let Some(joined) = air.get(&name).and_then(WeakShared::upgrade) {
            return joined;
        }
        let landing = Landing { name, air: Arc::clone(&self.0) };
        let answer = flight();
        let started = async move {
            let _landing = landing;
            answer.await
        };
        let started = started.boxed().shared();
        if let Some(weak) = started.downgrade() {
            air.insert(name, weak);
        }
        started
    }
}

/// Takes a flight off the list when it ends, also when nobody waits for it any more.
struct Landing<K: Hash + Eq, T: Clone> {
    name: K,
    air: Arc<InTheAir<K, T>>,
}

impl<K: Hash + Eq, T: Clone> Drop for Landing<K, T> {
    fn drop(&mut self) {
        // A newer flight of the same name may go with it: then that one is only not joined any more.
        lock(&self.air).remove(&self.name);
    }
}

fn lock<K, T: Clone>(air: &InTheAir<K, T>) -> MutexGuard<'_, HashMap<K, WeakShared<Flight<T>>>> {
    air.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn who_leaves_takes_nobody_down_and_who_comes_later_asks_anew() {
        let (flights, asked) = (Flights::new(), Arc::new(AtomicU32::new(0)));
        let ask = || {
            let asked = asked.clone();
            async move {
                tokio::task::yield_now().await;
                asked.fetch_add(1, Ordering::SeqCst)
            }
        };
        let mut impatient = flights.join("key", ask);
        let patient = flights.join("key", ask);
        assert!(futures_util::poll!(&mut impatient).is_pending());
        drop(impatient);
        assert_eq!(patient.await, 0);
        assert_eq!(flights.join("key", ask).await, 1);
        drop(flights.join("key", ask));
        assert!(lock(&flights.0).is_empty());
    }
}
