//! `joblog` with the real API, also when connections break.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use auth::mint::Issuer;
use auth::{StaticKeys, Verifier};
use log_api::app::Application;
use log_api::config::Settings;
use log_api::{
    AppState, KeyDigest, KeyEntry, KeyRing, Metrics, Scope, StoreGauges, Stores, TokenSigner,
    WriteGate, WriteOptions, WriteStores, Writes, generate_key,
};
use log_store::redis::{RedisOptions, RedisStore};
use test_support::{HttpClient, TcpProxy};
use tokio::process::Command;
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::support::{ANN, Job, counting, end_of, ended, first_line, joblog, numbered, says};

const ORIGIN: &str = "https://app.example.com";

static ISSUER: LazyLock<Issuer> = LazyLock::new(|| Issuer::for_tests().unwrap());

/// A key of the service.
static KEY: LazyLock<String> = LazyLock::new(|| generate_key().unwrap());

fn token(user: &str) -> String {
    let lifetime = Duration::from_secs(60);
    ISSUER
        .session_token(user, ORIGIN, SystemTime::now(), lifetime)
        .unwrap()
}

/// The running service with a Redis, behind a proxy.
struct Api {
    proxy: TcpProxy,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

impl Api {
    async fn on(job: &Job) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (address, addresses) = mpsc::channel();
        let redis = job.redis.url();
        let server = std::thread::spawn(move || serve(&redis, &address, stopped));
        Self {
            proxy: TcpProxy::start(addresses.recv().unwrap()).await,
            stop: Some(stop),
            server: Some(server),
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.proxy.address())
    }

    /// `joblog` with only the API and Ann's token in its environment.
    fn joblog(&self, arguments: &[&str]) -> Command {
        let mut command = joblog(arguments);
        command
            .env("JOBLOG_URL", self.url())
            .env("JOBLOG_TOKEN", token(ANN));
        command
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

fn serve(redis: &str, address: &mpsc::Sender<SocketAddr>, stop: oneshot::Receiver<()>) {
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
        let store = Arc::new(RedisStore::new(RedisOptions::new(redis)).unwrap());
        let mut state = AppState::new(Arc::new(verifier), Stores::one(store.clone())).unwrap();
        state.writes = Some(Arc::new(writes(store)));
        state.viewer.enabled = true;
        let metrics = Metrics::new(state.clone(), StoreGauges::default);
        let app = Application::bind(state, settings, metrics).unwrap();
        address.send(app.addr()).unwrap();
        let stop = async {
            let _ = stop.await;
        };
        app.run(stop).await.unwrap();
    });
}

/// Takes lines from whoever has [`KEY`].
fn writes(store: Arc<RedisStore>) -> Writes {
    let key = KeyEntry {
        name: "test".into(),
        scopes: Scope::ALL.to_vec(),
        digest: KeyDigest::from_key(&KEY).unwrap(),
        prefix: None,
        expires: None,
    };
    let tokens = TokenSigner::new(&["0123456789abcdef0123456789abcdef"]).unwrap();
    let gate = WriteGate::new(Arc::new(KeyRing::new([key])), tokens);
    let stores = WriteStores {
        jobs: store.clone(),
        lines: store,
    };
    let mut writes = Writes::new(Arc::new(gate), stores, WriteOptions::default());
    // As `log-api serve --dev` does it for all jobs.
    writes.on_created(|job| {
        let job = job.as_str();
        job.starts_with("dev-")
            .then(|| format!("/jobs/{job}#code=abc"))
    });
    writes
}

/// `joblog` with only the API and a credential in its environment.
fn worker(api: &Api, credential: &str, arguments: &[&str]) -> Command {
    let mut command = joblog(arguments);
    command
        .env("JOBLOG_URL", api.url())
        .env("JOBLOG_KEY", credential)
        .env("JOBLOG_USER", ANN);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_redis_writes_each_line_once_while_connections_break() {
    let job = Job::new().await;
    let api = Api::on(&job).await;
    let script = counting(2000, 50, "0.05");
    let arguments = ["run", "--job", &job.id, "--", "sh", "-c", &script];
    let run = worker(&api, &KEY, &arguments).spawn().unwrap();
    let breaks = async {
        for _ in 0..6 {
            sleep(Duration::from_millis(300)).await;
            api.proxy.drop_connections().await;
        }
    };
    let (run, ()) = tokio::join!(end_of(run), breaks);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.err.contains(&format!("/jobs/{}", job.id)),
        "{}",
        run.err
    );
    let mut expected = vec!["Running sh".to_owned()];
    expected.extend(numbered(0..2000));
    let cat = ended(api.joblog(&["cat", &job.id])).await;
    assert_eq!(cat.lines(), expected);
    let status = ended(api.joblog(&["status", &job.id])).await;
    assert_eq!(status.text(), "ready\n", "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_created_for_a_worker_that_has_its_append_token_alone() {
    let job = Job::new().await;
    let api = Api::on(&job).await;
    let created = ended(worker(&api, &KEY, &["create", &job.id])).await;
    assert_eq!(created.code, Some(0), "{created:?}");
    let token = created.text().trim().to_owned();
    assert!(token.starts_with("jlt_"), "{token}");
    let arguments = [
        "run",
        "--job",
        &job.id,
        "--",
        "sh",
        "-c",
        "echo out; echo err >&2; exit 3",
    ];
    let run = ended(worker(&api, &token, &arguments)).await;
    assert_eq!(run.code, Some(3), "{run:?}");
    let cat = ended(api.joblog(&["cat", &job.id])).await;
    let mut lines = cat.lines();
    lines.sort();
    assert_eq!(
        lines,
        [
            "Running sh",
            "The command ended with exit code 3",
            "err",
            "out"
        ]
    );
    let again = ended(worker(&api, &token, &arguments)).await;
    assert_eq!(again.code, Some(125), "the job has ended: {again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_through_the_api_prints_an_address_that_opens_the_log() {
    let job = Job::new().await;
    let api = Api::on(&job).await;
    let dev = format!("dev-{}", job.id);
    let visitor = HttpClient::new(api.proxy.address());
    for (job, path) in [
        (&job.id, format!("/jobs/{}", job.id)),
        (&dev, format!("/jobs/{dev}#code=abc")),
    ] {
        let run = ended(worker(&api, &KEY, &["run", "--job", job, "--", "true"])).await;
        let line = format!("the log: {}{path}\n", api.url());
        assert!(run.err.contains(&line), "{run:?}");
        let page = path.split('#').next().unwrap();
        assert_eq!(visitor.get(page).send().await.status, 200, "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_a_credential_or_with_a_wrong_one_does_not_start_its_command() {
    let job = Job::new().await;
    let api = Api::on(&job).await;
    let arguments = ["run", "--job", &job.id, "--", "sh", "-c", "echo started"];
    for credential in ["", "jlk_wrong", "nonsense"] {
        let run = ended(worker(&api, credential, &arguments)).await;
        assert_eq!((run.code, run.text().as_str()), (Some(125), ""), "{run:?}");
        assert!(!run.err.contains("jlk_wrong"), "{}", run.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tail_through_the_api_prints_every_line_once_while_connections_break() {
    let job = Job::with_status("queued").await;
    let api = Api::on(&job).await;
    let tail = api.joblog(&["tail", &job.id, "--from", "start"]);
    let tail = { tail }.spawn().unwrap();
    let run = job.run(&[], &counting(2000, 50, "0.05")).spawn().unwrap();
    let breaks = async {
        for _ in 0..4 {
            sleep(Duration::from_millis(400)).await;
            api.proxy.drop_connections().await;
        }
    };
    let (tail, run, ()) = tokio::join!(end_of(tail), end_of(run), breaks);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(tail.code, Some(0), "{}", tail.err);
    let mut expected = vec!["Running sh".to_owned()];
    expected.extend(numbered(0..2000));
    assert_eq!(tail.lines(), expected);
    let cat = ended(api.joblog(&["cat", &job.id])).await;
    assert_eq!(cat.lines(), expected);
    let json = ended(api.joblog(&["cat", &job.id, "--json"])).await;
    assert_eq!(json.lines().len(), expected.len());
    assert!(json.text().contains(r#""source":"stdout","text":"line 7""#));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_and_the_status_say_how_the_job_ended() {
    let job = Job::with_status("code").await;
    job.append("*", "stdout", "one").await;
    let api = Api::on(&job).await;
    let status = ended(api.joblog(&["status", &job.id])).await;
    assert_eq!(status.text(), "code\n", "{status:?}");
    let mut tail = api
        .joblog(&["tail", &job.id, "--since", "10m"])
        .spawn()
        .unwrap();
    assert_eq!(first_line(&mut tail).await, "one");
    job.set_status("failed").await;
    assert_eq!(end_of(tail).await.code, Some(1));
    let status = ended(api.joblog(&["status", &job.id])).await;
    assert_eq!(status.text(), "failed\n");
    // After the last line there is only the end.
    let late = ended(api.joblog(&["tail", &job.id, "--since", "1s"])).await;
    assert_eq!(late.code, Some(1), "{late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_not_read_gets_an_error_without_the_token() {
    let job = Job::with_status("code").await;
    let api = Api::on(&job).await;
    let url = api.url();
    let with = |token: Option<String>| {
        let mut command = joblog(&["tail", &job.id, "--url", &url]);
        command.envs(token.map(|token| ("JOBLOG_TOKEN", token)));
        command
    };
    let none = ended(with(None)).await;
    assert_eq!(none.code, Some(4), "{none:?}");
    assert!(none.err.contains("JOBLOG_TOKEN"), "{none:?}");
    let nonsense = ended(with(Some("hunter22".into()))).await;
    assert_eq!(nonsense.code, Some(4), "{nonsense:?}");
    assert!(!nonsense.err.contains("hunter22"), "{nonsense:?}");
    let foreign = ended(with(Some(token("user_bob")))).await;
    assert_eq!(foreign.code, Some(3), "{foreign:?}");
    assert!(foreign.err.contains("Job not found"), "{foreign:?}");
    let create = ended(api.joblog(&["create", &job.id, "--user", ANN])).await;
    // A reader's token does not create jobs.
    assert_eq!(create.code, Some(4), "{create:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_command_runs_before_each_connection() {
    let job = Job::with_status("code").await;
    job.append("*", "stdout", "one").await;
    let api = Api::on(&job).await;
    let folder = tempfile::tempdir().unwrap();
    let asked = folder.path().join("asked");
    let script = format!("echo x >> {}; echo $MINTED", asked.display());
    let url = api.url();
    let arguments = ["tail", &job.id, "--from", "start", "--url", &url];
    let mut command = joblog(&arguments);
    command
        .args(["--token-command", &script])
        .env("MINTED", token(ANN));
    let mut tail = command.spawn().unwrap();
    assert_eq!(first_line(&mut tail).await, "one");
    api.proxy.drop_connections().await;
    job.append("*", "stdout", "two").await;
    assert_eq!(first_line(&mut tail).await, "two");
    job.set_status("ready").await;
    assert_eq!(end_of(tail).await.code, Some(0));
    let asked = std::fs::read_to_string(&asked).unwrap();
    assert!(asked.lines().count() >= 2, "{asked}");

    let mut command = joblog(&arguments);
    command.args(["--token-command", "echo no >&2; exit 9"]);
    let broken = ended(command).await;
    assert_eq!(broken.code, Some(4), "{broken:?}");
    assert!(broken.err.contains("exit status: 9"), "{broken:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_api_is_reported_and_waited_for_until_joblog_gives_up() {
    let job = Job::with_status("code").await;
    let api = Api::on(&job).await;
    let mut tail = api.joblog(&["tail", &job.id, "--from", "start"]);
    let mut tail = tail.spawn().unwrap();
    job.append("*", "stdout", "one").await;
    assert_eq!(first_line(&mut tail).await, "one");
    api.proxy.refuse().await;
    says(&mut tail, "refused").await;
    job.append("*", "stdout", "two").await;
    api.proxy.mend().await;
    assert_eq!(first_line(&mut tail).await, "two");
    api.proxy.refuse().await;
    tail.kill().await.unwrap();
    let give_up = |command: &str| {
        let arguments = [command, job.id.as_str(), "--give-up-after", "2"];
        ended(api.joblog(&arguments))
    };
    let (tail, cat) = tokio::join!(give_up("tail"), give_up("cat"));
    for away in [tail, cat] {
        assert_eq!(away.code, Some(5), "{away:?}");
        assert!(away.err.contains("gave up"), "{away:?}");
    }
}

#[tokio::test]
async fn tail_through_the_api_begins_with_the_last_lines_on_request() {
    let job = Job::with_status("ready").await;
    for n in 1..=1_100 {
        job.append(&format!("{n}-0"), "stdout", &n.to_string())
            .await;
    }
    let api = Api::on(&job).await;
    for (lines, first) in [("3", 1_098), ("1050", 51), ("1100", 1), ("5000", 1)] {
        let expected: Vec<String> = (first..=1_100).map(|n: i32| n.to_string()).collect();
        let ended = ended(api.joblog(&["tail", &job.id, "-n", lines])).await;
        assert_eq!(ended.lines(), expected, "{lines} {}", ended.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_through_the_api_has_the_options_of_a_run_on_redis() {
    let job = Job::new().await;
    let api = Api::on(&job).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secrets");
    std::fs::write(&file, "from-a-file-9x\n").unwrap();
    let script = r"printf '\033[31mred\033[0m\n'; echo from-a-file-9x >&2; echo $MY_WORD; printf 'open'; sleep 3; echo ' and done'";
    let arguments = [
        "run",
        "--job",
        &job.id,
        "--keep-colors",
        "--merge",
        "--progress",
        "every=1s",
        "--phase",
        "install",
        "--secret-env",
        "MY_WORD",
        "--secret-file",
        file.to_str().unwrap(),
        "--",
        "sh",
        "-c",
        script,
    ];
    let mut run = worker(&api, &KEY, &arguments);
    run.env("MY_WORD", "from-a-variable-9x");
    let run = ended(run).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.text().contains("from-a-file-9x"),
        "both outputs are one"
    );
    let line = |source: &str, text: &str| (source.to_owned(), text.to_owned());
    let expected = [
        line("system", "Running sh"),
        line("stdout", "\u{1b}[31mred\u{1b}[0m"),
        line("stdout", "[REDACTED]"),
        line("stdout", "[REDACTED]"),
        line("stdout", "open"),
        line("stdout", "open and done"),
    ];
    assert_eq!(job.log().await, expected);
    let mut phases = job.field("phase").await;
    phases.dedup();
    assert_eq!(phases, ["install"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_reaches_the_whole_build_of_a_run_through_the_api() {
    let job = Job::new().await;
    let api = Api::on(&job).await;
    let script = "trap '' TERM; sh -c 'trap \"\" TERM; while :; do sleep 0.1; done' & echo ready; while :; do sleep 0.1; done";
    let arguments = [
        "run",
        "--job",
        &job.id,
        "--kill-after",
        "1s",
        "--",
        "sh",
        "-c",
        script,
    ];
    let mut run = worker(&api, &KEY, &arguments).spawn().unwrap();
    assert_eq!(first_line(&mut run).await, "ready");
    let pid = run.id().unwrap().to_string();
    assert!(ended_ok("kill", &["-TERM", &pid]).await);
    let run = end_of(run).await;
    assert_eq!(run.code, Some(137), "{run:?}");
    assert!(run.err.contains("killing the command"), "{run:?}");
    assert_eq!(job.status().await, "failed");
    let log = job.log().await;
    assert_eq!(log.last().unwrap().1, "The command ended with signal 9");
}

async fn ended_ok(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program).args(arguments).status().await;
    status.unwrap().success()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_through_the_api_writes_a_phase_that_front_ends_know() {
    for (status, phase) in [("queued", "code"), ("deps", "install")] {
        let job = Job::with_status(status).await;
        let api = Api::on(&job).await;
        let arguments = ["run", "--job", &job.id, "--", "echo", "hi"];
        let run = ended(worker(&api, &KEY, &arguments)).await;
        assert_eq!(run.code, Some(0), "{run:?}");
        assert_eq!(job.field("phase").await.last().unwrap(), phase, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_api_did_not_take_is_told_at_the_end() {
    let job = Job::new().await;
    let api = Api::on(&job).await;
    let arguments = [
        "run",
        "--job",
        &job.id,
        "--give-up-after",
        "3s",
        "--",
        "sh",
        "-c",
        "echo started; read go; seq 50",
    ];
    let mut command = worker(&api, &KEY, &arguments);
    command.stdin(std::process::Stdio::piped());
    let mut run = command.spawn().unwrap();
    assert_eq!(first_line(&mut run).await, "started");
    sleep(Duration::from_secs(1)).await;
    api.proxy.refuse().await;
    drop(run.stdin.take());
    let run = end_of(run).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.err
            .contains("the log lacks 50 lines, which the API did not take"),
        "{run:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tail_of_a_queued_job_through_the_api_says_that_it_waits() {
    let job = Job::with_status("queued").await;
    let api = Api::on(&job).await;
    let mut tail = api
        .joblog(&["tail", &job.id, "--from", "start"])
        .spawn()
        .unwrap();
    says(
        &mut tail,
        "the job is queued: it has not begun yet, and tail waits for it",
    )
    .await;
    job.append("*", "stdout", "at last").await;
    job.set_status("ready").await;
    let tail = end_of(tail).await;
    assert_eq!(
        (tail.code, tail.lines()),
        (Some(0), vec!["at last".to_owned()])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_through_the_api_is_told_with_its_times() {
    let job = Job::with_status("ready").await;
    for second in 0..5 {
        let id = format!("{}-0", 1_767_261_600_000_u64 + second * 1000);
        job.append(&id, "stdout", &id).await;
    }
    let logs = format!("{}:logs", job.key());
    job.command(&["XTRIM", &logs, "MAXLEN", "2"]).await;
    let api = Api::on(&job).await;
    let ended = ended(api.joblog(&["tail", &job.id, "--from", "start"])).await;
    assert_eq!(ended.lines().len(), 2, "{ended:?}");
    let told = "everything before 2026-01-01T10:00:03Z (1767261603000-0)";
    assert!(ended.err.contains(told), "{ended:?}");
}
