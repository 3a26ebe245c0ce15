//! Who is told of a monitor: its project's channels as the directory has them, or those of the installation where the
//! project has none. What is known of a project is a few seconds old at most; while the directory fails, it stays as it was.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::lock::Mutex as AsyncMutex;
use heartbeat_core::{
    Channel, ChannelName, Project, Store, StoreError, Telling, Timestamp,
    channel::definition::{ChannelRole, ChannelState, Defined, Kinds, change_channel, channels},
    delivery::{Outcome, Reason},
    outbox::Routing,
};

use crate::{deliver::OUTCOMES, meters};

/// How old what is known of a project's channels may be.
const FRESH: Duration = Duration::from_secs(10);
/// How long a project that has nothing to tell is remembered.
const REMEMBERED: Duration = Duration::from_hours(1);

/// A channel and whose it is: what is sent to it is sent by one at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line {
    /// Whose; `None` = the installation's.
    pub project: Option<Project>,
    /// Its name.
    pub name: ChannelName,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.project {
            Some(project) => write!(f, "{project}/{}", self.name),
            None => self.name.fmt(f),
        }
    }
}

/// One end of a line: the channel itself.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) line: Line,
    pub(crate) channel: Arc<dyn Channel>,
    /// Its kind, as it is counted; the installation's are called by their kind.
    pub(crate) kind: Arc<str>,
    /// The revision of its definition; 0 where it has none.
    rev: u64,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.line.fmt(f)
    }
}

/// The channels of one project.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) routing: Routing,
    connections: BTreeMap<ChannelName, Connection>,
}

impl Book {
    fn of(connections: Vec<Connection>) -> Self {
        let names: Vec<ChannelName> = connections.iter().map(|one| one.line.name.clone()).collect();
        let connections = names.iter().cloned().zip(connections).collect();
        Self { routing: Routing::to(&names), connections }
    }

    pub(crate) fn get(&self, name: &ChannelName) -> Option<&Connection> {
        self.connections.get(name)
    }
}

/// What is known of a project, held while it is read: all who need it read it once.
type Known = Arc<AsyncMutex<Option<(Timestamp, Arc<Book>)>>>;

/// All channels that this checker knows.
pub(crate) struct Switchboard {
    of_installation: Arc<Book>,
    kinds: Option<Arc<dyn Kinds>>,
    projects: Mutex<HashMap<Project, (Timestamp, Known)>>,
}

impl Switchboard {
    /// `None` when the installation has no channel at all.
    pub(crate) fn new(of_installation: Vec<Arc<dyn Channel>>) -> Option<Self> {
        let connection = |channel: Arc<dyn Channel>| {
            let line = Line { project: None, name: channel.name().clone() };
            let kind = counted(channel.name().as_str());
            Connection { line, channel, kind, rev: 0 }
        };
        let book = Book::of(of_installation.into_iter().map(connection).collect());
        let (of_installation, projects) = (Arc::new(book), Mutex::default());
        (!of_installation.routing.is_empty()).then_some(Self { of_installation, kinds: None, projects })
    }

    pub(crate) fn with_kinds(self, kinds: Arc<dyn Kinds>) -> Self {
        Self { kinds: Some(kinds), ..self }
    }

    /// The channels of `project`.
    pub(crate) async fn book(
        &self,
        store: &dyn Store,
        project: &Project,
        now: Timestamp,
    ) -> Result<Arc<Book>, StoreError> {
        let Some(kinds) = &self.kinds else { return Ok(Arc::clone(&self.of_installation)) };
        let known = self.known(project, now);
        let mut known = known.lock().await;
        let before = match &*known {
            Some((at, book)) if now.since(*at).max(at.since(now)) < FRESH => return Ok(Arc::clone(book)),
            Some((_, book)) => Some(Arc::clone(book)),
            None => None,
        };
        let defined = match (channels(store, project).await, before.as_ref()) {
            (Ok(defined), _) => defined,
            (Err(error), Some(before)) => {
                tracing::warn!(%project, %error, "the channels of a project cannot be read: they stay as they were");
                return Ok(Arc::clone(before));
            }
            (Err(error), None) => return Err(error),
        };
        let book = match defined.as_slice() {
            [] => Arc::clone(&self.of_installation),
            defined => Arc::new(opened(project, defined, kinds.as_ref(), before.as_deref())),
        };
        *known = Some((now, Arc::clone(&book)));
        Ok(book)
    }

    fn known(&self, project: &Project, now: Timestamp) -> Known {
        let mut projects = self.projects();
        projects.retain(|other, (used_at, _)| other == project || now.since(*used_at) < REMEMBERED);
        let (used_at, known) = projects.entry(project.clone()).or_insert_with(|| (now, Known::default()));
        *used_at = now;
        Arc::clone(known)
    }

    /// Disables a project's channel, visibly. Says whether it is disabled by now: what the installation itself is set up with
    /// cannot be, and what a person has changed meanwhile is as they want it.
    pub(crate) async fn disable(
        &self,
        store: &dyn Store,
        connection: &Connection,
        why: &Reason,
        now: Timestamp,
    ) -> bool {
        let Some(project) = &connection.line.project else { return false };
        let disabled = change_channel(store, project, &connection.line.name, |there| {
            let unchanged = there.rev == connection.rev && there.definition.is_enabled();
            let state = ChannelState::Disabled { at: now, why: why.as_str().to_owned() };
            unchanged.then(|| heartbeat_core::channel::definition::Definition { state, ..there.definition.clone() })
        });
        match disabled.await {
            Ok(there) => {
                self.projects().remove(project);
                !there.definition.is_enabled()
            }
            Err(error) => {
                tracing::error!(line = %connection.line, %error, "a channel that refuses could not be disabled");
                false
            }
        }
    }

    fn projects(&self) -> MutexGuard<'_, HashMap<Project, (Timestamp, Known)>> {
        self.projects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The channels that are enabled; those that have not changed are gone on with.
fn opened(project: &Project, defined: &[Defined], kinds: &dyn Kinds, before: Option<&Book>) -> Book {
    let (mut connections, mut lines, mut fallback) = (BTreeMap::new(), Vec::new(), None);
    for one in defined.iter().filter(|one| one.definition.is_enabled()) {
        let known = before.and_then(|book| book.get(&one.name)).filter(|known| known.rev == one.rev);
        let line = Line { project: Some(project.clone()), name: one.name.clone() };
        let connection = known.filter(|known| known.line == line).cloned();
        let connection = connection.unwrap_or_else(|| Connection {
            line,
            channel: open(one, kinds),
            kind: kind_of(one, kinds),
            rev: one.rev,
        });
        let told = (one.name.clone(), one.definition.wants);
        match one.definition.role {
            ChannelRole::Main => lines.push(told),
            ChannelRole::Fallback => fallback = Some(told),
        }
        connections.insert(one.name.clone(), connection);
    }
    Book { routing: Routing::new(lines, fallback), connections }
}

/// The word for its kind; those that a newer program knows are counted together.
fn kind_of(one: &Defined, kinds: &dyn Kinds) -> Arc<str> {
    let known = kinds.words().into_iter().find(|word| *word == one.definition.kind);
    counted(known.unwrap_or("unknown"))
}

fn counted(kind: &str) -> Arc<str> {
    meters::may_be_attempted(kind, OUTCOMES);
    kind.into()
}

fn open(one: &Defined, kinds: &dyn Kinds) -> Arc<dyn Channel> {
    kinds.open(&one.name, &one.definition.kind, &one.definition.config).unwrap_or_else(|error| {
        tracing::error!(channel = %one.name, %error, "a channel cannot be used as it is set up: what it is to tell waits");
        Arc::new(Unusable { name: one.name.clone(), reason: Reason::new(&error.to_string()) })
    })
}

/// A channel whose definition this program does not understand: a newer one may.
struct Unusable {
    name: ChannelName,
    reason: Reason,
}

#[async_trait]
impl Channel for Unusable {
    fn name(&self) -> &ChannelName {
        &self.name
    }

    fn time_out(&self) -> Duration {
        Duration::ZERO
    }

    async fn send(&self, _: &[Telling]) -> Outcome {
        self.test().await
    }

    async fn test(&self) -> Outcome {
        Outcome::TryAgain { after: None, reason: self.reason.clone() }
    }
}
