//! A job of the API, for whoever writes to it: the credential, the owner, and how the job is created.

use std::path::Path;
use std::time::Duration;

use log_client::{Client, ClientError, TokenSource};
use log_domain::{JobId, UserId};
use log_wire::{CreateBody, DEV_KEY, DEV_USER};

use crate::api::ask;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::terminal::Terminal;

/// What every API key begins with. An append token begins otherwise.
const KEY_PREFIX: &str = "jlk_";

/// Whether a credential is an API key, which can create jobs.
pub(crate) fn is_key(credential: &str) -> bool {
    credential.starts_with(KEY_PREFIX)
}

/// The credential of the environment. A service for development on this machine has a key that everybody knows.
pub(crate) fn credential(url: &str, env: Environment) -> Result<String, Failure> {
    match env.get("JOBLOG_KEY") {
        Some(key) => Ok(key.trim().to_owned()),
        None if is_this_machine(url) => Ok(DEV_KEY.to_owned()),
        None => Err(Failure::new(
            Failure::REFUSED,
            "the API needs a credential: set JOBLOG_KEY to an API key, or to the append token of the job",
        )),
    }
}

/// The owner of a new job.
pub(crate) fn owner(
    option: Option<String>,
    key: &str,
    env: Environment,
) -> Result<UserId, Failure> {
    let named = env.owner(option)?;
    let of_dev = || UserId::new(DEV_USER).filter(|_| key == DEV_KEY);
    named.or_else(of_dev).ok_or_else(|| {
        Failure::usage(
            "a job needs an owner, or nobody could read it: give --user ID, or set JOBLOG_USER",
        )
    })
}

fn is_this_machine(url: &str) -> bool {
    let rest = url.strip_prefix("http://").unwrap_or_default();
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|host| {
        let after = rest.strip_prefix(host);
        after.is_some_and(|after| after.is_empty() || after.starts_with([':', '/']))
    })
}

/// A client with this credential.
pub(crate) fn client(url: &str, key: &str, ca_file: Option<&Path>) -> Result<Client, Failure> {
    let mut builder = Client::builder(url).token(TokenSource::fixed(key));
    if let Some(path) = ca_file {
        let pem = std::fs::read(path);
        let pem = pem.map_err(|error| {
            Failure::usage(format_args!("--ca-file {}: {error}", path.display()))
        })?;
        builder = builder.ca_certificates(pem);
    }
    builder.build().map_err(Failure::usage)
}

/// A job of the API that this process may write to.
pub(crate) struct OwnJob {
    /// The append token.
    pub(crate) token: String,
    /// The path of its page, behind the address of the API. A service for development signs the visitor in there.
    pub(crate) page: String,
}

/// The path of a job's page, where its visitors sign in by themselves.
pub(crate) fn page_path(job: &JobId) -> String {
    format!("/jobs/{job}")
}

/// Creates a job.
pub(crate) async fn create_job(
    client: &Client,
    job: &JobId,
    owner: &UserId,
    patience: Duration,
    terminal: &mut Terminal,
) -> Result<OwnJob, Failure> {
    let new = CreateBody::new(owner).token(true);
    let created = ask(patience, terminal, async || client.create(job, &new).await).await?;
    let token = created
        .append_token
        .ok_or_else(|| ClientError::NotTheApi("it gives no append token".into()))?;
    Ok(OwnJob {
        token,
        page: created.page.unwrap_or_else(|| page_path(job)),
    })
}

/// An id for a job that nobody has named.
pub(crate) fn fresh_job() -> Result<JobId, Failure> {
    format!("run-{:016x}", fastrand::u64(..))
        .parse()
        .map_err(Failure::usage)
}
