//! What each client makes of an answer other than 200: after 401, 404 and 422 it stops, after 429 and 503 it comes back when
//! the answer says so, and misses nothing.

use std::time::Duration;

use serde_json::json;
use test_support::{RedisServer, TcpProxy};
use tokio::time::{Instant, sleep, timeout};

use crate::programs::{LIBRARIES, Program, long_token};
use crate::proxy::{Extras, Kind, Proxy};
use crate::servers::Server;
use crate::support::{ANN, Api, Job, token};
use crate::witness::{Seen, Witness};

/// Longer than anything that a client has to do here.
const PATIENCE: Duration = Duration::from_secs(120);

/// These do not tell their users the headers of an answer. The programs wait five seconds.
const WITHOUT_HEADERS: [&str; 2] = ["aiohttp-sse-client2", "event-source-anew"];

/// A client in front of a server, with a log of its own.
struct Case {
    client: &'static str,
    witness: Witness,
    job: Job,
    url: String,
    /// An `EventSource` sends no token: its proxy does.
    _proxy: Option<Proxy>,
}

impl Case {
    async fn new(client: &'static str, redis: &std::sync::Arc<RedisServer>, api: &Api) -> Self {
        let job = Job::new(redis).await;
        job.append_all(["1", "2", "3"]).await;
        let witness = Witness::start(api.addr).await;
        let token = long_token();
        let extras = Extras {
            token: Some(&token),
            page: None,
        };
        let proxy = match client {
            "event-source-anew" => {
                Some(Proxy::start(Kind::NginxKept, &[witness.addr], extras).await)
            }
            _ => None,
        };
        let addr = proxy.as_ref().map_or(witness.addr, |proxy| proxy.addr);
        Self {
            client,
            url: format!("http://{addr}{}/stream?from=start", job.path()),
            witness,
            job,
            _proxy: proxy,
        }
    }

    /// Waits until the client was refused.
    async fn refused(&self, status: u16) {
        let refused = async {
            while self.witness.seen().is_empty() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let refused = timeout(PATIENCE, refused).await;
        assert!(refused.is_ok(), "{} asks for nothing", self.client);
        assert_eq!(self.witness.seen()[0].status, status, "{}", self.client);
    }

    /// How long after an answer the client came back too early, if it did.
    fn too_early(&self) -> Option<String> {
        let seen = self.witness.seen();
        let early = |pair: &[Seen]| {
            let waited = pair[1].asked - pair[0].answered;
            let (asked, slack) = match pair[0].retry_after? {
                // A timer of node's begins when its loop last looked at the clock. On a busy machine that is a second ago.
                _ if WITHOUT_HEADERS.contains(&self.client) => (5_000, 2_000),
                asked => (asked.as_millis(), 50),
            };
            (waited.as_millis() + slack < asked)
                .then(|| format!("{waited:?} instead of {asked} ms"))
        };
        seen.windows(2).find_map(early)
    }
}

fn clients() -> impl Iterator<Item = &'static str> {
    LIBRARIES.into_iter().chain(["event-source-anew"])
}

/// Starts the clients, lets `mend` do what makes the answer 200, and checks that each came back and got everything.
async fn all_come_back(cases: Vec<Case>, status: u16, mend: impl AsyncFnOnce()) {
    let token = long_token();
    let mut running = Vec::new();
    for case in cases {
        let program = Program::follow(case.client, &case.url, &token);
        running.push((case, tokio::spawn(program.finish(PATIENCE))));
    }
    for (case, _) in &running {
        case.refused(status).await;
    }
    mend().await;
    for (case, _) in &running {
        case.job.set_status("ready").await;
    }
    println!("| client | answers | waited | lost |");
    let mut wrong = Vec::new();
    for (case, program) in running {
        let (seen, success) = program.await.unwrap();
        let lines = case.job.lines().await;
        let line = |line: &serde_json::Value| json!({"id": line["id"], "text": line["text"]});
        let mut expected: Vec<_> = lines.iter().map(line).collect();
        expected.push(json!({"done": "ready"}));
        let answers: Vec<_> = case.witness.seen().iter().map(|seen| seen.status).collect();
        let early = case.too_early();
        let lost = expected.iter().filter(|line| !seen.contains(line)).count();
        let waited = early.as_deref().unwrap_or("as asked");
        println!("| {} | {answers:?} | {waited} | {lost} |", case.client);
        if !success || seen != expected || early.is_some() || answers.last() != Some(&200) {
            wrong.push(case.client);
        }
    }
    assert_eq!(wrong, Vec::<&str>::new(), "see the table");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_client_comes_back_after_429_when_it_may() {
    let redis = RedisServer::shared().await;
    let settings = [("LOG_API_MAX_STREAMS_PER_JOB", "1")];
    let api = Api::start(&redis.url(), &settings).await;
    let (mut cases, mut holders) = (Vec::new(), Vec::new());
    for client in clients() {
        let case = Case::new(client, &redis, &api).await;
        // Somebody has the only place.
        holders.push(api.stream(&case.job, "").open().await);
        cases.push(case);
    }
    all_come_back(cases, 429, async || drop(holders)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_client_comes_back_after_503_when_it_may() {
    let redis = RedisServer::shared().await;
    let way = TcpProxy::start(redis.address()).await;
    let api = Api::start(&format!("redis://{}", way.address()), &[]).await;
    let mut cases = Vec::new();
    for client in clients() {
        cases.push(Case::new(client, &redis, &api).await);
    }
    way.refuse().await;
    all_come_back(cases, 503, async || way.mend().await).await;
}

#[tokio::test]
async fn every_client_stops_after_an_answer_that_is_final() {
    let redis = RedisServer::shared().await;
    let server = Server::start(&redis).await;
    let foreign = Job::owned_by(&redis, "user_bob").await;
    let job = Job::new(&redis).await;
    let url =
        |job: &Job, query: &str| format!("http://{}{}/stream{query}", server.addr, job.path());
    for (case, url, token) in [
        ("401", url(&job, ""), "x.y.z".to_owned()),
        ("404", url(&foreign, ""), token(ANN)),
        ("422", url(&job, "?from=end"), token(ANN)),
    ] {
        for library in LIBRARIES {
            let begun = Instant::now();
            let (seen, success) = Program::follow(library, &url, &token)
                .finish(Duration::from_secs(60))
                .await;
            assert_eq!((seen, success), (vec![], false), "{library}: {case}");
            println!("{library}: {case}: stopped after {:?}", begun.elapsed());
        }
    }
    // An `EventSource` asks for the job's status, to learn why.
    for (token, job) in [("x.y.z", &job), (&*long_token(), &foreign)] {
        let extras = Extras {
            token: Some(token),
            page: None,
        };
        let proxy = Proxy::start(Kind::NginxKept, &[server.addr], extras).await;
        let url = format!("http://{}{}/stream?from=start", proxy.addr, job.path());
        let program = Program::follow("event-source-anew", &url, "");
        let (seen, success) = program.finish(Duration::from_secs(60)).await;
        assert_eq!((seen, success), (vec![], false));
    }
}
