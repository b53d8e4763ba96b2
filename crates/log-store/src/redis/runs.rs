//! Claims in Redis.
//!
//! | key | type | content |
//! |---|---|---|
//! | `log-api:run:{job:<job id>}` | hash | `run`, and `until` in milliseconds of the server's clock; kept for two days after its last renewal |
//! | `log-api:runs:job:*` | sorted set | the jobs that are claimed, each with a time before which its claim does not lapse |
//!
//! The keys are those of the default pattern of jobs. A claim is in the slot of its job (see
//! [`super::keys::KeyPatterns::claim`]), so one script can check the claim and change the job. The list of claims is in a slot
//! of its own, and so no part of those scripts. It is a hint: a job is in it before it is claimed, and is put there again by
//! every renewal. Its times are set right only when they have passed, so a renewal is cheap. Who looks for lapsed claims
//! reads the few whose time has passed, and never all keys.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use fred::types::Value;
use log_domain::{JobId, JobStatus};

use super::fault::Fault;
use super::node::Purpose;
use super::question::{answer_for, script};
use super::session::Session;
use super::store::RedisStore;
use super::writes::{self, Owner, StepResult};
use crate::error::{StoreError, StoreRefused, TransitionError};
use crate::jobs::{JobWrites as _, Jobs, Transition};
use crate::runs::{Claim, ClaimError, Lease, RunClaims, RunId, next_lost_step};

/// How long a claim is kept after its last renewal. As long as existing clean-ups keep jobs that have not ended.
const KEPT: Duration = Duration::from_secs(48 * 60 * 60);

/// Claims a job: KEYS hash, claim; ARGV run, lease in milliseconds, how long to keep the claim, terminal statuses.
const CLAIM: &str = "
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('DEL', KEYS[2]) return {KEYS[1], {'absent'}} end
local status = redis.call('HGET', KEYS[1], 'status')
for i = 4, #ARGV do
  if status == ARGV[i] then redis.call('DEL', KEYS[2]) return {KEYS[1], {'ended', status}} end
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local claim = redis.call('HMGET', KEYS[2], 'run', 'until')
if claim[1] and claim[1] ~= ARGV[1] then
  return {KEYS[1], {'held', claim[1], string.format('%d', (tonumber(claim[2]) or 0) - now)}}
end
redis.call('HSET', KEYS[2], 'run', ARGV[1], 'until', string.format('%d', now + ARGV[2]))
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return {KEYS[1], {'claimed'}}";

/// Releases a claim: KEYS claim; ARGV run.
const RELEASE: &str = "
if redis.call('HGET', KEYS[1], 'run') == ARGV[1] then redis.call('DEL', KEYS[1]) end
return {KEYS[1], 1}";

/// Reads a claim: KEYS claim. The run, and how many milliseconds its lease has left.
const CLAIMANT: &str = "
local claim = redis.call('HMGET', KEYS[1], 'run', 'until')
if not claim[1] then return {KEYS[1], {}} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return {KEYS[1], {claim[1], string.format('%d', (tonumber(claim[2]) or 0) - now)}}";

/// Puts a job into the list, or sets its time: KEYS list; ARGV job, `NX` or `XX`, milliseconds from now.
const LIST: &str = "
local time = redis.call('TIME')
local due = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[3]
return {KEYS[1], redis.call('ZADD', KEYS[1], ARGV[2], string.format('%d', due), ARGV[1])}";

/// Removes a job from the list, unless its time was set meanwhile: KEYS list; ARGV job, time.
const UNLIST: &str = "
if redis.call('ZSCORE', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('ZREM', KEYS[1], ARGV[1]) end
return {KEYS[1], 1}";

/// Removes a job that has ended from the list: KEYS list; ARGV job.
const FORGET: &str = "
redis.call('ZREM', KEYS[1], ARGV[1])
return {KEYS[1], 1}";

/// The jobs whose time has passed, each with that time: KEYS list; ARGV how many.
const DUE: &str = "
local time = redis.call('TIME')
local now = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
return {KEYS[1], redis.call('ZRANGE', KEYS[1], '-inf', now, 'BYSCORE', 'LIMIT', '0', ARGV[1], 'WITHSCORES')}";

/// Asks whether everything is allowed that noticing lost workers needs: KEYS hash, claim; ARGV channel.
const ALLOWED_ON_JOB: &str = "
local asked = {
  {'EXISTS', KEYS[1]}, {'HGET', KEYS[1], 'status'}, {'HSET', KEYS[1], 'status', ''}, {'TIME'},
  {'HMGET', KEYS[2], 'run'}, {'DEL', KEYS[2]}, {'PUBLISH', ARGV[1], ''},
}
for _, command in ipairs(asked) do
  if not redis.acl_check_cmd(unpack(command)) then
    return redis.error_reply('NOPERM ' .. command[1])
  end
end
return {KEYS[1], 1}";

fn milliseconds(duration: Duration) -> String {
    duration.as_millis().max(1).to_string()
}

#[async_trait]
impl RunClaims for RedisStore {
    async fn claim(&self, job: &JobId, run: &RunId, lease: Duration) -> Result<(), ClaimError> {
        // First, so that there is no claim that nobody looks at.
        self.list(job, "NX", lease).await?;
        let keys = &self.core.options.keys;
        let mut arguments = vec![run.to_string(), milliseconds(lease), milliseconds(KEPT)];
        let terminal = self
            .lifecycle()
            .statuses()
            .filter(|status| status.is_terminal());
        arguments.extend(terminal.map(JobStatus::to_string));
        let (key, claim) = (keys.job(job), keys.claim(job));
        let claimed = self.change(CLAIM, &key, Some(&claim), &arguments);
        let reply = texts(claimed.await?);
        let reply: Vec<&str> = reply.iter().map(String::as_str).collect();
        match *reply.as_slice() {
            ["claimed"] => Ok(()),
            ["absent"] => Err(ClaimError::NotFound),
            ["ended", status] => Err(ClaimError::Ended(self.lifecycle().status(status))),
            ["held", run, left] => Err(ClaimError::Held(parse_claim(run, left)?)),
            _ => Err(Fault::garbled("a script gave an impossible reply").into()),
        }
    }

    async fn release(&self, job: &JobId, run: &RunId) -> Result<(), StoreError> {
        let key = self.core.options.keys.claim(job);
        self.change(RELEASE, &key, None, &[run.to_string()]).await?;
        Ok(())
    }

    async fn step(
        &self,
        job: &JobId,
        run: &RunId,
        step: &Transition,
    ) -> Result<JobStatus, TransitionError> {
        let before = self.take_step(job, Owner::Run(run), step).await?;
        if self.lifecycle().status(step.to.as_str()).is_terminal() {
            self.forget(job).await;
        }
        Ok(before)
    }

    async fn claimant(&self, job: &JobId) -> Result<Option<Claim>, StoreError> {
        let key = self.core.options.keys.claim(job);
        match texts(self.look(CLAIMANT, &key, &[]).await?).as_slice() {
            [] => Ok(None),
            [run, left] => Ok(Some(parse_claim(run, left)?)),
            _ => Err(Fault::garbled("a script gave an impossible reply").into()),
        }
    }

    async fn lapsed(&self, limit: usize) -> Result<Vec<(JobId, Claim)>, StoreError> {
        let mut lapsed = Vec::new();
        for (job, time) in self.due(limit).await? {
            let Ok(job) = job.parse::<JobId>() else {
                self.unlist(&job, &time).await?;
                continue;
            };
            match self.claimant(&job).await {
                Ok(Some(claim)) => match claim.lease {
                    Lease::Held { left } => self.list(&job, "XX", left).await?,
                    Lease::Lapsed { .. } => lapsed.push((job, claim)),
                },
                Ok(None) => self.unlist(job.as_str(), &time).await?,
                Err(error @ (StoreError::Refused(_) | StoreError::NotALog(_))) => {
                    tracing::warn!(%job, %error, "a claim cannot be read");
                    self.unlist(job.as_str(), &time).await?;
                }
                Err(error @ StoreError::Unavailable(_)) => return Err(error),
            }
        }
        Ok(lapsed)
    }

    async fn end_lost(&self, job: &JobId, run: &RunId, at: SystemTime) -> Result<bool, StoreError> {
        loop {
            let status = Jobs::get(self, job).await?.map(|job| job.status);
            let step = status.and_then(|status| next_lost_step(self.lifecycle(), &status, at));
            let Some(step) = step else {
                self.release(job, run).await?;
                return Ok(false);
            };
            match self.take_step(job, Owner::LostRun(run), &step).await {
                Ok(_) if step.to.is_terminal() => {
                    self.forget(job).await;
                    return Ok(true);
                }
                // One step nearer, or somebody else has moved the job.
                Ok(_) | Err(TransitionError::Illegal(_)) => {}
                Err(TransitionError::NotFound) => {}
                Err(TransitionError::Claimed) => return Ok(false),
                Err(TransitionError::Store(error)) => return Err(error),
            }
        }
    }
}

impl RedisStore {
    /// Checks that everything is allowed that noticing lost workers needs. It changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where a command is not allowed.
    pub async fn check_runs(&self) -> Result<(), StoreError> {
        let keys = &self.core.options.keys;
        let (job, claim) = (keys.job_pattern().for_no_job(), keys.claim_of_no_job());
        let channel = keys.events_pattern().for_no_job();
        let answers = [
            self.change(ALLOWED_ON_JOB, &job, Some(&claim), &[channel])
                .await
                .map(|_| ()),
            self.look(DUE, &keys.claims(), &["1".to_owned()])
                .await
                .map(|_| ()),
            self.unlist(".", "").await,
        ];
        for answer in answers {
            match answer {
                Err(fault @ Fault::NotPermitted(_)) => return Err(StoreRefused::new(fault).into()),
                answer => answer?,
            }
        }
        Ok(())
    }

    /// Puts a job into the list of claims (`NX`), or sets its time there (`XX`).
    async fn list(&self, job: &JobId, how: &str, lease: Duration) -> Result<(), Fault> {
        let key = self.core.options.keys.claims();
        let arguments = [job.to_string(), how.to_owned(), milliseconds(lease)];
        self.change(LIST, &key, None, &arguments).await?;
        Ok(())
    }

    async fn unlist(&self, job: &str, time: &str) -> Result<(), Fault> {
        let key = self.core.options.keys.claims();
        let arguments = [job.to_owned(), time.to_owned()];
        self.change(UNLIST, &key, None, &arguments).await?;
        Ok(())
    }

    /// Removes a job that has ended from the list. If that fails, whoever looks at it next does it.
    async fn forget(&self, job: &JobId) {
        let key = self.core.options.keys.claims();
        let forgotten = self.change(FORGET, &key, None, &[job.to_string()]).await;
        if let Err(error) = forgotten {
            tracing::debug!(%job, %error, "a job that has ended stays in the list of claims for a while");
        }
    }

    /// The listed jobs whose time has passed, each with that time.
    async fn due(&self, limit: usize) -> Result<Vec<(String, String)>, Fault> {
        let key = self.core.options.keys.claims();
        let due = texts(self.look(DUE, &key, &[limit.to_string()]).await?);
        let pairs = due.chunks_exact(2);
        Ok(pairs
            .map(|pair| (pair[0].clone(), pair[1].clone()))
            .collect())
    }

    /// Runs a script that changes something, once.
    async fn change(
        &self,
        source: &'static str,
        key: &str,
        second_key: Option<&str>,
        arguments: &[String],
    ) -> Result<Value, Fault> {
        let run = async |session: Session| {
            let keys = [Some(key), second_key].into_iter().flatten();
            let reply = session
                .call(script(source, keys, arguments.to_vec()))
                .await?;
            answer_for(reply, key)
        };
        // In a box: these futures are large, and lie in those of their callers.
        Box::pin(self.core.servers.write(key, run)).await
    }

    /// Runs a script that changes nothing.
    async fn look(
        &self,
        source: &'static str,
        key: &str,
        arguments: &[String],
    ) -> Result<Value, Fault> {
        let run = async |session: Session| {
            let reply = session
                .call(script(source, [key], arguments.to_vec()))
                .await?;
            answer_for(reply, key)
        };
        Box::pin(self.core.servers.read(Purpose::Commands, key, run)).await
    }

    /// Takes one step, against the status that the job has.
    pub(super) async fn take_step(
        &self,
        job: &JobId,
        owner: Owner<'_>,
        step: &Transition,
    ) -> Result<JobStatus, TransitionError> {
        let current = Jobs::get(self, job).await?;
        let mut from = current.ok_or(TransitionError::NotFound)?.status;
        let lifecycle = self.lifecycle();
        let step = &Transition {
            to: lifecycle.status(step.to.as_str()),
            ..step.clone()
        };
        // A status changes so seldom that this loop ends after a few rounds.
        loop {
            lifecycle.check_step(&from, &step.to)?;
            let keys = &self.core.options.keys;
            let take = async |session| writes::step(&session, keys, job, owner, &from, step).await;
            match self.core.servers.write(&keys.job(job), take).await? {
                StepResult::Changed => return Ok(from),
                StepResult::NotFound => return Err(TransitionError::NotFound),
                StepResult::Claimed => return Err(TransitionError::Claimed),
                StepResult::StatusDiffers(now) => from = lifecycle.status(&now),
            }
        }
    }
}

fn texts(reply: Value) -> Vec<String> {
    let values = reply.into_array().into_iter();
    values
        .map(|value| value.into_string().unwrap_or_default())
        .collect()
}

fn parse_claim(run: &str, left: &str) -> Result<Claim, Fault> {
    let garbled = || Fault::garbled("a claim cannot be read");
    Ok(Claim {
        run: run.parse().map_err(|_| garbled())?,
        lease: Lease::ending_in(left.parse().map_err(|_| garbled())?),
    })
}
