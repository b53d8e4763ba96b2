//! The API over a store in memory, behind a proxy that breaks connections on command.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use auth::mint::Issuer;
use auth::{StaticKeys, Verifier};
use log_api::app::Application;
use log_api::config::Settings;
use log_api::{AppState, Metrics, StoreGauges, Stores};
use log_client::{Client, ClientBuilder, ClientError, ClientOptions, Event, Follow, TokenSource};
use log_domain::{EntryId, JobId, JobStatus, UserId};
use log_hub::HubOptions;
use log_store::{JobWrites as _, LogAppend as _, MemoryStore, NewJob, NewLine, Transition};
use test_support::TcpProxy;
use tokio::sync::oneshot;
use tokio::time::timeout;

const ORIGIN: &str = "https://app.example.com";
pub(crate) const ANN: &str = "user_ann";

/// Longer than any wait of these tests takes on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(20);

static ISSUER: LazyLock<Issuer> = LazyLock::new(|| Issuer::for_tests().unwrap());

pub(crate) fn token(user: &str) -> String {
    let lifetime = Duration::from_secs(60);
    ISSUER
        .session_token(user, ORIGIN, SystemTime::now(), lifetime)
        .unwrap()
}

pub(crate) fn job() -> JobId {
    "build-1".parse().unwrap()
}

/// The running service, with one job that belongs to Ann.
pub(crate) struct Api {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) proxy: TcpProxy,
    /// How many tokens the client has asked for.
    pub(crate) tokens: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

impl Api {
    pub(crate) async fn start() -> Self {
        let store = Arc::new(MemoryStore::new());
        let new = NewJob::new(UserId::new(ANN).unwrap(), SystemTime::now());
        store.create(&job(), &new).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        let (address, addresses) = mpsc::channel();
        let served = Arc::clone(&store);
        // The service has a thread and a runtime of its own, because it is another process in production.
        let server = std::thread::spawn(move || serve(served, &address, stopped));
        let address = addresses.recv().unwrap();
        Self {
            store,
            proxy: TcpProxy::start(address).await,
            tokens: Arc::default(),
            stop: Some(stop),
            server: Some(server),
        }
    }

    /// A client with Ann's token that connects through the proxy and retries after a short pause.
    pub(crate) fn builder(&self) -> ClientBuilder {
        let tokens = Arc::clone(&self.tokens);
        let source = TokenSource::fresh(move || {
            tokens.fetch_add(1, Ordering::Relaxed);
            async { Ok::<_, std::io::Error>(token(ANN)) }
        });
        let options = ClientOptions::default()
            .initial_backoff(Duration::from_millis(20))
            .max_backoff(Duration::from_millis(100));
        Client::builder(format!("http://{}", self.proxy.address()))
            .token(source)
            .options(options)
    }

    pub(crate) fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    /// Appends lines whose text is their number.
    pub(crate) async fn append(&self, numbers: std::ops::Range<usize>) -> EntryId {
        append(&self.store, numbers).await
    }

    pub(crate) async fn end(&self, status: JobStatus) {
        let chain = [
            JobStatus::STARTING,
            JobStatus::SCAFFOLD,
            JobStatus::CODE,
            JobStatus::DEPS,
            JobStatus::CHECKS,
        ];
        let steps = chain.into_iter().filter(|_| status == JobStatus::READY);
        for to in steps.chain([status.clone()]) {
            let step = Transition {
                to,
                message: String::new(),
                at: SystemTime::now(),
            };
            self.store.transition(&job(), &step).await.unwrap();
        }
    }

    /// Tells the service to stop, as a deployment does.
    pub(crate) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(server) = self.server.take() {
            let ended = server.join();
            assert!(ended.is_ok() || std::thread::panicking());
        }
    }
}

fn serve(store: Arc<MemoryStore>, address: &mpsc::Sender<SocketAddr>, stop: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let env = HashMap::from([
            ("LOG_API_BIND", "127.0.0.1:0"),
            ("LOG_API_WORKERS", "1"),
            ("LOG_API_DRAIN_DELAY_SECS", "0"),
            ("LOG_API_SHUTDOWN_SECS", "2"),
            ("CLERK_PUBLISHABLE_KEY", "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k"),
            ("CLERK_AUTHORIZED_PARTIES", ORIGIN),
        ]);
        let settings = Settings::read(&env, None).unwrap().server;
        let keys = StaticKeys::from_jwks(&ISSUER.jwks_json()).unwrap();
        let verifier = Verifier::builder(Arc::new(keys))
            .issuers([ISSUER.issuer()])
            .authorized_parties([ORIGIN])
            .build()
            .unwrap();
        let hub = HubOptions::default()
            .heartbeat(Duration::from_millis(200))
            .end_quiet(Duration::from_millis(50));
        let state = AppState::builder(Arc::new(verifier), Stores::one(store))
            .hub(hub)
            .build()
            .unwrap();
        let metrics = Metrics::new(state.clone(), StoreGauges::default);
        let app = Application::bind(state, settings, metrics).unwrap();
        address.send(app.addr()).unwrap();
        let stop = async {
            let _ = stop.await;
        };
        app.run(stop).await.unwrap();
    });
}

pub(crate) async fn append(store: &MemoryStore, numbers: std::ops::Range<usize>) -> EntryId {
    let line = |n: usize| NewLine {
        text: Some(n.to_string()),
        ..NewLine::default()
    };
    let lines: Vec<_> = numbers.map(line).collect();
    *store.append(&job(), &lines).await.unwrap().last().unwrap()
}

/// The next event, without heartbeats.
pub(crate) async fn next(log: &mut Follow) -> Option<Event> {
    try_next(log).await.expect("no final error")
}

pub(crate) async fn try_next(log: &mut Follow) -> Result<Option<Event>, ClientError> {
    loop {
        let event = timeout(SOON, log.next()).await.expect("an event comes");
        if !matches!(event, Ok(Some(Event::Heartbeat))) {
            return event;
        }
    }
}

/// The numbers of the next `count` lines. Skips other events.
pub(crate) async fn lines(log: &mut Follow, count: usize) -> Vec<usize> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        match next(log).await.expect("the log goes on") {
            Event::Line(line) => numbers.push(line.text.unwrap().parse().unwrap()),
            Event::Gap { .. } => panic!("there is no gap"),
            Event::Done(ending) => panic!("{ending} after {numbers:?}"),
            _ => {}
        }
    }
    numbers
}

/// Skips events until the stream is open.
pub(crate) async fn connected(log: &mut Follow) {
    while !matches!(next(log).await, Some(Event::Connected)) {}
}
