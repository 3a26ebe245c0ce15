//! Comparing two stores record by record, in little memory: records are told apart into buckets by their names, each bucket
//! with a sum of fingerprints that does not depend on their order. Where two buckets differ, a second walk looks at what is
//! in them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Archive, Fingerprint, Kind, Record, Step};
use crate::{store::StoreError, time::Timestamp};

/// How many records are read at a time.
const PAGE: usize = 1_000;
/// Into how many buckets the records of a kind are divided.
const BUCKETS: usize = 1 << 16;
/// Into how many buckets of a kind that differ is looked. More than what expires while a store of a million rows is copied and
/// compared, so that this alone is no difference; and few enough to hold what is in them: a 64th of everything.
const LOOKED_INTO: usize = 1_024;

/// What a store holds of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// How many records.
    pub count: u64,
    /// The sum of their fingerprints.
    pub digest: u128,
}

impl Side {
    fn add(&mut self, Fingerprint(fingerprint): Fingerprint) {
        self.count += 1;
        self.digest = self.digest.wrapping_add(fingerprint);
    }
}

/// What is wrong with a record of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It is only in the source.
    Missing,
    /// It is only in the target.
    Added,
    /// It differs in these attributes.
    Differs(Vec<String>),
}

/// A record that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What kind of thing it is.
    pub kind: Kind,
    /// What it is called.
    pub name: String,
    /// What is wrong with it.
    pub wrong: Wrong,
}

/// What comparing two stores came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// What the source holds.
    pub source: BTreeMap<Kind, Side>,
    /// What the target holds.
    pub target: BTreeMap<Kind, Side>,
    /// Where they differ, what has expired in the meantime apart.
    pub differences: Vec<Difference>,
    /// In how many more places they differ at least, that were not looked into.
    pub more: usize,
}

impl Comparison {
    /// Whether both hold the same.
    pub fn is_equal(&self) -> bool {
        self.differences.is_empty() && self.more == 0
    }
}

/// Compares what two stores hold. What nobody sees any more at `now`, with history kept since `history_from`, may have been
/// swept away on one side.
pub async fn compare(
    source: &dyn Archive,
    target: &dyn Archive,
    now: Timestamp,
    history_from: Timestamp,
    watch: &mut (dyn FnMut(Step) + Send),
) -> Result<Comparison, StoreError> {
    let (ours, theirs) = (Sums::of(source, watch).await?, Sums::of(target, watch).await?);
    let mut comparison = Comparison { source: ours.sides(), target: theirs.sides(), ..Comparison::default() };
    let mut suspects: BTreeSet<(Kind, usize)> = BTreeSet::new();
    for kind in Kind::ALL {
        let differing = (0..BUCKETS).filter(|bucket| ours.bucket(kind, *bucket) != theirs.bucket(kind, *bucket));
        let mut differing: Vec<usize> = differing.collect();
        comparison.more += differing.len().saturating_sub(LOOKED_INTO);
        differing.truncate(LOOKED_INTO);
        suspects.extend(differing.into_iter().map(|bucket| (kind, bucket)));
    }
    if !suspects.is_empty() {
        let (ours, theirs) = (records_in(source, &suspects).await?, records_in(target, &suspects).await?);
        comparison.differences = differences(&ours, &theirs, |record| record.is_gone_at(now, history_from));
    }
    Ok(comparison)
}

/// The sums of everything in a store.
struct Sums(BTreeMap<Kind, Vec<Side>>);

impl Sums {
    async fn of(archive: &dyn Archive, watch: &mut (dyn FnMut(Step) + Send)) -> Result<Self, StoreError> {
        let mut sums = Self(Kind::ALL.map(|kind| (kind, vec![Side::default(); BUCKETS])).into());
        for kind in Kind::ALL {
            watch(Step::Starts { kind, of: archive.size(kind).await? });
            let mut place = None;
            loop {
                let page = archive.page(kind, place.as_ref(), PAGE).await?;
                for record in &page.records {
                    sums.add(record);
                }
                watch(Step::Done(page.records.len() as u64));
                place = page.next;
                if place.is_none() {
                    break;
                }
            }
            watch(Step::Ends(kind));
        }
        Ok(sums)
    }

    fn add(&mut self, record: &Record) {
        let buckets = self.0.get_mut(&record.kind);
        if let Some(side) = buckets.and_then(|buckets| buckets.get_mut(bucket_of(record))) {
            side.add(record.fingerprint());
        }
    }

    fn bucket(&self, kind: Kind, bucket: usize) -> Option<&Side> {
        self.0.get(&kind)?.get(bucket)
    }

    fn sides(&self) -> BTreeMap<Kind, Side> {
        let sum = |sides: &Vec<Side>| {
            sides.iter().fold(Side::default(), |sum, side| Side {
                count: sum.count + side.count,
                digest: sum.digest.wrapping_add(side.digest),
            })
        };
        self.0.iter().map(|(kind, sides)| (*kind, sum(sides))).collect()
    }
}

fn bucket_of(record: &Record) -> usize {
    usize::try_from(crc32fast::hash(record.name.as_bytes())).unwrap_or(0) % BUCKETS
}

/// The records that are in these buckets.
async fn records_in(
    archive: &dyn Archive,
    suspects: &BTreeSet<(Kind, usize)>,
) -> Result<BTreeMap<(Kind, String), Record>, StoreError> {
    let mut records = BTreeMap::new();
    for kind in Kind::ALL {
        let mut place = None;
        loop {
            let page = archive.page(kind, place.as_ref(), PAGE).await?;
            let suspected = page.records.into_iter().filter(|r| suspects.contains(&(r.kind, bucket_of(r))));
            records.extend(suspected.map(|record| ((record.kind, record.name.clone()), record)));
            place = page.next;
            if place.is_none() {
                break;
            }
        }
    }
    Ok(records)
}

fn differences(
    ours: &BTreeMap<(Kind, String), Record>,
    theirs: &BTreeMap<(Kind, String), Record>,
    is_gone: impl Fn(&Record) -> bool,
) -> Vec<Difference> {
    let names: BTreeSet<&(Kind, String)> = ours.keys().chain(theirs.keys()).collect();
    let different = names.into_iter().filter_map(|key| {
        let wrong = match (ours.get(key), theirs.get(key)) {
            (Some(ours), Some(theirs)) if ours.fingerprint() == theirs.fingerprint() => return None,
            (Some(ours), Some(theirs)) => Wrong::Differs(ours.differing(theirs)),
            (Some(record), None) if !is_gone(record) => Wrong::Missing,
            (None, Some(record)) if !is_gone(record) => Wrong::Added,
            (Some(_) | None, None) | (None, Some(_)) => return None,
        };
        Some(Difference { kind: key.0, name: key.1.clone(), wrong })
    });
    different.collect()
}
