//! `log-api serve --dev`: the whole service on this machine, for somebody who wants to send logs to it. Nothing has to be
//! set up: the store is a folder, the key of workers is known ([`log_wire::DEV_KEY`]), and the addresses that it prints
//! sign their visitors in.

use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use actix_web::web;
use auth::mint::Issuer;
use log_domain::JobId;
use log_store::{EmbeddedOptions, EmbeddedStore};
use log_wire::{DEV_KEY, DEV_USER};
use tempfile::TempDir;

use crate::access::{
    AccessOptions, KeyDigest, KeyEntry, KeyRing, Scope, TokenSigner, WriteGate, random_secret,
};
use crate::app::Application;
use crate::cli_result::CliResult;
use crate::config::{LimitSettings, ServerSettings, StreamSettings};
use crate::demo::code::{self, Door};
use crate::demo::{ORIGIN, TOKEN_LIFE, verifier};
use crate::ingest::{WriteOptions, WriteStores, Writes};
use crate::{signals, wiring};

const DEFAULT_BIND: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Serves until Ctrl-C. Without a folder, the logs are gone then.
pub(crate) async fn run(bind: Option<SocketAddr>, data: Option<PathBuf>) -> CliResult {
    let bind = bind.unwrap_or(DEFAULT_BIND);
    if !bind.ip().is_loopback() {
        return Err("--dev listens on this machine alone, because everybody knows its key".into());
    }
    let stop = signals::stop();
    let folder = TempDir::with_prefix("log-api-dev-")?;
    let dir = data.unwrap_or_else(|| folder.path().join("store"));
    let store = EmbeddedStore::open(dir, EmbeddedOptions::default()).await?;
    let issuer = Issuer::generate()?;
    let mut service = wiring::on_embedded(
        Arc::new(verifier(&issuer)?),
        store.clone(),
        &StreamSettings::default(),
        &LimitSettings::default(),
        AccessOptions::default(),
    )?;
    service.state.viewer.enabled = true;
    let token = issuer.session_token(DEV_USER, ORIGIN, SystemTime::now(), TOKEN_LIFE)?;
    let address = Arc::new(OnceLock::new());
    let known = Arc::clone(&address);
    let door = web::Data::new(Door::new(token, move |job, code| {
        print_address("To open it in another browser", &known, job, code);
    }));
    let (known, codes) = (Arc::clone(&address), door.clone());
    let mut writes = writes(store)?;
    writes.on_created(move |job: &JobId| {
        // Without random numbers nothing here works; the job goes on.
        let code = codes.new_code(job).ok()?;
        print_address(&format!("Watch {job}"), &known, job, &code);
        Some(page_path(job, &code))
    });
    service.state.writes = Some(Arc::new(writes));
    let further = move |config: &mut web::ServiceConfig| {
        config.app_data(door.clone());
        config.route("/jobs/{job_id}/code", web::post().to(code::take));
    };
    let settings = ServerSettings::for_demo(bind);
    let app = Application::bind_with(service.state, settings, service.metrics, further)?;
    // Only once.
    let _ = address.set(app.addr());
    print(&format!(
        "Listening on http://{addr}, on this machine alone.\n\n\
         Run something in another terminal:\n\n\
         joblog run --url http://{addr} -- make\n\n\
         The address to watch it is printed there and here.\n",
        addr = app.addr()
    ));
    app.run(stop).await?;
    Ok(())
}

/// The address of a job's page, with a code that opens it once.
fn print_address(what: &str, server: &OnceLock<SocketAddr>, job: &JobId, code: &str) {
    if let Some(server) = server.get() {
        let path = page_path(job, code);
        print(&format!("\n{what}:\n\nhttp://{server}{path}\n"));
    }
}

fn page_path(job: &JobId, code: &str) -> String {
    format!("/jobs/{job}#code={code}")
}

/// The writing side, for the key that everybody knows.
fn writes(store: EmbeddedStore) -> Result<Writes, Box<dyn std::error::Error>> {
    let key = KeyEntry {
        name: "dev".into(),
        scopes: Scope::ALL.to_vec(),
        digest: KeyDigest::from_key(DEV_KEY).ok_or("the key for development is none")?,
        prefix: None,
        expires: None,
    };
    let secret = random_secret().ok_or("this system has no random numbers")?;
    let tokens = TokenSigner::new(&[secret]).ok_or("a secret is too short")?;
    let gate = WriteGate::new(Arc::new(KeyRing::new([key])), tokens);
    let store = Arc::new(store);
    let stores = WriteStores {
        jobs: store.clone(),
        lines: store,
    };
    Ok(Writes::new(Arc::new(gate), stores, WriteOptions::default()))
}

fn print(text: &str) {
    // If the terminal is gone, nobody reads it.
    let _ = io::stdout().lock().write_all(text.as_bytes());
}
