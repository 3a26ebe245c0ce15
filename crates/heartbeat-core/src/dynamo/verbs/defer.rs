//! Moving the wake time of what was seen and not acted on, whatever is in it.

use crate::{
    dynamo::{
        DynamoStore,
        expression::Expression,
        request::Failure,
        shape::{WAKE_AT, micros},
        tables::ID,
    },
    store::{Deferral, Deferred, StoreError},
};

impl DynamoStore {
    pub(in crate::dynamo) async fn defer_item(&self, deferral: &Deferral) -> Result<Deferred, StoreError> {
        let mut expression = Expression::default();
        let (wake_at, seen) = (expression.name(WAKE_AT), expression.value(micros(deferral.seen)));
        if self.shared().detector.sweeps() {
            // There a wake time may be computed from the rest of the item, and not be written.
            let id = expression.name(ID);
            expression.require(format!("attribute_exists({id})"));
            expression.require(format!("({wake_at} = {seen} OR attribute_not_exists({wake_at}))"));
        } else {
            expression.require(format!("{wake_at} = {seen}"));
        }
        match deferral.until {
            Some(until) => expression.set(WAKE_AT, micros(until)),
            None => expression.remove(WAKE_AT),
        }
        match self.update(deferral.id.clone(), &expression).await {
            Ok(_) => Ok(Deferred::Done),
            Err(Failure::Declined(_)) => Ok(Deferred::Stale),
            Err(Failure::Store(error)) => Err(error),
        }
    }
}
