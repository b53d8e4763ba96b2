//! The service over the wire, as a browser and a stranger see it.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use auth::mint::Issuer;
use auth::{StaticKeys, Verifier};
use axum_service::{Builds, Service, router};
use log_domain::{EntryId, JobId, JobStatus, Source, UserId};
use log_hub::{Hub, HubOptions};
use log_store::{LogAppend as _, MemoryStore, NewLine};
use reqwest::{RequestBuilder, Response};
use tokio::net::TcpListener;
use tokio::time::timeout;

const ORIGIN: &str = "https://app.example.com";
const ANN: &str = "user_ann";
const PATIENCE: Duration = Duration::from_secs(20);

static ISSUER: LazyLock<Issuer> = LazyLock::new(|| Issuer::generate().unwrap());

struct Api {
    address: String,
    lines: MemoryStore,
    builds: Builds,
    hub: Hub,
    job: JobId,
}

impl Api {
    /// A service on a port of its own, with a build of Ann's.
    async fn start() -> Self {
        let keys = StaticKeys::from_jwks(&ISSUER.jwks_json()).unwrap();
        let verifier = Verifier::builder(Arc::new(keys))
            .issuers([ISSUER.issuer()])
            .authorized_parties([ORIGIN])
            .build()
            .unwrap();
        let (lines, builds) = (MemoryStore::new(), Builds::new());
        let options = HubOptions::default();
        let hub = Hub::new(Arc::new(lines.clone()), Arc::new(builds.clone()), options).unwrap();
        let job: JobId = "build-1".parse().unwrap();
        builds.begin(job.clone(), UserId::new(ANN).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let service = Service {
            verifier: Arc::new(verifier),
            builds: builds.clone(),
            hub: hub.clone(),
        };
        tokio::spawn(async move { axum::serve(listener, router(service)).await });
        Self {
            address,
            lines,
            builds,
            hub,
            job,
        }
    }

    async fn write(&self, source: Source, text: &str) -> EntryId {
        let line = NewLine::new(text).source(source);
        self.lines.append(&self.job, &[line]).await.unwrap()[0]
    }

    fn get(&self, target: &str) -> RequestBuilder {
        reqwest::Client::new().get(format!("{}{target}", self.address))
    }

    async fn ask(&self, user: &str, target: &str) -> Response {
        let request = self.get(target).bearer_auth(token(user));
        timeout(PATIENCE, request.send()).await.unwrap().unwrap()
    }
}

fn token(user: &str) -> String {
    let life = Duration::from_secs(60);
    ISSUER
        .session_token(user, ORIGIN, SystemTime::now(), life)
        .unwrap()
}

/// What comes until this is in it.
async fn until(response: &mut Response, part: &str) -> String {
    let mut text = String::new();
    while !text.contains(part) {
        let chunk = timeout(PATIENCE, response.chunk()).await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
    }
    text
}

/// What comes until the body ends, and whether it was broken off.
async fn rest(mut response: Response) -> (String, bool) {
    let mut text = String::new();
    loop {
        match timeout(PATIENCE, response.chunk()).await.unwrap() {
            Ok(Some(chunk)) => text.push_str(std::str::from_utf8(&chunk).unwrap()),
            Ok(None) => return (text, false),
            Err(_) => return (text, true),
        }
    }
}

#[tokio::test]
async fn only_the_owner_of_a_build_reads_its_log() {
    let api = Api::start().await;
    for route in ["log", "errors"] {
        let target = format!("/builds/build-1/{route}");
        let nobody = api.get(&target).send().await.unwrap();
        assert_eq!(nobody.status(), 401);
        assert!(nobody.headers().contains_key("www-authenticate"));
        assert_eq!(api.ask(ANN, &target).await.status(), 200);
        let foreign = api.ask("user_bob", &target).await;
        let absent = api.ask(ANN, &format!("/builds/build-2/{route}")).await;
        assert_eq!(
            (foreign.status(), absent.status()),
            (404.try_into().unwrap(), 404.try_into().unwrap())
        );
        assert_eq!(foreign.text().await.unwrap(), absent.text().await.unwrap());
        // Only who is known learns what is wrong with a request.
        let nobody = api
            .get(&format!("/builds/%20/{route}"))
            .send()
            .await
            .unwrap();
        assert_eq!(nobody.status(), 401);
        assert_eq!(
            api.ask(ANN, &format!("/builds/%20/{route}")).await.status(),
            422
        );
    }
}

#[tokio::test]
async fn a_stream_begins_with_a_cursor_has_every_line_and_ends_after_done() {
    let api = Api::start().await;
    let first = api.write(Source::Stdout, "before").await;
    let mut stream = api.ask(ANN, "/builds/build-1/log?from=start").await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let begin = until(&mut stream, "before").await;
    assert!(begin.starts_with("event: heartbeat\nid: 0-0\n"), "{begin}");
    assert!(
        begin.contains(&format!("event: log\nid: {first}\n")),
        "{begin}"
    );
    api.write(Source::Stdout, "live").await;
    until(&mut stream, "live").await;
    api.builds.set_status(&api.job, JobStatus::READY);
    let last = api.write(Source::Stderr, "after the status").await;
    let (end, is_broken) = rest(stream).await;
    assert!(end.contains("after the status"), "{end}");
    assert!(
        end.ends_with(&format!(
            "event: done\nid: {last}\ndata: {{\"status\":\"ready\"}}\n\n"
        )),
        "{end}"
    );
    assert!(!is_broken, "it has ended cleanly");
}

#[tokio::test]
async fn an_event_source_that_comes_back_after_done_is_stopped() {
    let api = Api::start().await;
    let first = api.write(Source::Stdout, "first line").await;
    let last = api.write(Source::Stdout, "second line").await;
    api.builds.set_status(&api.job, JobStatus::FAILED);
    let back = async |cursor: EntryId| {
        let request = api.get("/builds/build-1/log").bearer_auth(token(ANN));
        let request = request.header("Last-Event-ID", cursor.to_string());
        request.send().await.unwrap()
    };
    assert_eq!(back(last).await.status(), 204);
    let lacks_one = back(first).await;
    assert_eq!(lacks_one.status(), 200);
    let (text, _) = rest(lacks_one).await;
    assert!(
        text.contains("second") && !text.contains("first") && text.contains("failed"),
        "{text}"
    );
    // Who asks for a cursor learns how the job has ended.
    let asked = api
        .ask(ANN, &format!("/builds/build-1/log?after_id={last}"))
        .await;
    let (text, _) = rest(asked).await;
    assert!(text.contains("event: done"), "{text}");
}

#[tokio::test]
async fn a_drain_breaks_streams_off_and_tells_clients_when_to_come_back() {
    let api = Api::start().await;
    let cursor = api.write(Source::Stdout, "seen").await;
    let mut stream = api.ask(ANN, "/builds/build-1/log?from=start").await;
    let mut errors = api.ask(ANN, "/builds/build-1/errors").await;
    until(&mut stream, "seen").await;
    api.write(Source::Stderr, "bad").await;
    until(&mut errors, "bad").await;
    api.hub.drain(Duration::from_millis(100)).await;
    let (text, is_broken) = rest(stream).await;
    assert!(
        is_broken,
        "a clean end would look like the end of the log: {text}"
    );
    assert!(
        text.contains("retry: ") && !text.contains("event: done"),
        "{text}"
    );
    assert!(!text.contains(&format!("id: {cursor}\n")), "{text}");
    assert!(rest(errors).await.1);
}

#[tokio::test]
async fn events_become_what_the_service_makes_of_them() {
    let api = Api::start().await;
    api.write(Source::Stdout, "fine").await;
    api.write(Source::Stderr, "bad \u{2028} \"one\"").await;
    api.builds.set_status(&api.job, JobStatus::FAILED);
    let (text, is_broken) = rest(api.ask(ANN, "/builds/build-1/errors").await).await;
    assert_eq!(
        (text.as_str(), is_broken),
        ("bad \u{2028} \"one\"\n", false)
    );
}
