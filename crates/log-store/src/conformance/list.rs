//! The list of all cases, by trait, group and rule.

/// Makes one `#[test]` for each case of the conformance suite. Its name has the rule: `watch::W2::an_append_wakes_a_watch`.
///
/// | call | the argument is a future of a | cases |
/// |---|---|---|
/// | `log_store_conformance!(LogStore: subject())` | [`LogSubject`](crate::conformance::LogSubject) | R1–R9, W1–W7, A1–A4: reading, watching and appending |
/// | `log_store_conformance!(NumberedAppend: subject())` | [`NumberedSubject`](crate::conformance::NumberedSubject) | P1–P7 |
/// | `log_store_conformance!(Jobs: subject())` | [`JobSubject`](crate::conformance::JobSubject) | J1–J5, W1, W2, W5, W7 |
/// | `log_store_conformance!(JobWrites: subject())` | [`JobWriteSubject`](crate::conformance::JobWriteSubject) | T1–T4 |
/// | `log_store_conformance!(RunClaims: subject())` | [`RunSubject`](crate::conformance::RunSubject) | C1–C7 |
/// | `log_store_conformance!(Tickets: subject())` | [`TicketSubject`](crate::conformance::TicketSubject) | K1–K3 |
/// | `log_store_conformance!(Revocations: subject())` | [`RevocationSubject`](crate::conformance::RevocationSubject) | V1–V3 |
/// | `log_store_conformance!(subject())` | [`WholeSubject`](crate::conformance::WholeSubject) | all of these |
/// | `log_store_conformance!(Jobs outages: subject())` | [`ConnectedJobs`](crate::conformance::ConnectedJobs) | R4, W3 for jobs |
/// | `log_store_conformance!(outages: subject())` | [`ConnectedWhole`](crate::conformance::ConnectedWhole) | all cases about a lost connection |
///
/// The expression is evaluated once for each case, inside the case's tokio runtime. The cases are in modules, so it names what
/// is in scope around the call, or begins with `crate`, and not with `super`. Two stores in one test binary need two
/// modules. With `one_test name:` before the expression, all cases are one test of that name: for a store that takes long to
/// start, where every test is a process of its own.
#[macro_export]
macro_rules! log_store_conformance {
    (@tests [$subject:expr] $($group:ident { $($rule:ident: $($case:ident)+;)+ })+) => {
        $(mod $group {
            #[allow(unused_imports, reason = "the expression may name something around the call")]
            use super::*;

            $(#[allow(non_snake_case, reason = "the name of a rule")]
            mod $rule {
                #[allow(unused_imports, reason = "the expression may name something around the call")]
                use super::*;

                $(#[test]
                fn $case() {
                    $crate::conformance::run(async { $subject.await }, |subject| {
                        $crate::conformance::$group::$case(subject)
                    });
                })+
            })+
        })+
    };
    (@cases [$subject:expr] $($group:ident { $($rule:ident: $($case:ident)+;)+ })+) => {
        {
            const CASES: &[$crate::conformance::Case] = &[$($($((
                concat!(stringify!($rule), " ", stringify!($case)),
                || {
                    $crate::conformance::run(async { $subject.await }, |subject| {
                        $crate::conformance::$group::$case(subject)
                    });
                },
            ),)+)+)+];
            CASES
        }
    };
    (@names [] $($group:ident { $($rule:ident: $($case:ident)+;)+ })+) => {
        &[$($((stringify!($rule), &[$(stringify!($case)),+]),)+)+]
    };
    (@LogStore $what:ident $args:tt) => {
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
                W6: a_watch_reads_what_the_store_reads
                    a_follower_gets_every_line_once_and_in_order;
                W7: a_dropped_watch_frees_its_resources;
            }
            dropped_waits {
                W5: a_dropped_changed_loses_no_notice
                    a_reader_that_waits_in_short_steps_gets_its_notice
                    a_dropped_read_loses_no_notice;
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
        }
    };
    (@NumberedAppend $what:ident $args:tt) => {
        $crate::log_store_conformance! { @$what $args
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
        }
    };
    (@Jobs $what:ident $args:tt) => {
        $crate::log_store_conformance! { @$what $args
            jobs {
                J1: a_job_that_does_not_exist_is_none;
                J2: a_record_without_an_owner_reads_as_a_job_without_one;
                J3: an_unknown_status_reads_as_one_that_is_not_terminal
                    a_missing_status_reads_as_an_empty_text;
                J4: an_organisation_reads_as_the_jobs_beside_its_owner_and_without_one;
                J5: a_job_that_does_not_exist_has_no_details;
                R8: a_dropped_read_of_a_job_leaves_the_store_working;
                W1: the_first_changed_of_a_job_returns_at_once;
                W2: any_change_of_a_job_wakes_a_watch
                    a_change_of_a_job_that_races_a_read_is_not_missed;
                W5: a_dropped_changed_of_a_job_loses_no_notice
                    a_reader_of_a_job_that_waits_in_short_steps_gets_its_notice;
                W7: a_dropped_watch_of_a_job_frees_its_resources;
            }
        }
    };
    (@JobWrites $what:ident $args:tt) => {
        $crate::log_store_conformance! { @$what $args
            job_writes {
                T1: a_job_begins_queued
                    a_job_begins_with_what_it_was_created_with
                    create_does_not_touch_a_job_that_exists
                    of_many_creators_one_wins;
                T2: a_step_is_taken_exactly_where_it_is_allowed
                    a_job_walks_through_its_life
                    a_step_of_a_job_that_does_not_exist_is_not_found
                    of_two_racing_steps_one_wins_and_the_other_is_checked_again;
                T3: a_refused_step_leaves_the_job_as_it_is;
                T4: a_step_wakes_every_watch_of_the_job;
                J5: the_details_of_a_job_are_what_its_producers_wrote;
            }
        }
    };
    (@RunClaims $what:ident $args:tt) => {
        $crate::log_store_conformance! { @$what $args
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
        }
    };
    (@Tickets $what:ident $args:tt) => {
        $crate::log_store_conformance! { @$what $args
            tickets {
                K1: a_ticket_is_taken_once
                    of_many_takers_of_a_ticket_one_gets_it;
                K2: a_ticket_exists_for_its_life_and_no_longer;
                K3: a_ticket_that_is_put_again_is_replaced
                    a_ticket_that_was_never_put_is_none;
            }
        }
    };
    (@Revocations $what:ident $args:tt) => {
        $crate::log_store_conformance! { @$what $args
            revocations {
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
    (@JobsOutages $what:ident $args:tt) => {
        $crate::log_store_conformance! { @$what $args
            outage_jobs {
                R4: jobs_of_a_store_that_is_away_are_an_error_within_its_deadline;
                W3: a_job_that_changes_while_the_store_is_away_is_noticed;
            }
        }
    };
    (@Outages $what:ident $args:tt) => {
        $crate::log_store_conformance! { @$what $args
            outage {
                R4: a_store_that_is_away_is_an_error_within_its_deadline
                    a_store_that_is_back_answers_again;
                W3: a_change_while_the_store_is_away_is_noticed_when_it_is_back
                    a_change_right_before_a_loss_is_noticed
                    a_change_after_a_failed_read_is_noticed
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
    (LogStore: $subject:expr) => {
        $crate::log_store_conformance! { @LogStore tests [$subject] }
    };
    (NumberedAppend: $subject:expr) => {
        $crate::log_store_conformance! { @NumberedAppend tests [$subject] }
    };
    (Jobs: $subject:expr) => {
        $crate::log_store_conformance! { @Jobs tests [$subject] }
    };
    (JobWrites: $subject:expr) => {
        $crate::log_store_conformance! { @JobWrites tests [$subject] }
    };
    (RunClaims: $subject:expr) => {
        $crate::log_store_conformance! { @RunClaims tests [$subject] }
    };
    (Tickets: $subject:expr) => {
        $crate::log_store_conformance! { @Tickets tests [$subject] }
    };
    (Revocations: $subject:expr) => {
        $crate::log_store_conformance! { @Revocations tests [$subject] }
    };
    (Jobs outages: $subject:expr) => {
        $crate::log_store_conformance! { @JobsOutages tests [$subject] }
    };
    (outages: $subject:expr) => {
        $crate::log_store_conformance! { @JobsOutages tests [$subject] }
        $crate::log_store_conformance! { @Outages tests [$subject] }
    };
    (one_test $name:ident: $subject:expr) => {
        #[test]
        fn $name() {
            $crate::conformance::run_together(&[
                $crate::log_store_conformance!(@LogStore cases [$subject]),
                $crate::log_store_conformance!(@NumberedAppend cases [$subject]),
                $crate::log_store_conformance!(@Jobs cases [$subject]),
                $crate::log_store_conformance!(@JobWrites cases [$subject]),
                $crate::log_store_conformance!(@RunClaims cases [$subject]),
                $crate::log_store_conformance!(@Tickets cases [$subject]),
                $crate::log_store_conformance!(@Revocations cases [$subject]),
            ]);
        }
    };
    (one_test $name:ident, outages: $subject:expr) => {
        #[test]
        fn $name() {
            $crate::conformance::run_together(&[
                $crate::log_store_conformance!(@JobsOutages cases [$subject]),
                $crate::log_store_conformance!(@Outages cases [$subject]),
            ]);
        }
    };
    ($subject:expr) => {
        $crate::log_store_conformance! { @LogStore tests [$subject] }
        $crate::log_store_conformance! { @NumberedAppend tests [$subject] }
        $crate::log_store_conformance! { @Jobs tests [$subject] }
        $crate::log_store_conformance! { @JobWrites tests [$subject] }
        $crate::log_store_conformance! { @RunClaims tests [$subject] }
        $crate::log_store_conformance! { @Tickets tests [$subject] }
        $crate::log_store_conformance! { @Revocations tests [$subject] }
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    const CASES: &[&[(&str, &[&str])]] = &[
        log_store_conformance!(@LogStore names []),
        log_store_conformance!(@NumberedAppend names []),
        log_store_conformance!(@Jobs names []),
        log_store_conformance!(@JobWrites names []),
        log_store_conformance!(@RunClaims names []),
        log_store_conformance!(@Tickets names []),
        log_store_conformance!(@Revocations names []),
        log_store_conformance!(@JobsOutages names []),
        log_store_conformance!(@Outages names []),
    ];

    /// The numbers of the rules that a source file states.
    fn rules(source: &str) -> impl Iterator<Item = &str> {
        source
            .lines()
            .filter_map(|line| line.strip_prefix("/// * **")?.split_once("**"))
            .map(|(rule, _)| rule)
    }

    #[test]
    fn every_rule_of_the_contract_has_a_case() {
        let cases = CASES.iter().copied().flatten();
        let covered: BTreeSet<_> = cases.map(|(rule, _)| *rule).collect();
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
