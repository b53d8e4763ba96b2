//! Creating jobs and changing their status, in the form that existing consumers read.

use fred::types::Value;
use log_domain::{JobId, JobStatus, OrgId, Timestamp};
use serde::Serialize;

use super::fault::Fault;
use super::keys::KeyPatterns;
use super::question::{answer_for, script};
use super::session::Session;
use crate::jobs::{NewJob, Transition};
use crate::runs::RunId;

/// Creates the hash unless it exists: KEYS hash; ARGV its fields and their values.
const CREATE: &str = "
if redis.call('EXISTS', KEYS[1]) == 1 then return {KEYS[1], 0} end
redis.call('HSET', KEYS[1], unpack(ARGV))
return {KEYS[1], 1}";

/// Changes the status and publishes that, if the status is still the expected one; otherwise returns the status: KEYS hash,
/// claim; ARGV expected, next, at, message, channel, event, run, `lost` if the run must have lost the job, `end` if the claim
/// ends with the step. A missing status counts as an empty one, as it does for readers.
const STEP: &str = "
if redis.call('EXISTS', KEYS[1]) == 0 then return {KEYS[1], {0}} end
if ARGV[7] ~= '' then
  local claim = redis.call('HMGET', KEYS[2], 'run', 'until')
  if claim[1] and claim[1] ~= ARGV[7] then return {KEYS[1], {3}} end
  if ARGV[8] == 'lost' then
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    if not claim[1] or (tonumber(claim[2]) or 0) > now then return {KEYS[1], {3}} end
  end
end
local status = redis.call('HGET', KEYS[1], 'status') or ''
if status ~= ARGV[1] then return {KEYS[1], {1, status}} end
redis.call('HSET', KEYS[1], 'status', ARGV[2], 'updated_at', ARGV[3], 'status_message', ARGV[4])
redis.call('PUBLISH', ARGV[5], ARGV[6])
if ARGV[9] == 'end' then redis.call('DEL', KEYS[2]) end
return {KEYS[1], {2}}";

/// Who takes a step.
#[derive(Debug, Clone, Copy)]
pub(super) enum Owner<'a> {
    /// A producer that claims nothing.
    Anybody,
    /// A run, unless another one has the job.
    Run(&'a RunId),
    /// Somebody else, because the lease of this run has lapsed.
    LostRun(&'a RunId),
}

impl Owner<'_> {
    fn run(&self) -> &str {
        match self {
            Self::Anybody => "",
            Self::Run(run) | Self::LostRun(run) => run.as_str(),
        }
    }

    const fn is_lost(&self) -> bool {
        matches!(self, Self::LostRun(_))
    }
}

/// The result of a step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum StepResult {
    /// There is no such job.
    NotFound,
    /// Another run has the job, or the run has not lost it.
    Claimed,
    /// The job does not have the expected status.
    StatusDiffers(String),
    /// The status was changed.
    Changed,
}

/// Creates a job; `false` where the id exists.
pub(super) async fn create(session: &Session, key: &str, new: &NewJob) -> Result<bool, Fault> {
    let created_at = Timestamp::from(new.created_at);
    let own = [
        ("status", Some(new.status.as_str())),
        ("user_id", Some(new.owner.as_str())),
        ("org_id", new.org.as_ref().map(OrgId::as_str)),
        ("created_at", Some(created_at.as_str())),
    ];
    // Ours come last: they count if a name is given twice.
    let further = new.fields.iter().map(|(name, value)| (&**name, &**value));
    let own = own
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    let arguments: Vec<&str> = further
        .chain(own)
        .flat_map(|(name, value)| [name, value])
        .collect();
    let reply = session.call(script(CREATE, [key], arguments)).await?;
    match answer_for(reply, key)?.as_i64() {
        Some(created) => Ok(created == 1),
        None => Err(Fault::garbled("a script gave an impossible reply")),
    }
}

/// Changes the job's status if it is still `from`.
pub(super) async fn step(
    session: &Session,
    keys: &KeyPatterns,
    job: &JobId,
    owner: Owner<'_>,
    from: &JobStatus,
    step: &Transition,
) -> Result<StepResult, Fault> {
    let at = Timestamp::from(step.at);
    let event = StatusEvent::new(job, step, &at).json();
    let channel = keys.events(job);
    let releases = step.to.is_terminal() && !matches!(owner, Owner::Anybody);
    let arguments = vec![
        from.as_str(),
        step.to.as_str(),
        at.as_str(),
        &step.message,
        &channel,
        &event,
        owner.run(),
        if owner.is_lost() { "lost" } else { "" },
        if releases { "end" } else { "" },
    ];
    // A producer that claims nothing needs no permission for the claim's key.
    let claim = (!matches!(owner, Owner::Anybody)).then(|| keys.claim(job));
    let key = keys.job(job);
    let all_keys = [Some(key.as_str()), claim.as_deref()];
    let reply = session.call(script(STEP, all_keys.into_iter().flatten(), arguments));
    let reply = answer_for(reply.await?, &key)?.into_array();
    match (reply.first().and_then(Value::as_i64), reply.get(1)) {
        (Some(0), _) => Ok(StepResult::NotFound),
        (Some(1), Some(status)) => {
            let status = status.as_str_lossy().unwrap_or_default();
            Ok(StepResult::StatusDiffers(status.into_owned()))
        }
        (Some(2), _) => Ok(StepResult::Changed),
        (Some(3), _) => Ok(StepResult::Claimed),
        _ => Err(Fault::garbled("a script gave an impossible reply")),
    }
}

/// The message that existing consumers of the channel read.
#[derive(Serialize)]
struct StatusEvent<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    job_id: &'a str,
    status: &'a str,
    stage: &'a str,
    stage_label: String,
    message: &'a str,
    timestamp: &'a str,
}

impl<'a> StatusEvent<'a> {
    fn new(job: &'a JobId, step: &'a Transition, at: &'a Timestamp) -> Self {
        let status = step.to.as_str();
        Self {
            kind: "build.stage.started",
            job_id: job.as_str(),
            status,
            stage: status,
            stage_label: capitalized(status),
            message: &step.message,
            timestamp: at.as_str(),
        }
    }

    fn json(&self) -> String {
        // A struct of strings always serializes.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A status with a capital letter.
fn capitalized(status: &str) -> String {
    let mut characters = status.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_step_is_published_as_existing_consumers_read_it() {
        let job = "j-1".parse().unwrap();
        let step = Transition::new(JobStatus::DEPS, "Installing \"deps\"", UNIX_EPOCH);
        assert_eq!(
            StatusEvent::new(&job, &step, &step.at.into()).json(),
            r#"{"type":"build.stage.started","job_id":"j-1","status":"deps","stage":"deps","stage_label":"Deps","message":"Installing \"deps\"","timestamp":"1970-01-01T00:00:00.000Z"}"#
        );
    }
}
