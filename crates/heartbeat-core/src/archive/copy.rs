//! Copying everything of one store into another that is empty, page by page. How far it has come is noted in the target
//! with each page, so that a copy that was interrupted goes on where it was.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Archive, Kind, MARK, Place, Refused};
use crate::{directory::Entry, store::StoreError};

/// How many records are moved at a time.
const PAGE: usize = 1_000;
/// How many of those that were refused, or are not understood, are named.
const NAMED: usize = 100;

/// Why nothing, or not everything, was copied.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CopyError {
    /// The target is somebody's.
    #[error(
        "the target holds {} already, such as {name}, and a copy writes over nothing: give it an empty one",
        kind.plural()
    )]
    NotEmpty {
        /// What it holds.
        kind: Kind,
        /// One of them.
        name: String,
    },
    /// The target holds part of a copy of something else.
    #[error("the target holds a part of a copy of {from}: finish that one, or give this one an empty target")]
    OfAnother {
        /// Of what.
        from: String,
    },
    /// There is nothing to do.
    #[error(
        "the target is a finished copy of {from} already: `--verify` compares the two, and nothing is copied twice"
    )]
    Finished {
        /// Of what.
        from: String,
    },
    /// One of the stores failed. The same command goes on where this one stopped.
    #[error("{0}; the same command goes on from here")]
    Store(#[from] StoreError),
}

/// How far a copy has come, as the target notes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Mark {
    /// The source, as its owner names it.
    from: String,
    /// What is being moved; none = everything has been.
    kind: Option<Kind>,
    /// Where the next page starts.
    place: Option<Place>,
    copied: Copied,
    finished: bool,
}

/// What was copied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// Entries of the directory.
    pub entries: u64,
    /// Rows of history.
    pub events: u64,
    /// Monitors, those not counted that were deleted.
    pub monitors: u64,
    /// Tombstones of monitors.
    pub tombstones: u64,
    /// Keys.
    pub keys: u64,
    /// How many of them this version does not understand. They were copied as they are.
    pub strange: u64,
    /// Those, the first of them, each with what is strange about it.
    pub strange_names: Vec<String>,
    /// How many the target did not take.
    pub refused: u64,
    /// Those, the first of them.
    pub refusals: Vec<Refused>,
    /// Whether an earlier copy had begun it.
    pub resumed: bool,
}

impl Copied {
    fn count(&mut self, records: &[super::Record]) {
        for record in records {
            match record.kind {
                Kind::Entry => self.entries += 1,
                Kind::Event => self.events += 1,
                Kind::Monitor if record.is_tombstone() => self.tombstones += 1,
                Kind::Monitor => self.monitors += 1,
                Kind::Key => self.keys += 1,
            }
            if let Some(trouble) = record.trouble() {
                self.strange += 1;
                if self.strange_names.len() < NAMED {
                    self.strange_names.push(format!("{}: {}", trouble.id, trouble.reason));
                }
            }
        }
    }

    fn count_refused(&mut self, refused: Vec<Refused>) {
        self.refused += refused.len() as u64;
        let room = NAMED.saturating_sub(self.refusals.len());
        self.refusals.extend(refused.into_iter().take(room));
    }
}

/// What has just been done, for those who watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Records of `kind` come now, about `of` of them.
    Starts {
        /// What comes.
        kind: Kind,
        /// About how many.
        of: u64,
    },
    /// So many more of them are done.
    Done(u64),
    /// All of them are.
    Ends(Kind),
}

/// Copies everything of `source`, which is called `from`, into `target`, which is empty or was left by an interrupted copy of
/// the same source.
pub async fn copy(
    source: &dyn Archive,
    target: &dyn Archive,
    from: &str,
    watch: &mut (dyn FnMut(Step) + Send),
) -> Result<Copied, CopyError> {
    let mut walk = Walk::start(target, from).await?;
    while let Some(kind) = walk.mark.kind {
        watch(Step::Starts { kind, of: source.size(kind).await? });
        loop {
            let page = source.page(kind, walk.mark.place.as_ref(), PAGE).await?;
            let (moved, last) = (page.records.len() as u64, page.next.is_none());
            walk.mark.copied.count(&page.records);
            walk.mark.place = page.next;
            if last {
                walk.mark.kind = Kind::ALL.into_iter().skip_while(|done| *done != kind).nth(1);
            }
            walk.put(target, page.records).await?;
            watch(Step::Done(moved));
            if last {
                break;
            }
        }
        watch(Step::Ends(kind));
    }
    target.complete().await?;
    walk.mark.finished = true;
    walk.put(target, Vec::new()).await?;
    Ok(walk.mark.copied)
}

/// Whether `target` is a finished copy of `from`, or on the way there.
pub async fn is_copy_of(target: &dyn Archive, from: &str) -> Result<bool, StoreError> {
    let mark = target.mark().await?;
    Ok(mark.is_some_and(|entry| entry.read::<Mark>().is_ok_and(|mark| mark.from == from)))
}

/// A copy on its way.
struct Walk {
    mark: Mark,
    /// The revision of the mark that is there.
    rev: u64,
}

impl Walk {
    async fn start(target: &dyn Archive, from: &str) -> Result<Self, CopyError> {
        if let Some(entry) = target.mark().await? {
            let mut mark: Mark = entry.read().map_err(StoreError::from)?;
            if mark.from != from {
                return Err(CopyError::OfAnother { from: mark.from });
            }
            if mark.finished {
                return Err(CopyError::Finished { from: mark.from });
            }
            mark.copied.resumed = true;
            return Ok(Self { mark, rev: entry.rev });
        }
        require_empty(target).await?;
        let mark = Mark {
            from: from.to_owned(),
            kind: Kind::ALL.first().copied(),
            place: None,
            copied: Copied::default(),
            finished: false,
        };
        let mut walk = Self { mark, rev: 0 };
        walk.put(target, Vec::new()).await?;
        Ok(walk)
    }

    /// Adds records to the target with the mark. What it refuses is noted with the next page: the mark of this one is
    /// written with it.
    async fn put(&mut self, target: &dyn Archive, records: Vec<super::Record>) -> Result<(), StoreError> {
        let mut entry = Entry::first(MARK.0, MARK.1, &self.mark);
        entry.rev = self.rev + 1;
        let refused = target.put(records, entry).await?;
        self.rev += 1;
        self.mark.copied.count_refused(refused);
        Ok(())
    }
}

async fn require_empty(target: &dyn Archive) -> Result<(), CopyError> {
    for kind in Kind::ALL {
        let mut place = None;
        loop {
            let page = target.page(kind, place.as_ref(), PAGE).await?;
            if let Some(record) = page.records.first() {
                return Err(CopyError::NotEmpty { kind: record.kind, name: record.name.clone() });
            }
            place = page.next;
            if place.is_none() {
                break;
            }
        }
    }
    Ok(())
}
