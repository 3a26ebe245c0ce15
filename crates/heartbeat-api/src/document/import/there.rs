//! What is there already when a large document is imported: read in pages, which is far less work than monitor by monitor, so
//! that a document that is sent again goes on where it was left.

use std::collections::{HashMap, HashSet};

use heartbeat_core::{
    Slug,
    definition::document::{Document, Wanted},
    flow::Imported,
    key::KeyRecord,
};

use crate::{
    Shared,
    document::{PAGE, query::Unnamed},
    error::ApiError,
};

/// What is there of a project.
#[derive(Default)]
pub(super) struct There {
    /// What the document names of it; `None` = nobody has looked, or cannot see all.
    named: Option<HashMap<Slug, Wanted>>,
    /// What the document does not name, of what can be read.
    pub(super) unnamed: Vec<Slug>,
}

impl There {
    /// What becomes of a monitor by what was seen; `None` = look at it.
    pub(super) fn becomes(&self, wanted: &Wanted) -> Option<Imported> {
        let there = self.named.as_ref()?.get(&wanted.slug);
        Some(there.map_or(Imported::Created, |there| Imported::between(there, wanted)))
    }
}

impl Shared {
    /// Looks at what is there, where it is worth it: for few monitors it is not.
    pub(super) async fn there_of(
        &self,
        key: &KeyRecord,
        document: &Document,
        others: Unnamed,
    ) -> Result<There, ApiError> {
        if others == Unnamed::Kept && document.monitors.len() <= PAGE {
            return Ok(There::default());
        }
        let wants: HashSet<&Slug> = document.monitors.iter().map(|wanted| &wanted.slug).collect();
        let (mut named, mut unnamed, mut after) = (Some(HashMap::new()), Vec::new(), None::<Slug>);
        loop {
            let now = self.flow.clock.now();
            let page = self.in_time(self.flow.store.list(&key.project, after.as_ref(), PAGE, now)).await??;
            for item in page.items {
                match item {
                    Ok(stored) if wants.contains(&stored.monitor.id.slug) => {
                        let wanted = Wanted::of(&stored.monitor);
                        named.as_mut().and_then(|named| named.insert(wanted.slug.clone(), wanted));
                    }
                    Ok(stored) => unnamed.push(stored.monitor.id.slug),
                    // Something is there that is not seen here: each is looked at by itself.
                    Err(_) => named = None,
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(There { named, unnamed });
            }
        }
    }
}
