//! The one gate: may this reader read this job?
//!
//! **Invariant:** no route reaches a log but through [`AuthorizedJob`], and nothing else asks who owns a job.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use log_domain::{Job, JobId, OrgRule, Reader, may_read};
use log_store::Jobs;
use log_wire::ErrorCode;

use crate::access::Principal;
use crate::authenticate::authenticate;
use crate::error::ApiError;
use crate::query::Query;
use crate::state::AppState;

/// A job that its caller may read, with what was asked of it. Extracting one is passing the gate.
///
/// The order is fixed: who is it (401), what is asked (422), may they (404). Only who is known learns what is wrong
/// with a query, and nobody learns whether a job that is not theirs exists.
#[derive(Debug)]
pub struct AuthorizedJob<Q> {
    /// Who asks.
    pub who: Principal,
    /// The job.
    pub job_id: JobId,
    /// The job as it was a moment ago.
    pub job: Job,
    /// What is asked.
    pub query: Q,
}

impl<Q: Query + 'static> FromRequest for AuthorizedJob<Q> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let parts = request
                .app_data::<web::Data<AppState>>()
                .ok_or(ApiError::Code(ErrorCode::Internal))?;
            let who = authenticate(parts, &request, Q::TAKES_TICKETS).await?;
            let job_id = job_id(&request)?;
            let query = Q::of(&request)?;
            let rule = parts.access.org_rule();
            let job = require_readable(&*parts.jobs, who.reader(), rule, &job_id).await?;
            Ok(Self {
                who,
                job_id,
                job,
                query,
            })
        })
    }
}

/// Decides whether `reader` may read a job, with what the rule says of its organisation. Absent and foreign jobs look the same.
///
/// # Errors
/// 404 where not; 503 where the job cannot be read, because an outage is no answer.
pub async fn require_readable(
    jobs: &dyn Jobs,
    reader: &Reader,
    rule: &OrgRule,
    id: &JobId,
) -> Result<Job, ApiError> {
    let job = jobs.get(id).await?;
    job.filter(|job| may_read(reader, job, rule))
        .ok_or(ApiError::Code(ErrorCode::JobNotFound))
}

fn job_id(request: &HttpRequest) -> Result<JobId, ApiError> {
    let text = request.match_info().query("job_id");
    let invalid = |rule: log_domain::JobIdError| ApiError::Invalid {
        field: "job_id",
        rule: rule.to_string(),
    };
    text.parse().map_err(invalid)
}
