//! A server with actix-web that authenticates its users.
//!
//! `cargo run -p auth --example actix --features actix,mint` makes its own throw-away instance and
//! prints a `curl` command with a token that is valid for five minutes. With a publishable key and an
//! origin as arguments, the server accepts the tokens and the session cookie of that instance.

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix_web::{App, HttpServer, get, web};
use auth::actix::{Auth, OptionalAuth};
use auth::{PublishableKey, RemoteKeys, StaticKeys, Verifier, mint};

const ADDRESS: &str = "127.0.0.1:8081";
const ORIGIN: &str = "https://app.example.com";

/// Only for signed-in users.
#[get("/me")]
async fn me(auth: Auth) -> String {
    match auth.organization() {
        Some(organization) if organization.has_permission("org:builds:read") => {
            format!(
                "{} of {}, who may read builds\n",
                auth.user_id(),
                organization.id()
            )
        }
        Some(organization) => format!("{} of {}\n", auth.user_id(), organization.id()),
        None => format!("{}, without an active organisation\n", auth.user_id()),
    }
}

/// For everybody. A bad token is still refused.
#[get("/")]
async fn hello(auth: OptionalAuth) -> String {
    match auth.session() {
        Some(session) => format!("Hello, {}\n", session.user_id()),
        None => "Hello, stranger\n".to_owned(),
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let verifier = match arguments.as_slice() {
        [] => verifier_of_throw_away_instance()?,
        [key, origin] => verifier_of_instance(key, origin)?,
        _ => return Err("usage: actix [<publishable key> <origin>]".into()),
    };
    let verifier = web::Data::new(verifier);
    let app = move || {
        App::new()
            .app_data(verifier.clone())
            .service(me)
            .service(hello)
    };
    let server = HttpServer::new(app).workers(1).bind(ADDRESS)?;
    println!("listening at http://{ADDRESS}/ and http://{ADDRESS}/me");
    Ok(server.run().await?)
}

fn verifier_of_instance(key: &str, origin: &str) -> Result<Verifier, Box<dyn Error>> {
    let key = PublishableKey::parse(key)?;
    let keys = Arc::new(RemoteKeys::spawn(&key.jwks_url())?);
    let verifier = Verifier::builder(keys)
        .issuers([key.issuer()])
        .authorized_parties([origin])
        .session_cookies(&key);
    Ok(verifier.build()?)
}

fn verifier_of_throw_away_instance() -> Result<Verifier, Box<dyn Error>> {
    let instance = mint::Issuer::generate()?;
    let keys = StaticKeys::from_jwks(&instance.jwks_json())?;
    let five_minutes = Duration::from_secs(300);
    let token = instance.session_token("user_example", ORIGIN, SystemTime::now(), five_minutes)?;
    println!("curl -H 'Authorization: Bearer {token}' http://{ADDRESS}/me");
    let verifier = Verifier::builder(Arc::new(keys))
        .issuers([instance.issuer()])
        .authorized_parties([ORIGIN]);
    Ok(verifier.build()?)
}
