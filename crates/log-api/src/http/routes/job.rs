//! `PUT /api/jobs/{job_id}/logs` creates a job, `PATCH` changes its status.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt as _;
use jiff::Timestamp;
use log_domain::{JobId, JobStatus, Lifecycle, OrgId, ProducerName, UserId};
use log_store::{CreateJobError, NewJob, Transition, TransitionError};
use log_wire::{CreateBody, CreatedBody, ErrorCode, StepBody, SteppedBody, WriteProblem};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use crate::access::{Scope, TOKEN_LIFE};
use crate::error::ApiError;
use crate::ingest::Writes;
use crate::json_object::JsonObject;
use crate::state::AppState;

/// The largest body, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// How long a body may take.
const BODY_TIME: Duration = Duration::from_secs(30);

/// The longest text in a body, in bytes.
const MAX_TEXT: usize = 4096;

/// The most further fields of a job, and the most producers of a step.
const MAX_ENTRIES: usize = 64;

/// Fields of a job's record that have a meaning here.
const OWN_FIELDS: [&str; 6] = [
    "status",
    "user_id",
    "org_id",
    "created_at",
    "updated_at",
    "status_message",
];

/// How long the end of a job waits for lines that are still to come, and how often it looks.
const WAIT_FOR_LINES: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(50);

pub(super) async fn create(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let writes = state.writes()?;
    let (credential, job_id) = writes.gate.enter(&request, Scope::JobsCreate)?;
    let body: CreateBody = json(payload).await?;
    let wants_token = body.token;
    let new = new_job(writes.stores.jobs.lifecycle(), body)?;
    let created = match writes.stores.jobs.create(&job_id, &new).await {
        Ok(()) => true,
        Err(CreateJobError::Exists) => false,
        Err(CreateJobError::Store(error)) => return Err(error.into()),
        Err(_) => return Err(ApiError::Code(ErrorCode::Internal)),
    };
    if !created {
        let there = writes.stores.jobs.get(&job_id).await?;
        // Deleted a moment ago: the client comes back and creates it.
        let there = there.ok_or(ApiError::Code(ErrorCode::StoreUnavailable))?;
        if there.owner.as_ref() != Some(&new.owner) {
            return Err(ApiError::Code(ErrorCode::JobExists));
        }
    }
    tracing::info!(
        target: "log_api::audit",
        key = credential.name(), job = %job_id, created, "a job is created"
    );
    let with_token = created || wants_token;
    let page = with_token.then(|| writes.announce(&job_id)).flatten();
    let token = with_token.then(|| writes.gate.tokens.issue(&job_id, Timestamp::now()));
    let answer = CreatedBody {
        job_id,
        append_token: token.flatten(),
        expires_in: with_token.then_some(TOKEN_LIFE.as_secs()),
        page,
    };
    let mut response = if created {
        HttpResponse::Created()
    } else {
        HttpResponse::Ok()
    };
    Ok(response.json(answer))
}

pub(super) async fn step(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let writes = state.writes()?;
    let (credential, job_id) = writes.gate.enter(&request, Scope::JobsStatus)?;
    let body: StepBody = json(payload).await?;
    let to = known_status(writes.stores.jobs.lifecycle(), body.status.as_str())?;
    if body.message.len() > MAX_TEXT {
        return Err(invalid("message", "must have at most 4096 bytes"));
    }
    let wanted = producers(body.producers)?;
    if to.is_terminal() {
        wait_for_lines(writes, &job_id, &wanted).await?;
    }
    let step = Transition::new(to, body.message, SystemTime::now());
    match writes.stores.jobs.transition(&job_id, &step).await {
        Ok(from) => {
            tracing::info!(
                target: "log_api::audit",
                key = credential.name(), job = %job_id, %from, to = %step.to, "a status is changed"
            );
            Ok(HttpResponse::Ok().json(SteppedBody { status: step.to }))
        }
        Err(TransitionError::NotFound) => Err(ApiError::Code(ErrorCode::JobNotFound)),
        Err(TransitionError::Illegal(illegal)) => Err(ApiError::Write {
            code: ErrorCode::StatusConflict,
            detail: capitalized(illegal.to_string()),
            more: Box::new(WriteProblem {
                from: Some(illegal.from),
                to: Some(illegal.to),
                allowed: Some(illegal.allowed),
                ..WriteProblem::default()
            }),
        }),
        Err(TransitionError::Claimed) => Err(ApiError::Write {
            code: ErrorCode::StatusConflict,
            detail: "Another run has the job".to_owned(),
            more: Box::default(),
        }),
        Err(TransitionError::Store(error)) => Err(error.into()),
        Err(_) => Err(ApiError::Code(ErrorCode::Internal)),
    }
}

/// Waits until so many lines of each producer are in the log.
async fn wait_for_lines(
    writes: &Writes,
    job: &JobId,
    wanted: &[(ProducerName, u64)],
) -> Result<(), ApiError> {
    let end = Instant::now() + WAIT_FOR_LINES;
    loop {
        let mut there = BTreeMap::new();
        let mut complete = true;
        for (name, count) in wanted {
            let known = writes.stores.lines.producer(job, name).await?;
            let next = known.map_or(0, |known| known.next);
            complete &= next >= *count;
            there.insert(name.to_string(), next);
        }
        if complete {
            return Ok(());
        }
        if Instant::now() >= end {
            return Err(ApiError::Write {
                code: ErrorCode::LinesMissing,
                detail: ErrorCode::LinesMissing.detail().into(),
                more: Box::new(WriteProblem {
                    producers: Some(there),
                    ..WriteProblem::default()
                }),
            });
        }
        sleep(LOOK).await;
    }
}

fn new_job(lifecycle: &Lifecycle, body: CreateBody) -> Result<NewJob, ApiError> {
    let id = |field, text: &str| {
        let good = !text.trim().is_empty() && text.len() <= MAX_TEXT;
        good.then_some(())
            .ok_or_else(|| invalid(field, "must have 1 to 4096 bytes"))
    };
    id("user_id", &body.user_id)?;
    let owner = UserId::new(&body.user_id).ok_or(ApiError::Code(ErrorCode::Internal))?;
    let mut new = NewJob::new(owner, SystemTime::now());
    if let Some(org) = body.org_id {
        id("org_id", &org)?;
        new.org = OrgId::new(&org);
    }
    if let Some(status) = body.status {
        new.status = known_status(lifecycle, status.as_str())?;
        if new.status.is_terminal() {
            return Err(invalid(
                "status",
                "must not be one in which a job has ended",
            ));
        }
    }
    if body.fields.len() > MAX_ENTRIES {
        return Err(invalid("fields", "must be at most 64"));
    }
    for (name, value) in body.fields {
        new.fields.push(further_field(name, value)?);
    }
    Ok(new)
}

fn further_field(name: String, value: Value) -> Result<(String, String), ApiError> {
    if name.is_empty() || name.len() > MAX_ENTRIES || OWN_FIELDS.contains(&name.as_str()) {
        let rule = "must have names of 1 to 64 bytes, and none of the names that this service uses";
        return Err(invalid("fields", rule));
    }
    let text = match value {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            return Err(invalid("fields", "must be texts, numbers or flags"));
        }
    };
    if text.len() > MAX_TEXT {
        return Err(invalid("fields", "must have at most 4096 bytes each"));
    }
    Ok((name, text))
}

fn known_status(lifecycle: &Lifecycle, text: &str) -> Result<JobStatus, ApiError> {
    lifecycle.find(text).cloned().ok_or_else(|| {
        let known: Vec<_> = lifecycle
            .statuses()
            .map(|status| format!("`{status}`"))
            .collect();
        invalid("status", format!("must be one of {}", known.join(", ")))
    })
}

/// The sentence with a capital letter.
fn capitalized(sentence: String) -> String {
    let mut sentence = sentence;
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence
}

fn producers(counts: BTreeMap<String, u64>) -> Result<Vec<(ProducerName, u64)>, ApiError> {
    if counts.len() > MAX_ENTRIES {
        return Err(invalid("producers", "must be at most 64"));
    }
    let parse = |(name, count): (String, u64)| {
        let name = name
            .parse()
            .map_err(|error| invalid("producers", format!("names {error}")))?;
        Ok((name, count))
    };
    counts.into_iter().map(parse).collect()
}

const NO_OBJECT: &str = "must be an object with the documented fields";

/// Reads a small JSON body.
async fn json<T: DeserializeOwned>(mut payload: web::Payload) -> Result<T, ApiError> {
    let reading = async {
        let mut body = Vec::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| invalid("body", "ended before it was complete"))?;
            if body.len() + chunk.len() > MAX_BODY {
                return Err(ApiError::Write {
                    code: ErrorCode::BodyTooLarge,
                    detail: format!("This body has at most {MAX_BODY} bytes"),
                    more: Box::default(),
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    };
    let body = timeout(BODY_TIME, reading).await;
    let body = body.map_err(|_| ApiError::Code(ErrorCode::BodyTimeout))??;
    let read = serde_json::from_slice(&body).map(|JsonObject(value)| value);
    read.map_err(|error| {
        use serde_json::error::Category;
        match error.classify() {
            Category::Data => invalid("body", NO_OBJECT),
            Category::Syntax | Category::Eof | Category::Io => invalid("body", "must be JSON"),
        }
    })
}

fn invalid(field: &'static str, rule: impl Into<String>) -> ApiError {
    ApiError::Invalid {
        field,
        rule: rule.into(),
    }
}
