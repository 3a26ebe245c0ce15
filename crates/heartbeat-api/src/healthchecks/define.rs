//! Checks that are made and changed as a client wants them.

use heartbeat_core::{
    Actor, Definition, Event, Grace, Interval, Monitor, Schedule, Slug, definition::FieldError, flow::ManageError,
    key::KeyRecord, slug::SlugError,
};

use super::{
    name::slug_of,
    spec::{Channels, Spec},
};
use crate::{Shared, auth::check_monitor, error::ApiError};

/// How often a check is expected of which nothing is said, in seconds.
pub(super) const TIMEOUT_S: u64 = 86_400;
/// And how much later it may come.
pub(super) const GRACE_S: u64 = 3_600;
/// How many checks of one name are told apart by a number.
const NAMESAKES: usize = 100;

fn bad_field(error: &FieldError) -> ApiError {
    ApiError::BadJson(format!("json validation error: {error}"))
}

impl Shared {
    pub(super) async fn refuse_unknown(&self, key: &KeyRecord, spec: &Spec) -> Result<(), ApiError> {
        let Channels::These(wanted) = &spec.channels else { return Ok(()) };
        let there = self.channel_names(key).await?;
        let unknown = wanted.iter().find(|name| there.iter().all(|channel| channel.as_str() != name.as_str()));
        unknown.map_or(Ok(()), |name| Err(ApiError::BadJson(format!("invalid channel identifier: {name}"))))
    }

    pub(super) async fn meant(&self, key: &KeyRecord, spec: &Spec) -> Result<Option<Monitor>, ApiError> {
        if spec.unique.is_empty() {
            return Ok(None);
        }
        Ok(self.all_of(key).await?.into_iter().find(|monitor| spec.means(monitor)))
    }

    pub(super) async fn changed(&self, key: &KeyRecord, monitor: &Monitor, spec: &Spec) -> Result<Monitor, ApiError> {
        let changes = spec.fields(Some(monitor)).changes(Some(&monitor.schedule)).map_err(|error| bad_field(&error))?;
        self.managed(key, &monitor.id, &Event::Edit(changes)).await
    }

    /// Makes a check. A slug that is taken gets a number: theirs need not be unique.
    pub(super) async fn created(&self, key: &KeyRecord, spec: &Spec) -> Result<Monitor, ApiError> {
        let changes = spec.fields(None).changes(None).map_err(|error| bad_field(&error))?;
        let mut definition = Definition {
            schedule: Interval::from_secs(TIMEOUT_S).map(Schedule::Every).unwrap_or_default(),
            grace: Grace::from_secs(GRACE_S).unwrap_or_default(),
            ..Definition::default()
        };
        definition.policy.resume_on_ping = true;
        definition.take(changes);
        let wanted = self.slug_for(key, spec);
        for number in 1..=NAMESAKES {
            let slug = numbered(&wanted, number).map_err(ApiError::BadSlug)?;
            check_monitor(key, &slug)?;
            let id = Self::id(key, slug);
            match self.in_time(self.flow.define(&id, &definition, &Actor::of_key(key))).await? {
                // Whoever was quicker may have made the very check that is meant.
                Err(ManageError::Exists) if number == 1 => {
                    if let Some(monitor) = self.meant(key, spec).await? {
                        return self.changed(key, &monitor, spec).await;
                    }
                }
                Err(ManageError::Exists) => {}
                done => return done.map_err(|error| ApiError::of_manage(error, id.slug)),
            }
        }
        let slug = Slug::parse(&wanted).map_err(ApiError::BadSlug)?;
        Err(ApiError::MonitorExists(slug))
    }

    /// The slug that is given, or what the name makes, or what nobody else has. A key that is limited to one monitor makes
    /// that one.
    fn slug_for(&self, key: &KeyRecord, spec: &Spec) -> String {
        let of_name = || spec.name.as_deref().and_then(|name| slug_of(name).ok());
        let any = || format!("check-{:08x}", self.flow.random.next() >> 32);
        let said = spec.slug.clone().or_else(of_name).or_else(|| key.monitor.clone());
        said.map_or_else(any, String::from)
    }
}

fn numbered(slug: &str, number: usize) -> Result<Slug, SlugError> {
    if number == 1 {
        return Slug::parse(slug);
    }
    slug_of(&format!("{slug}-{number}"))
}
