//! What was told to whom: on every channel of the project, what it wants and nothing else, in order, and where one is gone
//! or gave up, on the one that stands in for it.

use std::{collections::BTreeSet, time::Duration};

use heartbeat_core::{ChannelName, NoticeKind, Timestamp, channel::definition::ChannelRole};

use super::{Case, PROMPT};
use crate::simulator::{journal::Told, radio::Post};

/// Within this time of being decided, news are routed: checkers may oversleep, and crash.
const ROUTED: Duration = Duration::from_mins(10);
/// Within this time of being decided, what a channel wants is tried there for the first time.
const TRIED: Duration = Duration::from_mins(30);
/// Within this time of an outage, a channel that works is told whatever others do, however often it fails besides.
const UNDELAYED: Duration = Duration::from_mins(40);

impl Case<'_> {
    pub(super) fn judge_tellings(&mut self) {
        for (post, disabled_at) in self.evidence.posts.iter().zip(self.disabled) {
            self.only_what_was(post);
            self.nothing_twice_in_fair_weather(&post.name);
            match post.role {
                ChannelRole::Main => {
                    self.order_is_kept(&post.name);
                    self.nothing_unwanted(post);
                    self.all_is_told(post, *disabled_at);
                    self.the_end_is_told(post);
                }
                ChannelRole::Fallback => self.nobody_stood_in_for_nothing(post),
            }
        }
    }

    fn told_on<'b>(&'b self, channel: &'b ChannelName) -> impl Iterator<Item = &'b Told> {
        self.told.iter().filter(move |told| told.channel == *channel)
    }

    /// What was told on a post, or on the one that stands in for it where that may be.
    fn told_for<'b>(&'b self, post: &'b Post) -> impl Iterator<Item = &'b Told> {
        let stands_in = post.weather.gone_from.is_some() || !self.evidence.plan.scale.is_short();
        let spare = self.evidence.posts.iter().find(|post| post.role == ChannelRole::Fallback).filter(|_| stands_in);
        self.told
            .iter()
            .filter(move |told| told.channel == post.name || spare.is_some_and(|spare| told.channel == spare.name))
    }

    /// The outage of `deadline`, whose silence went from `from` to `end`, was told on every channel that wants to hear of it.
    pub(super) fn outage_is_told(&mut self, from: Timestamp, deadline: Timestamp, end: Timestamp) {
        let mut wrong = Vec::new();
        for (post, disabled_at) in self.evidence.posts.iter().zip(self.disabled) {
            let is_to_be_told = post.role == ChannelRole::Main
                && self.is_routed_to(deadline, *disabled_at)
                && (post.wants.late || self.lasts(from, deadline, end));
            if is_to_be_told {
                wrong.extend(self.is_told(post, from, deadline));
            }
        }
        self.offend_all(wrong);
    }

    /// Whether the news of an outage were given to a channel that was disabled then, if ever.
    fn is_routed_to(&self, deadline: Timestamp, disabled_at: Option<Timestamp>) -> bool {
        let Some(disabled_at) = disabled_at else { return true };
        let opened = self.history.opened.iter().find(|opened| opened.since == deadline);
        let routed_at = opened.map(|opened| opened.at.plus(ROUTED));
        routed_at.is_some_and(|at| at < disabled_at && self.evidence.closed.touching(at.minus(ROUTED), at).count() == 0)
    }

    /// Whether an outage lasts so long that it was tried to tell it as one that is still going on.
    fn lasts(&self, from: Timestamp, deadline: Timestamp, end: Timestamp) -> bool {
        end > deadline.plus(self.evidence.settings.settle).plus(self.amnesty(from, end)).plus(TRIED)
    }

    fn is_told(&self, post: &Post, from: Timestamp, deadline: Timestamp) -> Option<String> {
        let name = &post.name;
        let tells = |told: &&Told| {
            let notice = &told.notice;
            notice.first_down_at.is_some_and(|first| first <= deadline) && deadline <= notice.down_at
        };
        let Some(at) = self.told_for(post).filter(tells).map(|told| told.at).min() else {
            return Some(format!("LOST ALERT: the outage of {deadline} was never told on {name}"));
        };
        if self.is_calm(deadline) && at.since(deadline) > PROMPT {
            return Some(format!("the outage of {deadline} was told on {name} as late as {at}"));
        }
        let (before, soon) = (deadline.minus(UNDELAYED), deadline.plus(UNDELAYED));
        let is_well = self.evidence.fair
            && post.weather.gone_from.is_none()
            && post.weather.outages.touching(before, soon).count() == 0;
        (is_well && at > soon.plus(self.amnesty(from, soon)))
            .then(|| format!("{name} works, and was told as late as {at} of the outage of {deadline}"))
    }

    /// Whether there was no trouble any more, and nothing left of it to wait for.
    fn is_calm(&self, at: Timestamp) -> bool {
        at >= self.evidence.mended_at && self.evidence.plan.scale.is_short()
    }

    fn order_is_kept(&mut self, channel: &ChannelName) {
        let revs: Vec<_> = self.told_on(channel).map(|told| told.notice.rev).collect();
        if !revs.is_sorted() {
            self.offend(&format!("told out of order on {channel}: {revs:?}"));
        }
    }

    fn only_what_was(&mut self, post: &Post) {
        let since: BTreeSet<_> = self.history.opened.iter().map(|opened| opened.since).collect();
        // Who stands in may hear of the end of an outage that another was told of.
        let mut known = post.role == ChannelRole::Fallback;
        let mut wrong = Vec::new();
        for told in self.told_on(&post.name) {
            let notice = &told.notice;
            known |= notice.outages > 0;
            if !known {
                wrong.push(format!("a {} without an outage on {}", notice.kind(), post.name));
            }
            if !since.contains(&notice.down_at) {
                wrong.push(format!("told on {} of an outage at {} that never was", post.name, notice.down_at));
            }
        }
        self.offend_all(wrong);
    }

    /// Nobody is told what they do not want, except the end of what they may have heard of.
    fn nothing_unwanted(&mut self, post: &Post) {
        let kinds: BTreeSet<_> = self.told_on(&post.name).map(|told| told.notice.kind()).collect();
        let wrong = kinds.iter().filter(|kind| !post.wants.includes(**kind, true));
        let wrong = wrong.map(|kind| format!("{} was told a {kind}, which it does not want", post.name)).collect();
        self.offend_all(wrong);
    }

    /// Whoever was told of an outage last is not left with it when it is over.
    fn the_end_is_told(&mut self, post: &Post) {
        let Some(last) = self.told_on(&post.name).last().filter(|_| !self.history.muted) else { return };
        let is_down = matches!(last.notice.kind(), NoticeKind::Overdue | NoticeKind::Reminder);
        let ended_at = self.history.recovered.get(&last.notice.down_at);
        let is_over = ended_at.is_some_and(|at| self.evidence.now.since(*at) > PROMPT);
        let may_be_elsewhere = post.weather.gone_from.is_some() || !self.evidence.plan.scale.is_short();
        if is_down && is_over && !may_be_elsewhere {
            let at = last.notice.down_at;
            self.offend(&format!("{} was told of the outage of {at}, and never of its end", post.name));
        }
    }

    /// Where nobody paused or deleted: every outage and every recovery of history was told.
    fn all_is_told(&mut self, post: &Post, disabled_at: Option<Timestamp>) {
        if self.history.muted || !post.wants.late || disabled_at.is_some() {
            return;
        }
        let (mut seen, mut outages, mut recoveries) = (BTreeSet::new(), 0, 0);
        for told in self.told_for(post).filter(|told| seen.insert(&told.id)) {
            outages += told.notice.outages as usize;
            recoveries += told.notice.recoveries as usize;
        }
        let (name, opened, recovered) = (&post.name, self.history.opened.len(), self.history.recovered.len());
        let text = format!("{name} was told {outages} outages and {recoveries} recoveries of {opened} and {recovered}");
        let is_exact = self.evidence.fair && self.evidence.plan.scale.is_short();
        let is_wrong = is_exact && (outages, recoveries) != (opened, recovered);
        if outages < opened || recoveries < recovered || is_wrong {
            self.offend(&text);
        }
        self.count("P2: every incident and every recovery of history was told", opened + recovered);
    }

    fn nobody_stood_in_for_nothing(&mut self, post: &Post) {
        let nobody_failed = self.evidence.plan.scale.is_short()
            && self.evidence.posts.iter().all(|post| post.weather.gone_from.is_none());
        if nobody_failed && self.told_on(&post.name).next().is_some() {
            self.offend(&format!("{} was told, and no channel had failed", post.name));
        }
    }

    fn nothing_twice_in_fair_weather(&mut self, channel: &ChannelName) {
        if !self.evidence.fair {
            return;
        }
        let mut seen = BTreeSet::new();
        let twice = self.told_on(channel).filter(|told| !seen.insert(&told.id));
        let mut wrong: Vec<_> =
            twice.map(|told| format!("{} was told twice, and nothing had crashed", told.id)).collect();
        let reminders = self.told_on(channel).filter(|told| told.notice.kind() == NoticeKind::Reminder);
        let numbers: Vec<_> = reminders.map(|told| (told.notice.down_at, told.notice.reminder)).collect();
        if !numbers.is_sorted() {
            wrong.push(format!("reminders out of order on {channel}: {numbers:?}"));
        }
        self.offend_all(wrong);
    }
}
