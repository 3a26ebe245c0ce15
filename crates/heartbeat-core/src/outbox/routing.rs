//! Whom the news of a monitor go to: its project's channels, what they want, and who stands in for them.

use std::collections::{BTreeMap, BTreeSet};

use crate::channel::{ChannelName, definition::Wants};

/// Whom the news of a monitor go to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routing {
    /// Who is told, and of what.
    pub(super) lines: BTreeMap<ChannelName, Wants>,
    /// Who is told what the others cannot be told.
    pub(super) fallback: Option<(ChannelName, Wants)>,
}

impl Routing {
    /// To all of `lines`, and what they cannot be told to `fallback`, which is told everything where there is nobody else.
    pub fn new(lines: impl IntoIterator<Item = (ChannelName, Wants)>, fallback: Option<(ChannelName, Wants)>) -> Self {
        let mut lines: BTreeMap<_, _> = lines.into_iter().collect();
        if lines.is_empty() {
            lines.extend(fallback.clone());
        }
        Self { lines, fallback }
    }

    /// Everything to all of `channels`.
    pub fn to(channels: &[ChannelName]) -> Self {
        Self::new(channels.iter().map(|channel| (channel.clone(), Wants::ALL)), None)
    }

    /// The part of it that a monitor has chosen; `None` = all.
    #[must_use]
    pub fn chosen(&self, chosen: Option<&BTreeSet<ChannelName>>) -> Self {
        let is_chosen = |name: &ChannelName| chosen.is_none_or(|chosen| chosen.contains(name));
        let lines = self.lines.iter().filter(|(name, _)| is_chosen(name)).map(|(name, wants)| (name.clone(), *wants));
        Self::new(lines, self.fallback.clone())
    }

    /// Whether there is nobody to tell.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(super) fn wants(&self, name: &ChannelName) -> Option<Wants> {
        let fallback = self.fallback.as_ref().filter(|(fallback, _)| fallback == name).map(|(_, wants)| *wants);
        self.lines.get(name).copied().or(fallback)
    }

    /// Who stands in for `name`.
    pub(super) fn instead_of(&self, name: &ChannelName) -> Option<&ChannelName> {
        self.fallback.as_ref().map(|(fallback, _)| fallback).filter(|fallback| *fallback != name)
    }
}
