//! The one gate: may this reader read this job?
//!
//! **Invariant:** every route reaches a log through [`AuthorizedJob`], and nothing else decides who may read a job.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use auth::Verifier;
use log_domain::{Job, JobId, OrgRule, Reader, may_read};
use log_store::Jobs;
use log_wire::ErrorCode;

use super::authenticate::authenticate;
use super::control::Access;
use super::principal::Principal;
use super::request::job_id;
use super::write_gate::WriteGate;
use crate::error::ApiError;

/// What the gate needs to decide. [`crate::configure`] puts it into the application's data.
pub(crate) struct Gate {
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) access: Arc<Access>,
    pub(crate) jobs: Arc<dyn Jobs>,
    /// Recognises API keys. `None` if there are none.
    pub(crate) writers: Option<Arc<WriteGate>>,
}

/// What a route reads from the query and the headers of a request.
pub trait Query: Sized {
    /// The ticket of a request, on routes that accept one in place of a token.
    ///
    /// # Errors
    /// The ticket is malformed.
    fn ticket(_: &HttpRequest) -> Result<Option<String>, ApiError> {
        Ok(None)
    }

    /// Parses the query.
    ///
    /// # Errors
    /// [`ApiError::Invalid`], which names the field and its rule.
    fn from_request(request: &HttpRequest) -> Result<Self, ApiError>;
}

/// A job that the caller may read, together with what the caller asks. Extracting one is passing the gate.
///
/// The order of the checks is fixed: who is it (401), what is asked (422), may they (404). Only an authenticated caller
/// learns what is wrong with a query, and nobody learns whether a job exists that is not theirs.
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
            let gate = request
                .app_data::<web::Data<Gate>>()
                .ok_or(ApiError::Code(ErrorCode::Internal))?;
            let who = authenticate(
                (&gate.verifier, &gate.access, gate.writers.as_deref()),
                &request,
                Q::ticket(&request)?,
            )
            .await?;
            let job_id = job_id(&request)?;
            let query = Q::from_request(&request)?;
            let job = gate.jobs.get(&job_id).await?;
            let rule = gate.access.org_rule();
            let job = job
                .filter(|job| who.may_read(&job_id, job, rule))
                .ok_or(ApiError::Code(ErrorCode::JobNotFound))?;
            Ok(Self {
                who,
                job_id,
                job,
                query,
            })
        })
    }
}

/// Returns the job if `reader` may read it. A job that does not exist and a job of somebody else get the same answer.
///
/// # Errors
/// 404 if the reader may not; 503 if the job cannot be looked up.
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
