//! Which commands the Redis user may run.

use fred::interfaces::{HashesInterface, KeysInterface, LuaInterface, StreamsInterface};
use fred::types::Value;

use super::check_error::CheckError;
use super::fault::Fault;
use super::keys::{KeyPatterns, Pattern};
use super::options::Retention;
use super::question::Command;
use super::session::Session;
use crate::error::StoreRefused;

/// Tries every read on keys that do not exist.
pub(super) async fn check_reads(session: &Session, keys: &KeyPatterns) -> Result<(), CheckError> {
    let (job, logs) = (keys.job_pattern(), keys.logs_pattern());
    let (job_key, log_key) = (job.for_no_job(), logs.for_no_job());
    let client = &session.client;
    let fields = vec!["status", "user_id", "org_id"];
    allowed("HMGET", job, client.hmget(&job_key, fields).await)?;
    allowed("EXISTS", job, client.exists(&job_key).await)?;
    let one = Some(1);
    allowed("XRANGE", logs, client.xrange(&log_key, "-", "+", one).await)?;
    allowed(
        "XREVRANGE",
        logs,
        client.xrevrange(&log_key, "+", "-", one).await,
    )?;
    allowed(
        "XINFO STREAM",
        logs,
        client.xinfo_stream(&log_key, false, None).await,
    )?;
    Ok(())
}

/// Checks that appends are allowed, without writing anything: by an `XADD` that creates no stream, and by an `EXPIRE` of a
/// missing key.
pub(super) async fn check_appends(
    session: &Session,
    logs: &Pattern,
    keep: Retention,
) -> Result<(), CheckError> {
    let client = &session.client;
    let log_key = logs.for_no_job();
    let cap = ("MAXLEN", "~", i64::from(keep.lines));
    let none = vec![("text", "")];
    allowed(
        "XADD",
        logs,
        client.xadd(&log_key, true, cap, "*", none).await,
    )?;
    let trimmed = client.xtrim(&log_key, cap).await;
    allowed("XTRIM", logs, trimmed)?;
    allowed("EXPIRE", logs, client.expire(&log_key, 1, None).await)?;
    Ok(())
}

/// Checks that waiting for replicas is allowed, by waiting for none.
pub(super) async fn check_waits(session: &Session, logs: &Pattern) -> Result<(), CheckError> {
    let waited = session.call(Command::new("WAIT", ["0", "1"])).await;
    allowed("WAIT", logs, waited)?;
    Ok(())
}

/// Checks that changes of a status are allowed, by asking inside a script for what scripts do (`redis.acl_check_cmd`, since
/// Redis 7.0).
pub(super) async fn check_steps(session: &Session, keys: &KeyPatterns) -> Result<(), CheckError> {
    let (job, events) = (keys.job_pattern(), keys.events_pattern());
    let client = &session.client;
    let asked = [
        (
            "CLIENT KILL",
            job,
            "return redis.acl_check_cmd('CLIENT', 'KILL', 'ID', '1')",
        ),
        (
            "EXISTS",
            job,
            "return redis.acl_check_cmd('EXISTS', KEYS[1])",
        ),
        (
            "HGET",
            job,
            "return redis.acl_check_cmd('HGET', KEYS[1], 'status')",
        ),
        (
            "HSET",
            job,
            "return redis.acl_check_cmd('HSET', KEYS[1], 'status', '')",
        ),
        (
            "PUBLISH",
            events,
            "return redis.acl_check_cmd('PUBLISH', ARGV[1], '')",
        ),
    ];
    let no_values = Vec::<String>::new();
    let tried = client.eval("return 1", job.for_no_job(), no_values).await;
    allowed("EVAL", job, tried)?;
    for (command, pattern, script) in asked {
        let channel = vec![events.for_no_job()];
        let answer: Result<Value, _> = client.eval(script, job.for_no_job(), channel).await;
        let answer = match answer {
            // `Invalid command passed to redis.acl_check_cmd()`: the server does not have the command.
            Err(error) if error.details().contains("acl_check_cmd") => Value::Null,
            answer => allowed("EVAL", job, answer)?,
        };
        if answer.as_i64() != Some(1) {
            return Err(CheckError::Permission {
                command,
                pattern: pattern.glob(),
                source: StoreRefused::new(
                    "the server does not have it, or the access list does not allow it inside a script",
                ),
            });
        }
    }
    Ok(())
}

/// Any answer but a refusal means that the command is allowed.
fn allowed(
    command: &'static str,
    pattern: &Pattern,
    answer: Result<Value, fred::error::Error>,
) -> Result<Value, CheckError> {
    let error = match answer {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    // The key does not exist. That is an answer, too.
    if error.details().contains("no such key") {
        return Ok(Value::Null);
    }
    match Fault::from(error) {
        // Another node of the cluster serves the key. What is not allowed, a node says before that.
        Fault::Redirected(_) => Ok(Value::Null),
        // The command is allowed; the key of no job holds something else.
        Fault::WrongType(_) => Ok(Value::Null),
        fault @ (Fault::NotPermitted(_) | Fault::Permanent(_)) => Err(CheckError::Permission {
            command,
            pattern: pattern.glob(),
            source: StoreRefused::new(fault),
        }),
        fault => Err(fault.into()),
    }
}
