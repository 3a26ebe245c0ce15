//! Reads a document into its parts, by the rules of its format: what no document has is refused with its line, and lists
//! and aliases stop at their limits while they are read.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_saphyr::{
    Error as YamlError, Options, UserMessageFormatter,
    options::{AliasLimits, MergeKeyPolicy},
};

use super::{Format, MAX_BYTES, MAX_MONITORS, VERSION};
use crate::definition::Fields;

/// How deep a document is, with some to spare: the whole, the list, a monitor, its tags.
const MAX_DEPTH: usize = 8;
/// The most values that aliases bring: a document's worth of defaults in every monitor.
const MAX_REPLAYED: usize = 500_000;

/// A monitor as it is written.
pub(super) struct Raw {
    pub(super) slug: String,
    pub(super) defined: Option<bool>,
    pub(super) fields: Fields,
}

/// What is written, or why nobody knows.
pub(super) fn raw(bytes: &[u8], format: Format) -> Result<Vec<Raw>, String> {
    let whole: Whole = match format {
        Format::Json => serde_json::from_slice(bytes).map_err(|error| error.to_string())?,
        Format::Yaml => {
            let text = std::str::from_utf8(bytes).map_err(|error| format!("it is not UTF-8: {error}"))?;
            serde_saphyr::from_str_with_options(text, options()).map_err(|error| said(&error))?
        }
    };
    match whole.version {
        VERSION => Ok(whole.monitors.0),
        other => Err(format!("it is of version {other}, and this Heartbeat reads version {VERSION}")),
    }
}

/// What is wrong with YAML, without the words of who programs.
fn said(error: &YamlError) -> String {
    error.render_with_formatter(&UserMessageFormatter)
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 4_000_000,
            max_nodes: 2_000_000,
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_documents: 1,
            max_aliases: 4 * MAX_MONITORS,
            max_anchors: 1_000,
            max_merge_keys: MAX_MONITORS,
            // Of aliases, each time that they are named.
            max_total_scalar_bytes: 4 * MAX_BYTES,
            // Defaults that every monitor names are what aliases are for: what they bring is counted.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: limits(),
        merge_keys: MergeKeyPolicy::Merge,
        strict_booleans: true,
        with_snippet: false,
    }
}

fn limits() -> AliasLimits {
    serde_saphyr::alias_limits! { max_total_replayed_events: MAX_REPLAYED, max_replay_stack_depth: 4 }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    version: u64,
    monitors: Monitors,
}

/// The list, no longer than it may be.
struct Monitors(Vec<Raw>);

impl<'de> Deserialize<'de> for Monitors {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(List)
    }
}

struct List;

impl<'de> Visitor<'de> for List {
    type Value = Monitors;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of monitors")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Monitors, A::Error> {
        let mut monitors = Vec::new();
        while let Some(monitor) = list.next_element()? {
            if monitors.len() == MAX_MONITORS {
                return Err(A::Error::custom(format!("it has more than {MAX_MONITORS} monitors: split it")));
            }
            monitors.push(monitor);
        }
        Ok(Monitors(monitors))
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Entry)
    }
}

struct Entry;

impl<'de> Visitor<'de> for Entry {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a monitor with its `slug`")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Raw, A::Error> {
        let (mut slug, mut defined) = (None, None);
        let others = Others { map, slug: &mut slug, defined: &mut defined };
        let fields = Fields::deserialize(MapAccessDeserializer::new(others))?;
        let slug = slug.ok_or_else(|| A::Error::missing_field("slug"))?;
        Ok(Raw { slug, defined, fields })
    }
}

/// What a monitor says besides its definition is taken out; the definition is read as it is everywhere else.
struct Others<'a, A> {
    map: A,
    slug: &'a mut Option<String>,
    defined: &'a mut Option<bool>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Others<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.map.next_key::<String>()? {
            match key.as_str() {
                "slug" if self.slug.is_some() => return Err(A::Error::duplicate_field("slug")),
                "defined" if self.defined.is_some() => return Err(A::Error::duplicate_field("defined")),
                "slug" => *self.slug = Some(self.map.next_value()?),
                "defined" => *self.defined = Some(self.map.next_value()?),
                _ => return seed.deserialize(key.into_deserializer()).map(Some),
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}
