//! A worker and a follower that know nothing of each other but a job's id.

use std::process::Command as StdCommand;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use actix_web::{App, HttpServer};
use auth::mint::Issuer;
use auth::{StaticKeys, Verifier};
use log_api::{AppState, Stores, configure};
use log_client::{Client, TokenSource};
use log_domain::{JobId, UserId};
use log_store::{Jobs as _, MemoryStore};
use log_writer::{Outcome, create_job};
use tokio::process::Command;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use worker_and_follower::{build, follow};

const ORIGIN: &str = "https://app.example.com";
const ANN: &str = "user_ann";
const PATIENCE: Duration = Duration::from_secs(30);

/// Starts something that goes on without it, says its process id, and waits.
const LONG_BUILD: &str = "sleep 600 & echo child $!; wait";

static ISSUER: LazyLock<Issuer> = LazyLock::new(|| Issuer::generate().unwrap());

struct World {
    store: Arc<MemoryStore>,
    client: Client,
    job: JobId,
}

/// A service over a store, a job of Ann's, and a client with her tokens.
async fn world() -> World {
    let store = Arc::new(MemoryStore::new());
    let keys = StaticKeys::from_jwks(&ISSUER.jwks_json()).unwrap();
    let verifier = Verifier::builder(Arc::new(keys))
        .issuers([ISSUER.issuer()])
        .authorized_parties([ORIGIN])
        .build()
        .unwrap();
    let state = AppState::new(Arc::new(verifier), Stores::one(store.clone())).unwrap();
    let server = HttpServer::new(move || App::new().configure(|config| configure(config, &state)))
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
    let url = format!("http://{}", server.addrs()[0]);
    tokio::spawn(server.run());
    let token = TokenSource::fresh(|| async {
        let life = Duration::from_secs(60);
        ISSUER.session_token(ANN, ORIGIN, SystemTime::now(), life)
    });
    let client = Client::builder(url).token(token).build().unwrap();
    let job: JobId = "build-1".parse().unwrap();
    create_job(&*store, &job, UserId::new(ANN).unwrap())
        .await
        .unwrap();
    World { store, client, job }
}

fn script(text: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", text]);
    command
}

/// Whether a process runs. One that has ended and that nobody has asked for its end does not.
fn runs(pid: &str) -> bool {
    let ps = StdCommand::new("ps")
        .args(["-o", "stat=", "-p", pid])
        .output()
        .unwrap();
    let state = String::from_utf8_lossy(&ps.stdout);
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}

async fn is_gone(pid: &str) -> bool {
    for _ in 0..100 {
        if !runs(pid) {
            return true;
        }
        sleep(Duration::from_millis(100)).await;
    }
    false
}

/// The process id in a line `child PID`.
fn child(line: &str) -> Option<String> {
    line.strip_prefix("child ").map(str::to_owned)
}

#[tokio::test]
async fn a_cancelled_build_leaves_no_process_and_its_follower_learns_it() {
    let World { store, client, job } = world().await;
    let (cancel, cancelled) = oneshot::channel::<()>();
    let worker = tokio::spawn(build(store, job.clone(), script(LONG_BUILD), async {
        let _ = cancelled.await;
    }));
    // Cancelled by somebody who has seen the first line, over the service.
    let (mut pid, mut cancel) = (None, Some(cancel));
    let followed = follow(&client, &job, |line| {
        if let Some(found) = child(line) {
            assert!(runs(&found));
            pid = Some(found);
            cancel.take().unwrap().send(()).unwrap();
        }
    });
    let followed = timeout(PATIENCE, followed).await.unwrap().unwrap();
    assert_eq!(worker.await.unwrap().unwrap(), Outcome::Failed);
    assert!(is_gone(&pid.unwrap()).await);
    assert_eq!(followed.ending.as_deref(), Some("failed"));
    assert_eq!(
        (followed.lines.len(), followed.gaps),
        (2, 0),
        "{followed:?}"
    );
    assert_eq!(followed.lines[1], "The build was cancelled.");
}

#[tokio::test]
async fn a_worker_that_is_dropped_ends_its_job_and_its_processes_too() {
    let World { store, client, job } = world().await;
    let never = std::future::pending();
    let worker = tokio::spawn(build(store.clone(), job.clone(), script(LONG_BUILD), never));
    let mut pid = None;
    let followed = follow(&client, &job, |line| {
        if let Some(found) = child(line) {
            pid = Some(found);
            worker.abort();
        }
    });
    let followed = timeout(PATIENCE, followed).await.unwrap().unwrap();
    assert_eq!(followed.ending.as_deref(), Some("failed"));
    assert!(is_gone(&pid.unwrap()).await);
    let job = store.get(&job).await.unwrap().unwrap();
    assert!(job.status.is_terminal());
}

#[tokio::test]
async fn a_build_that_ends_is_ready_or_failed_and_one_that_cannot_begin_is_failed() {
    for (command, ending, lines) in [
        (script("echo one; echo two"), "ready", 2),
        (script("echo one; exit 3"), "failed", 1),
        // The reason is the last line.
        (Command::new("/nowhere/no-such-program"), "failed", 1),
    ] {
        let World { store, client, job } = world().await;
        let work = build(store, job.clone(), command, std::future::pending());
        let (_, followed) = tokio::join!(work, follow(&client, &job, |_| ()));
        let followed = followed.unwrap();
        assert_eq!(followed.ending.as_deref(), Some(ending), "{followed:?}");
        assert_eq!(followed.lines.len(), lines, "{followed:?}");
    }
}
