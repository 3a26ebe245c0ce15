//! The contract of the store port: everything that it promises, as clauses that run unchanged against every store.
//!
//! A store's tests give a [`Harness`] to [`contract_tests!`](crate::contract_tests), which makes one test of each clause.
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a clause is a test: it passes or it panics")]
#![expect(missing_docs, reason = "the names of the clauses are sentences")]

pub mod chronicle;
pub mod commit;
pub mod cron;
pub mod delete;
pub mod directory;
pub mod due;
pub mod extend;
pub mod feed;
pub mod find;
pub mod history;
pub mod key;
pub mod ledger;
pub mod page;
pub mod race;
pub mod scene;
pub mod settle;
pub mod size;
pub mod trouble;

use std::sync::Arc;

use async_trait::async_trait;
use heartbeat_core::{MonitorId, Store};
use serde_json::Value;

/// A fresh store, with what no client may do to it: ending it without warning, damaging what is in it, and making it fail.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The store.
    fn store(&self) -> Arc<dyn Store>;

    /// The store as a process finds it that starts after the one before was killed.
    async fn after_a_crash(&self) -> Arc<dyn Store>;

    /// Damages the item so that nobody can understand it; its key and its wake time stay.
    async fn corrupt(&self, id: &MonitorId);

    /// Sets an attribute of the item, whatever it means.
    async fn set_attribute(&self, id: &MonitorId, name: &str, value: Value);

    /// The stored attribute of this name.
    async fn attribute(&self, id: &MonitorId, name: &str) -> Option<Value>;

    /// Damages every row of history of this monitor so that nobody can understand it; its place stays.
    async fn damage_history(&self, id: &MonitorId);

    /// The next `n` writes fail before they are stored, as that store's engine fails; with them what it would have stored
    /// together with them. Those after work again.
    async fn fail_next_writes(&self, n: u32);
}

/// Makes a test of every clause: `contract_tests!(MyHarness::new())`. The caller needs `tokio` with `macros` and
/// `rt-multi-thread`.
#[macro_export]
macro_rules! contract_tests {
    ($harness:expr) => {
        $crate::contract_tests! { @each $harness;
            find::nothing_is_found_where_nothing_was_put,
            find::a_monitor_is_found_as_it_was_created,
            find::what_has_expired_is_not_there,
            find::an_unknown_version_is_refused_and_left_as_it_is,
            find::a_corrupt_item_hides_no_other,
            find::a_ready_store_says_so,
            extend::an_ordinary_ping_is_what_decide_makes_of_it,
            extend::a_ping_that_carries_another_window_is_declined,
            cron::a_cron_ping_is_what_decide_does_or_is_declined,
            cron::a_cron_ping_counts_only_for_the_line_that_was_seen,
            cron::a_cron_ping_that_was_not_answered_is_done_once,
            cron::arithmetic_is_not_for_a_cron_line,
            extend::the_same_ping_again_counts_once,
            extend::pings_that_came_together_all_count,
            extend::a_row_for_late_pings_is_kept_after_the_expected_moment_alone,
            extend::a_ping_for_nobody_is_declined,
            extend::of_pings_at_once_every_one_counts,
            commit::a_second_creation_conflicts_with_the_first,
            commit::the_same_creation_again_is_done,
            commit::what_has_expired_is_created_anew,
            commit::the_same_decision_again_is_done,
            commit::a_decision_conflicts_with_one_that_came_between,
            commit::a_decision_on_revision_alone_lets_pings_come_between,
            commit::a_decision_on_the_newest_ping_conflicts_with_a_newer_one,
            commit::a_decision_on_silence_conflicts_with_any_ping,
            commit::only_what_differs_is_written,
            commit::what_this_version_does_not_know_survives_its_writes,
            commit::a_choice_of_channels_is_kept_and_taken_back,
            commit::a_decision_about_nobody_conflicts,
            commit::a_monitor_and_its_keys_are_made_together_or_not_at_all,
            commit::a_decision_that_conflicts_makes_no_key,
            delete::what_was_deleted_is_deleted_until_the_tombstone_has_passed,
            delete::a_late_ping_does_not_bring_it_back,
            delete::a_person_who_defines_it_brings_it_back,
            delete::the_same_deletion_again_is_done,
            delete::a_deletion_conflicts_with_a_decision_that_came_between,
            settle::a_delivered_entry_leaves_the_outbox,
            settle::only_the_owner_of_the_lease_settles_its_entry,
            settle::a_retry_keeps_the_entry_and_says_when,
            settle::what_is_given_up_stays_visible_and_is_kept_until_it_is_routed,
            settle::what_was_given_up_is_sent_again_by_hand_and_settled,
            settle::a_lease_survives_pings,
            settle::what_was_settled_is_looked_at_at_once_and_ordinary_only_after_a_look,
            due::what_is_due_comes_earliest_first_and_no_more_than_asked_for,
            due::the_next_wake_is_the_earliest_of_all,
            due::a_deferral_moves_only_what_it_has_seen,
            due::what_need_not_be_looked_at_is_put_out_of_sight,
            due::a_corrupt_item_can_be_deferred,
            page::a_project_is_listed_by_slug_page_by_page,
            page::a_sweep_sees_every_monitor_once,
            page::the_parts_of_a_sweep_together_see_every_monitor_once,
            page::what_is_deleted_or_expired_is_not_listed,
            history::history_is_newest_first_and_paged,
            history::what_is_written_late_is_read_in_its_place,
            history::a_row_appended_twice_is_one_row,
            history::a_refused_write_leaves_no_row,
            feed::a_feed_is_oldest_first_from_a_little_before_and_of_one_project_alone,
            feed::who_reads_on_from_the_newest_row_misses_none,
            feed::what_is_written_late_is_found_by_reading_on,
            chronicle::a_projects_history_is_newest_first_and_of_one_project_alone,
            chronicle::a_projects_history_is_read_page_by_page,
            chronicle::what_a_project_wrote_late_is_read_in_its_place,
            ledger::deliveries_are_newest_first_and_of_one_channel_of_one_project_alone,
            ledger::deliveries_are_read_page_by_page,
            ledger::an_attempt_that_is_settled_twice_is_one_row,
            ledger::an_attempt_is_told_with_everything_that_is_known_of_it,
            ledger::an_attempt_that_cannot_be_understood_hides_no_other,
            ledger::what_is_settled_late_is_read_in_its_place,
            ledger::many_monitors_that_are_told_in_one_message_are_all_there,
            directory::the_first_revision_goes_where_nothing_is_and_each_next_one_over_the_one_before,
            directory::an_entry_says_what_it_was_told,
            directory::entries_are_in_order_and_of_one_owner_alone,
            directory::of_twenty_at_once_one_is_stored,
            key::a_key_is_found_by_its_hash_and_listed_oldest_first,
            key::a_key_put_again_is_replaced,
            race::fifty_first_pings_at_once_make_one_monitor,
            race::of_twenty_pings_out_of_order_the_newest_wins_and_all_count,
            race::a_chatty_job_keeps_nobody_from_pausing_editing_and_deleting_it,
            race::what_was_answered_is_there_after_a_crash,
            size::the_longest_names_and_the_largest_body_are_stored_as_they_are,
            size::the_largest_monitors_are_stored_as_they_are,
            size::a_monitor_with_as_much_to_tell_as_can_be_is_stored_as_it_is,
            trouble::a_decision_that_fails_changes_nothing_and_may_be_made_again,
            trouble::a_ping_that_fails_changes_nothing_and_may_be_sent_again,
            trouble::a_settlement_or_a_deferral_that_fails_changes_nothing_and_may_be_made_again,
            trouble::a_key_or_an_entry_that_fails_is_not_there_and_may_be_put_again,
            trouble::of_many_writes_at_once_of_which_some_fail_exactly_the_answered_are_there,
        }
    };
    (@each $harness:expr; $($part:ident :: $clause:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $clause() {
                $crate::contract::$part::$clause(&$harness).await;
            }
        )+
    };
}
