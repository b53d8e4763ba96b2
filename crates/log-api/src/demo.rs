//! `log-api demo`: the whole service with a store in a temporary folder and a throw-away key. A real command is the job.

pub(crate) mod code;

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, web};
use auth::mint::Issuer;
use auth::{StaticKeys, Verifier};
use log_domain::{JobId, UserId};
use log_store::{EmbeddedOptions, EmbeddedStore};
use log_writer::{LogWriter, create_job};
use tempfile::TempDir;
use tokio::process::Command;

use crate::access::AccessOptions;
use crate::app::Application;
use crate::cli_result::CliResult;
use crate::config::{LimitSettings, ServerSettings, StreamSettings};
use crate::{signals, wiring};

use self::code::Door;

const JOB: &str = "demo";
const USER: &str = "user_demo";
pub(crate) const ORIGIN: &str = "http://localhost";
const DEFAULT_BIND: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// How long the demo's token is valid. Other verifiers accept ten minutes at most.
pub(crate) const TOKEN_LIFE: Duration = Duration::from_secs(24 * 3600);

/// Runs the demo until Ctrl-C.
pub(crate) async fn run(bind: Option<SocketAddr>, command: Vec<String>) -> CliResult {
    let stop = signals::stop();
    let folder = TempDir::with_prefix("log-api-demo-")?;
    let (command, shown) = job_command(command, folder.path())?;
    let store =
        EmbeddedStore::open(folder.path().join("store"), EmbeddedOptions::default()).await?;
    let issuer = Issuer::generate()?;
    let verifier = Arc::new(verifier(&issuer)?);
    let mut service = wiring::on_embedded(
        verifier,
        store.clone(),
        &StreamSettings::default(),
        &LimitSettings::default(),
        AccessOptions::default(),
    )?;
    service.state.viewer.enabled = true;
    let token = issuer.session_token(USER, ORIGIN, SystemTime::now(), TOKEN_LIFE)?;
    let job: JobId = JOB.parse()?;
    let door = web::Data::new(Door::new(token.clone(), |_, code| print_next_code(code)));
    let code = door.new_code(&job)?;
    let app = listen(&service, bind, &door)?;

    let user = UserId::new(USER).ok_or("the demo's user has no name")?;
    create_job(&store, &job, user).await?;
    print_instructions(app.addr(), &code, &token, &shown)?;
    let work = tokio::spawn(async move {
        if let Err(error) = work(store, job, command).await {
            print(&format!("The job could not be run to its end: {error}\n"));
        }
    });
    app.run(stop).await?;
    work.abort();
    Ok(())
}

/// Runs the command as the job. The writer stores its output as it comes.
async fn work(store: EmbeddedStore, job: JobId, command: Command) -> CliResult {
    let writer = LogWriter::builder(job, Arc::new(store)).start()?;
    let outcome = match writer.run(command).await {
        Ok(status) => {
            print(&format!(
                "The command has ended ({status}); the log is complete.\n"
            ));
            status.into()
        }
        Err(error) => {
            writer
                .system(&format!("The command could not be run: {error}"))
                .await;
            print(&format!("The command could not be run: {error}\n"));
            log_writer::Outcome::Failed
        }
    };
    writer.finish(outcome, "The command has ended").await?;
    print("Still serving; Ctrl-C ends the demo and deletes its log.\n");
    Ok(())
}

/// The command to run, and its text for people.
fn job_command(
    words: Vec<String>,
    folder: &Path,
) -> Result<(Command, String), Box<dyn std::error::Error>> {
    let mut words = words.into_iter();
    let (mut command, shown) = match words.next() {
        Some(program) => {
            let arguments: Vec<String> = words.collect();
            let shown = [vec![program.clone()], arguments.clone()]
                .concat()
                .join(" ");
            let mut command = Command::new(program);
            command.args(arguments);
            (command, shown)
        }
        None => own_build(folder)?,
    };
    // The command ends with the demo.
    command.stdin(Stdio::null()).kill_on_drop(true);
    Ok((command, shown))
}

/// Without a command, the demo compiles a part of this workspace into its folder.
fn own_build(folder: &Path) -> Result<(Command, String), Box<dyn std::error::Error>> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    if !manifest.exists() {
        return Err(
            "the workspace this was built from is gone; name a command: log-api demo -- CMD…"
                .into(),
        );
    }
    let arguments = ["build", "--package", "log-wire", "--color", "never"];
    let mut command = Command::new("cargo");
    command.args(arguments).arg("--manifest-path").arg(manifest);
    command.arg("--target-dir").arg(folder.join("target"));
    Ok((command, format!("cargo {}", arguments.join(" "))))
}

/// A verifier of the tokens of an issuer of this process.
pub(crate) fn verifier(issuer: &Issuer) -> Result<Verifier, Box<dyn std::error::Error>> {
    let keys = StaticKeys::from_jwks(&issuer.jwks_json())?;
    let verifier = Verifier::builder(Arc::new(keys))
        .issuers([issuer.issuer()])
        .authorized_parties([ORIGIN])
        .max_lifetime(TOKEN_LIFE)
        .build()?;
    Ok(verifier)
}

/// Listens on the given address. Without one it uses the default port, or any free port if that is taken.
fn listen(
    service: &wiring::Service,
    bind: Option<SocketAddr>,
    door: &web::Data<Door>,
) -> io::Result<Application> {
    let on = |addr| {
        let settings = ServerSettings::for_demo(addr);
        let door = door.clone();
        let further = move |config: &mut web::ServiceConfig| {
            config.app_data(door.clone());
            config.route("/", web::get().to(to_the_job));
            config.route("/jobs/{job_id}/code", web::post().to(code::take));
        };
        Application::bind_with(
            service.state.clone(),
            settings,
            service.metrics.clone(),
            further,
        )
    };
    match on(bind.unwrap_or(DEFAULT_BIND)) {
        Err(error) if bind.is_none() && error.kind() == io::ErrorKind::AddrInUse => {
            on(SocketAddr::new(DEFAULT_BIND.ip(), 0))
        }
        other => other,
    }
}

async fn to_the_job() -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, format!("/jobs/{JOB}")))
        .finish()
}

fn print_instructions(addr: SocketAddr, code: &str, token: &str, command: &str) -> io::Result<()> {
    let logs = format!("http://{addr}/api/jobs/{JOB}/logs");
    // Each command is on a line of its own, so that it can be copied.
    write!(
        io::stdout().lock(),
        "Running as job `{JOB}`: {command}\n\n\
         Open it in a browser:\n\n\
         http://{addr}/jobs/{JOB}#code={code}\n\n\
         Or follow it in another terminal:\n\n\
         curl -N -H 'Authorization: Bearer {token}' '{logs}/stream?from=start'\n\n\
         The same lines as a page of history:\n\n\
         curl -H 'Authorization: Bearer {token}' '{logs}?limit=500'\n\n"
    )
}

/// A code opens the page once.
fn print_next_code(code: &str) {
    print(&format!(
        "The page was opened. To open it in another browser: the same address with #code={code}\n"
    ));
}

fn print(text: &str) {
    // If the terminal is gone, nobody reads it.
    let _ = io::stdout().lock().write_all(text.as_bytes());
}
