//! The conformance suite: the contract of the traits, rule by rule, for any store.
//!
//! A store proves that it keeps the rules by implementing [`Subject`], and by one line in an integration test:
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use log_domain::{EntryId, JobId};
//! use log_store::conformance::Subject;
//! use log_store::{
//!     JobWrites, LogAppend, LogStore, MemoryStore, NewLine, NumberedAppend, Revocations, RunClaims, Tickets,
//! };
//!
//! struct Memory(MemoryStore);
//!
//! #[async_trait]
//! impl Subject for Memory {
//!     fn store(&self) -> Arc<dyn LogStore> {
//!         Arc::new(self.0.clone())
//!     }
//!     // … and so on.
//! #   fn appender(&self) -> Arc<dyn LogAppend> { Arc::new(self.0.clone()) }
//! #   fn numbered(&self) -> Arc<dyn NumberedAppend> { Arc::new(self.0.clone()) }
//! #   fn jobs(&self) -> Arc<dyn JobWrites> { Arc::new(self.0.clone()) }
//! #   fn runs(&self) -> Arc<dyn RunClaims> { Arc::new(self.0.clone()) }
//! #   fn tickets(&self) -> Arc<dyn Tickets> { Arc::new(self.0.clone()) }
//! #   fn revocations(&self) -> Arc<dyn Revocations> { Arc::new(self.0.clone()) }
//! #   async fn append_at(&self, job: &JobId, id: EntryId, line: &NewLine) { self.0.append_at(job, id, line); }
//! #   async fn put_raw_line(&self, job: &JobId, id: EntryId, fields: &[(&str, &[u8])]) { self.0.put_raw_line(job, id, fields); }
//! #   async fn trim_to(&self, job: &JobId, keep: usize) { self.0.trim_to(job, keep); }
//! #   async fn delete_line(&self, job: &JobId, id: EntryId) { self.0.delete_line(job, id); }
//! #   async fn delete_log(&self, job: &JobId) { self.0.delete_log(job); }
//! #   async fn age_log(&self, job: &JobId, by: std::time::Duration) { self.0.age_log(job, by); }
//! #   async fn set_status_raw(&self, job: &JobId, status: Option<&str>) { self.0.set_status_raw(job, status); }
//! #   async fn remove_owner(&self, job: &JobId) { self.0.remove_owner(job); }
//! #   async fn set_org_raw(&self, job: &JobId, org: Option<&str>) { self.0.set_org_raw(job, org); }
//! #   async fn delete_job(&self, job: &JobId) { self.0.delete_job(job); }
//! #   fn watched(&self) -> usize { self.0.watched() }
//! }
//!
//! async fn subject() -> Memory {
//!     Memory(MemoryStore::new())
//! }
//!
//! log_store::log_store_conformance!(crate::subject());
//! # fn main() {}
//! ```
//!
//! A store whose connection can be lost also implements [`ConnectedSubject`], and has a second line for the cases about
//! that: `log_store_conformance!(outages: crate::subject());`. Other stores do not list these cases.
//!
//! A store that takes a [`Lifecycle`](log_domain::Lifecycle) is held to it by [`lifecycle`].
//!
//! Each case is one test, on the real clock, with a new subject and a new job.
//!
//! **Invariant:** [`log_store_conformance!`](crate::log_store_conformance) is the only list of cases.

// A test suite, though it ships as a library: a failed expectation is a panic.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code in a library: a failed expectation is a panic"
)]

mod cases;
mod subject;
mod support;

pub use cases::{
    access, append, gap, histories, job_details, jobs, lifecycle, lines, numbered, outage,
    outage_access, outage_append, outage_numbered, reads, runs, watch,
};
pub use subject::{ConnectedSubject, Connection, Subject, fresh_job};
pub use support::{run, run_together};

/// Makes one `#[test]` for each case of the conformance suite.
///
/// The argument is an expression for a future of a [`Subject`]; after `outages:` of a [`ConnectedSubject`]. It is evaluated
/// once for each case, inside the case's tokio runtime. Two stores in one test binary need two
/// modules.
///
/// With `one_test name:` before it, all cases are one test of that name: for a store that takes long to start, where
/// every test is a process of its own.
#[macro_export]
macro_rules! log_store_conformance {
    (@tests [$subject:expr] $($group:ident { $($rule:ident: $($case:ident)+;)+ })+) => {
        $($($(
            #[test]
            fn $case() {
                $crate::conformance::run(async { $subject.await }, |subject| {
                    $crate::conformance::$group::$case(subject)
                });
            }
        )+)+)+
    };
    (@one_test [$name:ident, $subject:expr] $($group:ident { $($rule:ident: $($case:ident)+;)+ })+) => {
        #[test]
        fn $name() {
            $crate::conformance::run_together(&[$($($((stringify!($case), || {
                $crate::conformance::run(async { $subject.await }, |subject| {
                    $crate::conformance::$group::$case(subject)
                });
            }),)+)+)+]);
        }
    };
    (@names [] $($group:ident { $($rule:ident: $($case:ident)+;)+ })+) => {
        &[$($((stringify!($rule), &[$(stringify!($case)),+]),)+)+]
    };
    (@list $what:ident $args:tt) => {
        $crate::log_store_conformance! { @$what $args
            reads {
                R1: a_read_returns_exactly_the_lines_strictly_inside_its_span
                    reads_tile_every_window_for_every_limit_in_both_orders
                    a_read_ends_at_its_limit_of_bytes_with_at_least_one_line
                    a_read_takes_limits_of_any_size
                    a_span_that_holds_no_id_is_an_empty_read
                    the_ends_of_the_id_space_can_be_read;
            }
            lines {
                R2: ids_grow_strictly_along_a_log
                    ids_are_ordered_as_numbers;
                R3: a_log_that_does_not_exist_reads_as_empty;
                R5: a_line_is_read_once_its_append_has_returned;
                R6: bounds_say_what_is_retained_and_what_was_ever_added
                    bounds_are_never_older_than_the_read
                    a_trim_that_races_a_read_is_never_hidden;
                R7: bytes_that_are_not_utf8_read_as_replacement_characters
                    a_missing_field_reads_as_none_and_an_empty_one_as_empty
                    a_line_reads_back_as_it_was_written
                    only_the_field_open_with_the_value_1_makes_a_line_open;
                R8: a_dropped_read_leaves_the_store_working;
                R9: a_position_inside_the_log_that_is_no_line_of_it_is_lost;
            }
            gap {
                Gap: a_cursor_inside_a_whole_log_is_no_gap
                    a_cursor_that_was_trimmed_away_is_a_gap_with_both_ids
                    a_deleted_line_is_a_gap_for_cursors_below_it
                    an_emptied_log_is_a_gap_for_all_but_its_last_id
                    a_deleted_log_is_a_gap_that_moves_to_its_start
                    an_expired_log_is_a_gap
                    a_log_that_is_created_again_is_a_gap_whatever_its_ids;
            }
            watch {
                W1: the_first_changed_returns_at_once;
                W2: an_append_wakes_a_watch
                    the_first_line_of_a_log_wakes_a_watch
                    a_line_of_a_foreign_producer_wakes_a_watch
                    a_trim_wakes_a_watch
                    a_deleted_line_wakes_a_watch
                    a_deleted_log_wakes_a_watch
                    an_expired_log_wakes_a_watch
                    a_log_that_is_created_again_wakes_a_watch
                    a_change_between_a_read_and_changed_is_not_missed
                    a_change_that_races_a_read_is_not_missed
                    two_watches_of_a_log_each_get_notices
                    changes_of_many_logs_at_once_wake_each_watch;
                W4: a_burst_shares_notices;
                W5: a_dropped_changed_loses_no_notice
                    a_dropped_read_loses_no_notice;
                W6: a_watch_reads_what_the_store_reads
                    a_follower_gets_every_line_once_and_in_order;
                W7: a_dropped_watch_frees_its_resources;
            }
            append {
                A1: lines_of_one_call_stand_in_their_order
                    appends_at_once_keep_each_call_in_order
                    an_append_without_lines_does_nothing;
                A2: an_append_is_seen_by_every_reader_when_it_returns;
                A3: the_newest_50_000_lines_are_kept
                    a_log_is_kept_for_24_hours_after_its_last_append
                    a_log_expires_at_some_time;
                A4: a_dropped_append_leaves_the_first_of_its_lines;
            }
            numbered {
                P1: a_repeated_batch_adds_nothing_and_succeeds
                    of_many_repeats_at_once_one_adds_the_lines;
                P2: an_overlapping_batch_adds_the_rest_once
                    batches_that_are_cut_anew_add_each_line_once
                    a_batch_of_many_lines_is_added_whole;
                P3: a_gap_adds_nothing_and_says_which_line_is_wanted;
                P4: an_older_epoch_adds_nothing
                    a_newer_epoch_counts_from_0;
                P5: lines_and_their_count_change_together
                    a_dropped_append_of_numbered_lines_is_repeated_without_loss_or_repeat;
                P6: producers_of_one_log_do_not_wait_for_each_other;
                P7: a_log_that_is_gone_takes_its_counts_along
                    a_producer_that_never_wrote_is_none;
            }
            histories {
                P1: in_random_histories_each_line_is_in_the_log_once;
            }
            jobs {
                J1: a_job_that_does_not_exist_is_none;
                J2: a_record_without_an_owner_reads_as_a_job_without_one;
                J3: an_unknown_status_reads_as_one_that_is_not_terminal
                    a_missing_status_reads_as_an_empty_text;
                J4: an_organisation_reads_as_the_jobs_beside_its_owner_and_without_one;
                T1: a_job_begins_queued
                    create_does_not_touch_a_job_that_exists
                    of_many_creators_one_wins;
                T2: a_step_is_taken_exactly_where_it_is_allowed
                    a_job_walks_through_its_life
                    a_step_of_a_job_that_does_not_exist_is_not_found
                    of_two_racing_steps_one_wins_and_the_other_is_checked_again;
                T3: a_refused_step_leaves_the_job_as_it_is;
                T4: a_step_wakes_every_watch_of_the_job;
                W1: the_first_changed_of_a_job_returns_at_once;
                W2: any_change_of_a_job_wakes_a_watch
                    a_change_of_a_job_that_races_a_read_is_not_missed;
                W5: a_dropped_changed_of_a_job_loses_no_notice;
            }
            job_details {
                J5: the_details_of_a_job_are_what_its_producers_wrote
                    a_job_that_does_not_exist_has_no_details;
                T1: a_job_begins_with_what_it_was_created_with;
            }
            runs {
                C1: a_claimed_job_is_refused_to_other_runs
                    a_job_of_a_lost_run_is_refused_to_other_runs
                    of_many_runs_that_claim_a_job_one_gets_it;
                C2: a_claim_is_renewed_by_its_run;
                C3: a_job_that_is_missing_or_has_ended_is_not_claimed;
                C4: only_the_run_that_has_the_job_takes_a_step_as_a_run
                    a_run_takes_a_step_while_nobody_has_the_job
                    a_step_that_ends_the_job_releases_the_claim
                    of_the_end_of_a_run_and_of_a_lost_run_one_wins;
                C5: a_lapsed_claim_is_found_and_a_held_one_is_not
                    a_claim_that_lapses_after_renewals_is_found;
                C6: a_job_of_a_lost_run_ends_failed
                    a_lost_run_is_ended_once
                    a_job_that_was_not_lost_is_not_ended
                    a_job_that_has_ended_or_is_gone_is_not_ended_again
                    the_end_of_a_lost_run_wakes_every_watch_of_the_job;
                C7: a_released_job_is_free_for_another_run;
            }
            access {
                K1: a_ticket_is_taken_once
                    of_many_takers_of_a_ticket_one_gets_it;
                K2: a_ticket_exists_for_its_life_and_no_longer;
                K3: a_ticket_that_is_put_again_is_replaced
                    a_ticket_that_was_never_put_is_none;
                V1: every_watch_reads_a_revocation
                    revocations_are_read_once_and_in_order
                    many_revocations_are_all_read
                    a_revocation_outlives_a_later_message_with_a_shorter_life;
                V2: a_watch_of_revocations_has_a_notice_at_once_and_after_each_revocation;
                V3: a_message_is_processed_once
                    a_message_that_is_sent_many_times_at_once_is_processed_once;
            }
        }
    };
    (@list_outages $what:ident $args:tt) => {
        $crate::log_store_conformance! { @$what $args
            outage {
                R4: a_store_that_is_away_is_an_error_within_its_deadline
                    a_store_that_is_back_answers_again;
                W3: a_change_while_the_store_is_away_is_noticed_when_it_is_back
                    a_change_right_before_a_loss_is_noticed
                    a_change_after_a_failed_read_is_noticed
                    a_job_that_changes_while_the_store_is_away_is_noticed
                    a_follower_loses_nothing_across_lost_connections;
            }
            outage_append {
                A4: an_append_that_fails_leaves_the_first_of_its_lines;
                A5: an_append_that_failed_is_seen_or_never_comes;
            }
            outage_numbered {
                P5: a_numbered_append_that_failed_is_repeated_without_loss_or_repeat;
            }
            outage_access {
                K4: a_ticket_of_a_store_that_is_away_is_an_error;
                V2: a_revocation_while_the_store_is_away_is_noticed_when_it_is_back;
                V4: a_message_that_failed_has_done_nothing_or_all;
            }
        }
    };
    (one_test $name:ident: $subject:expr) => {
        $crate::log_store_conformance! { @list one_test [$name, $subject] }
    };
    (one_test $name:ident, outages: $subject:expr) => {
        $crate::log_store_conformance! { @list_outages one_test [$name, $subject] }
    };
    (outages: $subject:expr) => {
        $crate::log_store_conformance! { @list_outages tests [$subject] }
    };
    ($subject:expr) => {
        $crate::log_store_conformance! { @list tests [$subject] }
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    const CASES: &[(&str, &[&str])] = log_store_conformance!(@list names []);
    const OUTAGE_CASES: &[(&str, &[&str])] = log_store_conformance!(@list_outages names []);

    /// The numbers of the rules that a source file states.
    fn rules(source: &str) -> impl Iterator<Item = &str> {
        source
            .lines()
            .filter_map(|line| line.strip_prefix("/// * **")?.split_once("**"))
            .map(|(rule, _)| rule)
    }

    #[test]
    fn every_rule_of_the_contract_has_a_case() {
        let covered: BTreeSet<_> = CASES
            .iter()
            .chain(OUTAGE_CASES)
            .map(|(rule, _)| *rule)
            .collect();
        let sources = [
            include_str!("../access.rs"),
            include_str!("../lines.rs"),
            include_str!("../append.rs"),
            include_str!("../numbered.rs"),
            include_str!("../jobs.rs"),
            include_str!("../runs.rs"),
        ];
        let stated: BTreeSet<_> = sources.into_iter().flat_map(rules).collect();
        assert!(
            stated.len() >= 26,
            "the rules are no longer found: {stated:?}"
        );
        let missing: Vec<_> = stated.difference(&covered).collect();
        assert!(missing.is_empty(), "rules without a case: {missing:?}");
    }
}
