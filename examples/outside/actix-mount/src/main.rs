//! Listens on a free port of this machine until SIGTERM, and prints the address of a log and a token for it.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix_mount::Sharded;
use actix_web::{App, HttpServer, web};
use auth::mint::Issuer;
use auth::{StaticKeys, Verifier};
use log_api::{AppState, Stores, configure_health, configure_logs};
use log_domain::{JobId, UserId};
use log_store::{JobWrites as _, LogAppend as _, NewJob, NewLine};
use tokio::signal::unix::{SignalKind, signal};

const ORIGIN: &str = "http://localhost";
const USER: &str = "user_ann";

/// Streams are broken off over this time, so that their clients do not all come back at once.
const WINDOW: Duration = Duration::from_secs(2);

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // A real application: RemoteKeys over the publishable key of its Clerk instance.
    let issuer = Issuer::generate()?;
    let keys = StaticKeys::from_jwks(&issuer.jwks_json())?;
    let verifier = Verifier::builder(Arc::new(keys))
        .issuers([issuer.issuer()])
        .authorized_parties([ORIGIN])
        .build()?;
    let store = Arc::new(Sharded::new(4));
    let state = AppState::new(Arc::new(verifier), Stores::one(store.clone()))?;

    let routes = state.clone();
    let server = HttpServer::new(move || {
        let api = web::scope("/api")
            .route("/builds", web::get().to(async || "[\"build-1\"]"))
            .configure(|scope| configure_logs(scope, &routes));
        let app = App::new().service(api);
        app.configure(|root| configure_health(root, &routes))
    });
    // Before anybody is told the address: until then, SIGTERM ends the process at once.
    let mut terminate = signal(SignalKind::terminate())?;
    let server = server.workers(1).disable_signals().bind("127.0.0.1:0")?;
    let address = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    let serving = tokio::spawn(server);

    let job: JobId = "build-1".parse()?;
    let owner = UserId::new(USER).ok_or("not a user id")?;
    let new = NewJob::new(owner, SystemTime::now());
    store.create(&job, &new).await?;
    store
        .append(&job, &[NewLine::new("a line from before")])
        .await?;
    let minutes = Duration::from_secs(600);
    let token = issuer.session_token(USER, ORIGIN, SystemTime::now(), minutes)?;
    println!("{address} {token}");

    terminate.recv().await;
    let closed = handle.stop(true); // at once: it listens no more
    state.drain(WINDOW).await; // clients come back to another process
    closed.await;
    serving.await??;
    Ok(())
}
