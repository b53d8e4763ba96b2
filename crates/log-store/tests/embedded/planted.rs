//! Stores with a fault each: the suite finds it, names its rule, and does not take long.

mod access;
mod jobs;
mod lines;
mod subject;

use std::time::Duration;

use log_store::MemoryStore;
use log_store::conformance::{Case, failures};
use tokio::time::Instant;

/// How soon the suite is to show a fault.
const SOON: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// A read also returns the line that it is to begin after.
    InclusiveReads,
    /// The bounds of a log say nothing of lines that were trimmed.
    ForgetfulBounds,
    /// Watches of a log give one notice, and none of any change.
    NoNotices,
    /// Watches of a log give notices all the time.
    EndlessNotices,
    /// A notice is lost with the future that waited for it.
    NoticesOnce,
    /// A watch stays when it is dropped.
    LeakedWatches,
    /// The lines of one append stand in another order.
    ShuffledAppends,
    /// A log keeps a hundred lines.
    ShortLogs,
    /// A batch that is sent again is appended again.
    RepeatedBatches,
    /// Watches of a job poll, with a pause that each wait begins anew.
    RestartedPauses,
    /// Watches of a job give one notice, and none of any change.
    NoJobNotices,
    /// Whoever creates a job that exists takes it over.
    CreatedAnew,
    /// A job may become anything.
    AnyStep,
    /// A run that claims a job takes it from another run.
    StolenClaims,
    /// Claims that have lapsed are not found.
    HiddenLapses,
    /// A ticket can be taken again.
    EndlessTickets,
    /// A ticket does not expire.
    OldTickets,
    /// A message that comes again revokes again.
    RepeatedRevocations,
}

/// The store in memory with a fault.
#[derive(Clone)]
struct Planted {
    store: MemoryStore,
    fault: Fault,
}

impl Planted {
    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }
}

async fn planted(fault: Fault) -> Planted {
    Planted {
        store: MemoryStore::new(),
        fault,
    }
}

/// Runs a part of the suite: a case of each of these rules fails, soon.
#[track_caller]
fn finds(cases: &[Case], rules: &[&str]) {
    let begun = Instant::now();
    let failed = failures(&[cases]);
    let took = begun.elapsed();
    for rule in rules {
        let names_it = |case: &&str| case.starts_with(&format!("{rule} "));
        assert!(
            failed.iter().any(names_it),
            "{rule} is not among {failed:?}"
        );
    }
    assert!(took < SOON, "{took:?}");
}

/// One test for each fault: a part of the suite, and the rules that it names.
macro_rules! faults {
    ($($test:ident: $fault:ident, $part:ident, [$($rule:literal),+];)+) => {
        $(#[test]
        fn $test() {
            let cases = log_store::log_store_conformance!(@$part cases [planted(Fault::$fault)]);
            finds(cases, &[$($rule),+]);
        })+
    };
}

faults! {
    a_read_that_is_not_exclusive_is_found: InclusiveReads, LogStore, ["R1"];
    bounds_that_forget_trimmed_lines_are_found: ForgetfulBounds, LogStore, ["R6", "Gap"];
    a_store_without_notices_is_found_soon: NoNotices, LogStore, ["W2"];
    a_watch_that_is_a_busy_loop_is_found_soon: EndlessNotices, LogStore, ["W2", "W4"];
    a_notice_that_a_dropped_future_takes_along_is_found: NoticesOnce, LogStore, ["W5"];
    a_watch_that_is_not_freed_is_found: LeakedWatches, LogStore, ["W7"];
    lines_in_another_order_are_found: ShuffledAppends, LogStore, ["A1"];
    a_log_that_keeps_too_little_is_found: ShortLogs, LogStore, ["A3"];
    a_batch_that_is_appended_again_is_found: RepeatedBatches, NumberedAppend, ["P1", "P2"];
    a_store_without_notices_of_jobs_is_found_soon: NoJobNotices, Jobs, ["W2"];
    a_pause_that_begins_anew_is_found: RestartedPauses, Jobs, ["W5"];
    a_job_that_is_taken_over_is_found: CreatedAnew, JobWrites, ["T1"];
    a_job_that_may_become_anything_is_found: AnyStep, JobWrites, ["T2", "T3"];
    a_claim_that_can_be_stolen_is_found: StolenClaims, RunClaims, ["C1"];
    claims_that_lapse_unseen_are_found_soon: HiddenLapses, RunClaims, ["C5"];
    a_ticket_that_can_be_taken_again_is_found: EndlessTickets, Tickets, ["K1"];
    a_ticket_that_does_not_expire_is_found: OldTickets, Tickets, ["K2"];
    a_message_that_is_processed_again_is_found: RepeatedRevocations, Revocations, ["V3"];
}
