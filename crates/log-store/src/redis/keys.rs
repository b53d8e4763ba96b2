//! The names of keys: patterns that contain the job's id.

use log_domain::JobId;
use thiserror::Error;

/// Stands for the job's id in a pattern.
const PLACEHOLDER: &str = "{job_id}";

/// The keys of a job in Redis.
///
/// A pattern contains `{job_id}` once. It is replaced including the braces. With double braces, a hash tag remains, which
/// puts all keys of a job into one slot of a cluster:
///
/// ```
/// use log_store::redis::KeyPatterns;
///
/// let job = "3f0c".parse()?;
/// let patterns = KeyPatterns::new("job:{job_id}")?;
/// assert_eq!(patterns.logs(&job), "job:3f0c:logs");
/// let patterns = KeyPatterns::new("job:{{job_id}}")?;
/// assert_eq!(patterns.logs(&job), "job:{3f0c}:logs");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPatterns {
    /// The hash with the status and the owner.
    job: Pattern,
    /// The stream of lines.
    logs: Pattern,
    /// The channel of status changes.
    events: Pattern,
}

impl Default for KeyPatterns {
    /// The keys that existing producers write: `job:{job_id}`, `job:{job_id}:logs`, `job:{job_id}:events`.
    fn default() -> Self {
        let pattern = |after: &str| Pattern {
            before: "job:".into(),
            after: after.into(),
        };
        Self {
            job: pattern(""),
            logs: pattern(":logs"),
            events: pattern(":events"),
        }
    }
}

impl KeyPatterns {
    /// All patterns from the pattern of the job's hash: the stream has `:logs` after it, the channel `:events`.
    ///
    /// # Errors
    /// The pattern must contain `{job_id}` exactly once.
    pub fn new(job: &str) -> Result<Self, KeyPatternError> {
        let job = Pattern::parse(job)?;
        let logs = job.followed_by(":logs");
        let events = job.followed_by(":events");
        Ok(Self { job, logs, events })
    }

    /// Sets another pattern for the stream of lines.
    ///
    /// # Errors
    /// The pattern must contain `{job_id}` exactly once.
    pub fn with_logs(mut self, logs: &str) -> Result<Self, KeyPatternError> {
        self.logs = Pattern::parse(logs)?;
        Ok(self)
    }

    /// Sets another pattern for the channel of status changes.
    ///
    /// # Errors
    /// The pattern must contain `{job_id}` exactly once.
    pub fn with_events(mut self, events: &str) -> Result<Self, KeyPatternError> {
        self.events = Pattern::parse(events)?;
        Ok(self)
    }

    /// The key of a job's hash.
    #[must_use]
    pub fn job(&self, job: &JobId) -> String {
        self.job.name(job.as_str())
    }

    /// The key of a job's stream.
    #[must_use]
    pub fn logs(&self, job: &JobId) -> String {
        self.logs.name(job.as_str())
    }

    /// The channel of a job's status changes.
    #[must_use]
    pub fn events(&self, job: &JobId) -> String {
        self.events.name(job.as_str())
    }

    /// The key of the claim of a job. It is in the same slot of a cluster as the job's hash: it has the same hash tag, or the
    /// whole name of the hash as its tag.
    pub(super) fn claim(&self, job: &JobId) -> String {
        claim_key(&self.job(job))
    }

    /// The key of the claim of no job.
    pub(super) fn claim_of_no_job(&self) -> String {
        claim_key(&self.job.for_no_job())
    }

    /// The key of the list of all claims of jobs with this pattern.
    pub(super) fn claims(&self) -> String {
        format!("log-api:runs:{}", self.job.glob())
    }

    pub(super) const fn job_pattern(&self) -> &Pattern {
        &self.job
    }

    pub(super) const fn logs_pattern(&self) -> &Pattern {
        &self.logs
    }

    pub(super) const fn events_pattern(&self) -> &Pattern {
        &self.events
    }
}

/// One pattern, split at its placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    before: String,
    after: String,
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, KeyPatternError> {
        let error = || KeyPatternError {
            pattern: text.into(),
        };
        let (before, after) = text.split_once(PLACEHOLDER).ok_or_else(error)?;
        if after.contains(PLACEHOLDER) {
            return Err(error());
        }
        Ok(Self {
            before: before.into(),
            after: after.into(),
        })
    }

    fn followed_by(&self, suffix: &str) -> Self {
        Self {
            before: self.before.clone(),
            after: format!("{}{suffix}", self.after),
        }
    }

    fn name(&self, job: &str) -> String {
        format!("{}{job}{}", self.before, self.after)
    }

    /// The pattern as Redis access lists write it.
    pub(super) fn glob(&self) -> String {
        self.name("*")
    }

    /// A name that no job has: a job id contains no dot.
    pub(super) fn for_no_job(&self) -> String {
        self.name(".")
    }
}

fn claim_key(job: &str) -> String {
    let tag = job
        .split_once('{')
        .and_then(|(_, rest)| rest.split_once('}'));
    if tag.is_some_and(|(tag, _)| !tag.is_empty()) {
        format!("log-api:run:{job}")
    } else {
        format!("log-api:run:{{{job}}}")
    }
}

/// A key pattern does not contain `{job_id}` exactly once.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the key pattern `{pattern}` must contain `{{job_id}}` exactly once")]
pub struct KeyPatternError {
    pattern: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_what_producers_write() {
        let patterns = KeyPatterns::default();
        let job = "a-1".parse().unwrap();
        assert_eq!(patterns.job(&job), "job:a-1");
        assert_eq!(patterns.logs(&job), "job:a-1:logs");
        assert_eq!(patterns.events(&job), "job:a-1:events");
        assert_eq!(KeyPatterns::new("job:{job_id}"), Ok(patterns));
    }

    #[test]
    fn a_claim_is_in_the_slot_of_its_job() {
        let job = "a-1".parse().unwrap();
        let claim = |pattern| KeyPatterns::new(pattern).unwrap().claim(&job);
        assert_eq!(claim("job:{job_id}"), "log-api:run:{job:a-1}");
        assert_eq!(claim("job:{{job_id}}"), "log-api:run:job:{a-1}");
        assert_eq!(claim("{build}:{job_id}"), "log-api:run:{build}:a-1");
        assert_eq!(claim("{}{job_id}"), "log-api:run:{{}a-1}");
        assert_eq!(KeyPatterns::default().claims(), "log-api:runs:job:*");
    }

    #[test]
    fn each_pattern_can_be_its_own() {
        let patterns = KeyPatterns::new("j.{job_id}.meta")
            .and_then(|p| p.with_logs("lines:{job_id}"))
            .and_then(|p| p.with_events("bus/{job_id}"))
            .unwrap();
        let job = "a".parse().unwrap();
        assert_eq!(patterns.job(&job), "j.a.meta");
        assert_eq!(patterns.logs(&job), "lines:a");
        assert_eq!(patterns.events(&job), "bus/a");
    }

    #[test]
    fn a_pattern_needs_its_placeholder_once() {
        for text in ["", "job:", "job:{id}", "{job_id}:{job_id}"] {
            assert!(KeyPatterns::new(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_name_for_no_job_is_the_name_of_no_job() {
        let name = KeyPatterns::default().job_pattern().for_no_job();
        assert_eq!(name, "job:.");
        assert!(".".parse::<JobId>().is_err());
    }
}
