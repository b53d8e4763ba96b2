//! Runs the service with one build and a user of its own: `cargo run`, then the command that it prints.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use auth::mint::Issuer;
use auth::{StaticKeys, Verifier};
use axum_service::{Builds, Service, router};
use log_domain::{JobId, JobStatus, Source, UserId};
use log_hub::{Hub, HubOptions};
use log_store::{LogAppend as _, MemoryStore, NewLine};
use tokio::net::TcpListener;

const ORIGIN: &str = "http://localhost";
const USER: &str = "user_ann";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    // A real service: RemoteKeys over the publishable key of its Clerk instance, and RedisStore.
    let issuer = Issuer::generate()?;
    let keys = StaticKeys::from_jwks(&issuer.jwks_json())?;
    let verifier = Verifier::builder(Arc::new(keys))
        .issuers([issuer.issuer()])
        .authorized_parties([ORIGIN])
        .build()?;
    let (lines, builds) = (MemoryStore::new(), Builds::new());
    let hub = Hub::new(
        Arc::new(lines.clone()),
        Arc::new(builds.clone()),
        HubOptions::default(),
    )?;
    let service = Service {
        verifier: Arc::new(verifier),
        builds: builds.clone(),
        hub: hub.clone(),
    };

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let minutes = Duration::from_secs(600);
    let token = issuer.session_token(USER, ORIGIN, SystemTime::now(), minutes)?;
    println!(
        "curl -N -H 'Authorization: Bearer {token}' http://{}/builds/build-1/log?from=start",
        listener.local_addr()?
    );
    let job: JobId = "build-1".parse()?;
    builds.begin(job.clone(), UserId::new(USER).ok_or("not a user id")?);
    tokio::spawn(build(lines, builds, job));

    // After the signal, axum closes the listener and waits for its connections. The drain ends those that are streams, so that
    // clients come back to another process.
    let stop = async move {
        let _ = tokio::signal::ctrl_c().await;
        tokio::spawn(async move { hub.drain(Duration::from_secs(2)).await });
    };
    axum::serve(listener, router(service))
        .with_graceful_shutdown(stop)
        .await?;
    Ok(())
}

async fn build(lines: MemoryStore, builds: Builds, job: JobId) {
    for n in 1..=30 {
        let line = NewLine::new(format!("step {n} of 30"))
            .source(Source::Stdout)
            .ts(SystemTime::now());
        // The store is in memory: it does not fail.
        let _ = lines.append(&job, &[line]).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    builds.set_status(&job, JobStatus::READY);
}
