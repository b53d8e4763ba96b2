//! The life of a job: its statuses, and which one may follow which.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, LazyLock};

use crate::illegal_transition::IllegalTransition;
use crate::status::JobStatus;

/// The statuses of jobs, and which one may follow which in one step.
///
/// A store has one lifecycle. The default is that of the wire contract, [`Lifecycle::contract`]. A host with statuses of its
/// own adds to it, or makes one from nothing:
///
/// ```
/// use log_domain::{JobStatus, Lifecycle};
///
/// // The contract's, and jobs that somebody cancels.
/// let cancelled = JobStatus::terminal("cancelled")?;
/// let lifecycle = Lifecycle::contract()
///     .extend()
///     .from_all(&cancelled)
///     .build()?;
/// assert!(lifecycle.allows(&JobStatus::CODE, &cancelled));
/// assert!(lifecycle.status("cancelled").is_terminal());
///
/// // Another product's.
/// let running = JobStatus::new("running")?;
/// let lifecycle = Lifecycle::builder()
///     .steps(&JobStatus::QUEUED, [&running, &cancelled, &JobStatus::FAILED])
///     .steps(&running, [&JobStatus::READY, &JobStatus::FAILED, &cancelled])
///     .build()?;
/// let refused = lifecycle.check_step(&JobStatus::QUEUED, &JobStatus::READY).unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     "a job that is `queued` cannot become `ready`, only `running`, `cancelled` or `failed`",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// `ready` and `failed` are in every lifecycle. A worker ends its job with one of them unless it names another end, clients
/// know them as success and failure, and a job whose worker was lost becomes `failed`.
#[derive(Clone, PartialEq, Eq)]
pub struct Lifecycle {
    nodes: Arc<[Node]>,
}

/// A status, and what may follow it.
#[derive(Clone, PartialEq, Eq)]
struct Node {
    status: JobStatus,
    next: Vec<JobStatus>,
}

/// What may follow a status that nobody knows (wire contract, "Transitions": `failed` from every status that is not terminal).
static FROM_UNKNOWN: &[JobStatus] = &[JobStatus::FAILED];

static CONTRACT: LazyLock<Lifecycle> = LazyLock::new(|| {
    use JobStatus as S;
    let steps: [(S, &[S]); 9] = [
        (S::QUEUED, &[S::STARTING, S::SCHEDULED, S::FAILED]),
        (S::SCHEDULED, &[S::QUEUED]),
        (S::STARTING, &[S::SCAFFOLD, S::FAILED]),
        (S::SCAFFOLD, &[S::CODE, S::FAILED]),
        (S::CODE, &[S::DEPS, S::FAILED]),
        (S::DEPS, &[S::CHECKS, S::FAILED]),
        (S::CHECKS, &[S::READY, S::SCAFFOLD, S::FAILED]),
        (S::READY, &[]),
        (S::FAILED, &[]),
    ];
    let nodes = steps.into_iter().map(|(status, next)| Node {
        status,
        next: next.to_vec(),
    });
    Lifecycle {
        nodes: nodes.collect(),
    }
});

impl Lifecycle {
    /// The lifecycle of the wire contract, which existing producers follow:
    ///
    /// ```
    /// # let contract = log_domain::Lifecycle::contract();
    /// assert_eq!(contract.to_string(), "\
    /// queued    -> starting, scheduled, failed
    /// scheduled -> queued
    /// starting  -> scaffold, failed
    /// scaffold  -> code, failed
    /// code      -> deps, failed
    /// deps      -> checks, failed
    /// checks    -> ready, scaffold, failed
    /// ready     (the end)
    /// failed    (the end)
    /// ");
    /// ```
    ///
    /// From a status that is not in this list, `failed` is the only step.
    #[must_use]
    pub fn contract() -> &'static Self {
        &CONTRACT
    }

    /// A lifecycle from nothing. `ready` and `failed` need not be added.
    #[must_use]
    pub const fn builder() -> LifecycleBuilder {
        LifecycleBuilder { nodes: Vec::new() }
    }

    /// A lifecycle with everything that this one has, and more.
    #[must_use]
    pub fn extend(&self) -> LifecycleBuilder {
        LifecycleBuilder {
            nodes: self.nodes.to_vec(),
        }
    }

    /// All statuses, in the order in which they were named.
    pub fn statuses(&self) -> impl Iterator<Item = &JobStatus> {
        self.nodes.iter().map(|node| &node.status)
    }

    /// The status with this name; `None` if this lifecycle has none.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&JobStatus> {
        self.statuses().find(|status| status.as_str() == name)
    }

    /// Reads the text that a producer wrote. A text that this lifecycle does not know is a status that is not terminal, and
    /// not an error (wire contract, "Status values").
    #[must_use]
    pub fn status(&self, text: &str) -> JobStatus {
        let found = self.find(text).cloned();
        found.unwrap_or_else(|| JobStatus::unknown(text))
    }

    /// The statuses that may follow `from` in one step. From a status that this lifecycle does not know, a job may only fail.
    #[must_use]
    pub fn allowed_from(&self, from: &JobStatus) -> &[JobStatus] {
        let node = self.nodes.iter().find(|node| same(&node.status, from));
        node.map_or(FROM_UNKNOWN, |node| &node.next)
    }

    /// Whether a producer may move a job from one status to the other in one step.
    #[must_use]
    pub fn allows(&self, from: &JobStatus, to: &JobStatus) -> bool {
        self.allowed_from(from).iter().any(|next| same(next, to))
    }

    /// An error if [`Lifecycle::allows`] does not allow the step.
    ///
    /// # Errors
    /// The step is not allowed; the error names both statuses, and the steps that are.
    pub fn check_step(&self, from: &JobStatus, to: &JobStatus) -> Result<(), IllegalTransition> {
        if self.allows(from, to) {
            return Ok(());
        }
        Err(self.refusal(from, to))
    }

    /// The first step of the shortest chain of allowed steps between two statuses. A chain from a status to itself goes
    /// through others.
    ///
    /// # Errors
    /// There is no such chain; the error names both statuses, and the steps that are allowed.
    pub fn next_step(
        &self,
        from: &JobStatus,
        to: &JobStatus,
    ) -> Result<JobStatus, IllegalTransition> {
        // Breadth-first search. Each entry is a status, and the first step of the chain that leads to it.
        let mut seen: Vec<&JobStatus> = Vec::new();
        let first_steps = self.allowed_from(from).iter();
        let mut open: VecDeque<_> = first_steps.map(|next| (next, next)).collect();
        while let Some((at, first)) = open.pop_front() {
            if same(at, to) {
                return Ok(first.clone());
            }
            if !seen.contains(&at) {
                seen.push(at);
                open.extend(self.allowed_from(at).iter().map(|next| (next, first)));
            }
        }
        Err(self.refusal(from, to))
    }

    fn refusal(&self, from: &JobStatus, to: &JobStatus) -> IllegalTransition {
        let allowed = self.allowed_from(from).to_vec();
        IllegalTransition::new(from.clone(), to.clone(), allowed)
    }
}

/// A status is known by its name: whoever names one may not know that it is terminal here.
fn same(one: &JobStatus, other: &JobStatus) -> bool {
    one.as_str() == other.as_str()
}

impl JobStatus {
    /// Reads the text that a producer wrote, by the lifecycle of the contract. A store with a lifecycle of its own reads by
    /// that ([`Lifecycle::status`]).
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Lifecycle::contract().status(text)
    }
}

/// That of the contract.
impl Default for Lifecycle {
    fn default() -> Self {
        Self::contract().clone()
    }
}

/// A status a line, with those that may follow it.
impl fmt::Display for Lifecycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lengths = self.statuses().map(|status| status.as_str().len());
        let width = lengths.max().unwrap_or_default();
        for node in &*self.nodes {
            let name = node.status.as_str();
            let next: Vec<_> = node.next.iter().map(JobStatus::as_str).collect();
            if node.status.is_terminal() {
                writeln!(f, "{name:width$} (the end)")?;
            } else {
                writeln!(f, "{name:width$} -> {}", next.join(", "))?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Lifecycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = self
            .nodes
            .iter()
            .map(|node| (node.status.as_str(), &node.next));
        f.debug_map().entries(steps).finish()
    }
}

/// Makes a [`Lifecycle`].
#[derive(Clone)]
pub struct LifecycleBuilder {
    nodes: Vec<Node>,
}

impl LifecycleBuilder {
    /// Allows these steps, beside those that are allowed already.
    #[must_use]
    pub fn steps<'a>(
        mut self,
        from: &JobStatus,
        to: impl IntoIterator<Item = &'a JobStatus>,
    ) -> Self {
        let place = self.add(from);
        for next in to {
            self.add(next);
            let allowed = &mut self.nodes[place].next;
            if !allowed.contains(next) {
                allowed.push(next.clone());
            }
        }
        self
    }

    /// Allows the step to `to` from every other status that was named so far and is not terminal.
    #[must_use]
    pub fn from_all(mut self, to: &JobStatus) -> Self {
        let from: Vec<_> = self.nodes.iter().map(|node| node.status.clone()).collect();
        for from in from
            .iter()
            .filter(|from| !from.is_terminal() && *from != to)
        {
            self = self.steps(from, [to]);
        }
        self
    }

    /// The lifecycle.
    ///
    /// # Errors
    /// It contradicts itself, or a job could not fail: see [`LifecycleError`].
    pub fn build(mut self) -> Result<Lifecycle, LifecycleError> {
        self.add(&JobStatus::READY);
        self.add(&JobStatus::FAILED);
        for (place, node) in self.nodes.iter().enumerate() {
            let status = node.status.clone();
            if self.nodes[..place]
                .iter()
                .any(|other| same(&other.status, &status))
            {
                return Err(LifecycleError::BothWays { status });
            }
            if status.is_terminal() && !node.next.is_empty() {
                return Err(LifecycleError::StepAfterTheEnd { status });
            }
        }
        let lifecycle = Lifecycle {
            nodes: self.nodes.into(),
        };
        let goes_on = lifecycle.statuses().filter(|status| !status.is_terminal());
        for status in goes_on {
            if lifecycle.next_step(status, &JobStatus::FAILED).is_err() {
                let status = status.clone();
                return Err(LifecycleError::CannotFail { status });
            }
        }
        Ok(lifecycle)
    }

    /// Where a status is. It is added unless it is there.
    fn add(&mut self, status: &JobStatus) -> usize {
        let found = self.nodes.iter().position(|node| node.status == *status);
        found.unwrap_or_else(|| {
            self.nodes.push(Node {
                status: status.clone(),
                next: Vec::new(),
            });
            self.nodes.len() - 1
        })
    }
}

/// A lifecycle cannot work.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LifecycleError {
    /// One name is that of a status that ends a job, and of one that does not.
    BothWays {
        /// The status.
        status: JobStatus,
    },
    /// A status that ends a job is followed by another.
    StepAfterTheEnd {
        /// The status.
        status: JobStatus,
    },
    /// No steps lead from this status to `failed`. A job whose worker was lost could not end.
    CannotFail {
        /// The status.
        status: JobStatus,
    },
}

impl fmt::Display for LifecycleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BothWays { status } => {
                write!(f, "`{status}` is used both as terminal and as not terminal")
            }
            Self::StepAfterTheEnd { status } => {
                write!(f, "`{status}` is terminal, so no step may follow it")
            }
            Self::CannotFail { status } => {
                write!(f, "no steps lead from `{status}` to `failed`; add one")
            }
        }
    }
}

impl std::error::Error for LifecycleError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> JobStatus {
        JobStatus::new("running").unwrap()
    }

    fn cancelled() -> JobStatus {
        JobStatus::terminal("cancelled").unwrap()
    }

    /// The whole table of contract.md, "Transitions the existing producers allow".
    #[test]
    fn the_allowed_steps_are_those_of_the_contract() {
        let allowed = [
            ("queued", "starting"),
            ("queued", "scheduled"),
            ("scheduled", "queued"),
            ("starting", "scaffold"),
            ("scaffold", "code"),
            ("code", "deps"),
            ("deps", "checks"),
            ("checks", "ready"),
            ("checks", "scaffold"),
            ("queued", "failed"),
            ("starting", "failed"),
            ("scaffold", "failed"),
            ("code", "failed"),
            ("deps", "failed"),
            ("checks", "failed"),
            ("paused", "failed"),
        ];
        let contract = Lifecycle::contract();
        let names: Vec<_> = contract.statuses().map(JobStatus::as_str).collect();
        let names = [&*names, &["paused"]].concat();
        assert_eq!(names.len(), 10);
        for from in &names {
            for to in &names {
                let expected = allowed.contains(&(from, to));
                let step = contract.check_step(&contract.status(from), &contract.status(to));
                assert_eq!(step.is_ok(), expected, "{from} → {to}");
            }
        }
    }

    #[track_caller]
    fn check_chain(from: &str, to: &str, expected: &[&str]) {
        let to = JobStatus::parse(to);
        let mut at = JobStatus::parse(from);
        let mut chain = Vec::new();
        while chain.is_empty() || at != to {
            at = Lifecycle::contract().next_step(&at, &to).unwrap();
            chain.push(at.to_string());
        }
        assert_eq!(chain, expected);
    }

    #[test]
    fn the_shortest_chain_of_allowed_steps_is_found() {
        let whole = ["starting", "scaffold", "code", "deps", "checks", "ready"];
        check_chain("queued", "ready", &whole);
        check_chain("code", "ready", &["deps", "checks", "ready"]);
        check_chain("checks", "ready", &["ready"]);
        check_chain("checks", "code", &["scaffold", "code"]);
        check_chain("deps", "failed", &["failed"]);
        check_chain("scheduled", "failed", &["queued", "failed"]);
        check_chain("cancelling", "failed", &["failed"]);
    }

    #[test]
    fn a_refused_step_names_both_statuses_and_what_is_allowed() {
        let text = |from: &str, to: &str| {
            let (from, to) = (JobStatus::parse(from), JobStatus::parse(to));
            let one = Lifecycle::contract().check_step(&from, &to).unwrap_err();
            // None of these has a chain of steps either.
            assert_eq!(
                Lifecycle::contract().next_step(&from, &to),
                Err(one.clone())
            );
            one.to_string()
        };
        assert_eq!(
            text("failed", "ready"),
            "a job that is `failed` cannot become `ready`, because it has ended"
        );
        assert_eq!(
            text("cancelling", "ready"),
            "a job that is `cancelling` cannot become `ready`, only `failed`"
        );
        assert_eq!(
            text("checks", "scheduled"),
            "a job that is `checks` cannot become `scheduled`, only `ready`, `scaffold` or `failed`"
        );
        text("ready", "ready");
    }

    #[test]
    fn a_lifecycle_of_ones_own_reads_its_statuses_and_unknown_ones() {
        let lifecycle = Lifecycle::builder()
            .steps(&running(), [&cancelled(), &JobStatus::FAILED])
            .build()
            .unwrap();
        assert_eq!(lifecycle.status("cancelled"), cancelled());
        assert_eq!(lifecycle.status("ready"), JobStatus::READY);
        let unknown = lifecycle.status("deps");
        assert!(!unknown.is_terminal());
        assert_eq!(lifecycle.allowed_from(&unknown), [JobStatus::FAILED]);
        assert_eq!(lifecycle.find("deps"), None);
    }

    #[test]
    fn a_status_is_known_by_its_name_even_if_somebody_takes_it_for_one_that_goes_on() {
        let lifecycle = Lifecycle::contract().extend().from_all(&cancelled());
        let lifecycle = lifecycle.build().unwrap();
        let as_text = JobStatus::parse("cancelled");
        assert_ne!(as_text, cancelled());
        assert!(lifecycle.allows(&JobStatus::SCHEDULED, &as_text));
        assert!(lifecycle.allowed_from(&as_text).is_empty());
        assert!(!lifecycle.allows(&JobStatus::READY, &cancelled()));
    }

    #[test]
    fn a_lifecycle_that_cannot_work_is_refused_by_name() {
        let both = JobStatus::new("cancelled").unwrap();
        let refused = |builder: LifecycleBuilder| builder.build().unwrap_err().to_string();
        assert_eq!(
            refused(
                Lifecycle::contract()
                    .extend()
                    .from_all(&cancelled())
                    .from_all(&both)
            ),
            "`cancelled` is used both as terminal and as not terminal"
        );
        assert_eq!(
            refused(Lifecycle::builder().steps(&cancelled(), [&JobStatus::FAILED])),
            "`cancelled` is terminal, so no step may follow it"
        );
        assert_eq!(
            refused(Lifecycle::builder().steps(&running(), [&JobStatus::READY])),
            "no steps lead from `running` to `failed`; add one"
        );
    }
}
