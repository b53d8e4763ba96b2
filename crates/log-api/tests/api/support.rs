//! The server under test and the producer that feeds it.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, LazyLock, Weak, mpsc};
use std::time::{Duration, SystemTime};

use auth::mint::Issuer;
use parking_lot::Mutex;
use test_support::{Answer, HttpClient, RedisServer, Request};

/// The front end that the tokens of tests are issued for.
pub(crate) const ORIGIN: &str = "https://app.example.com";

/// The user that owns the jobs of tests, unless a test says otherwise.
pub(crate) const ANN: &str = "user_ann";

/// The Clerk instance of the tests.
pub(crate) static ISSUER: LazyLock<Issuer> = LazyLock::new(|| Issuer::for_tests().unwrap());

/// A fresh session token.
pub(crate) fn token(user: &str) -> String {
    ISSUER
        .session_token(user, ORIGIN, SystemTime::now(), Duration::from_secs(60))
        .unwrap()
}

/// The Redis and the server that tests share. Use jobs of your own.
pub(crate) async fn shared() -> (Arc<RedisServer>, Arc<Api>) {
    let redis = RedisServer::shared().await;
    let api = Api::shared(&redis).await;
    (redis, api)
}

/// The environment of a server under test.
pub(crate) fn environment(redis_url: &str) -> Vec<(&'static str, String)> {
    vec![
        ("LOG_API_BIND", "127.0.0.1:0".into()),
        ("REDIS_URL", redis_url.into()),
        ("CLERK_PUBLISHABLE_KEY", ISSUER.publishable_key()),
        ("CLERK_JWT_KEY", ISSUER.public_pem().unwrap()),
        ("CLERK_AUTHORIZED_PARTIES", ORIGIN.into()),
        ("LOG_API_DRAIN_DELAY_SECS", "0".into()),
        ("LOG_API_LOG_FORMAT", "json".into()),
        ("LOG_API_LOG", "info,log_api=debug".into()),
    ]
}

/// A run of the binary that has ended by itself.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the binary with this environment and nothing else, and waits for its end.
pub(crate) async fn run(arguments: &[&str], env: &[(&str, &str)]) -> Ended {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_log-api"));
    command
        .args(arguments)
        .env_clear()
        .envs(env.iter().copied());
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(20), command.output()).await;
    let output = output
        .expect("the command ends by itself")
        .expect("the command runs");
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs `serve` with settings that it must refuse, and returns its error output.
pub(crate) async fn refuses_to_start(redis_url: &str, settings: &[(&str, &str)]) -> String {
    let defaults = environment(redis_url);
    let defaults = defaults.iter().map(|(key, value)| (*key, value.as_str()));
    let env: Vec<_> = defaults.chain(settings.iter().copied()).collect();
    let ended = run(&["serve"], &env).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.out, "", "errors go to standard error");
    ended.err
}

/// A running `log-api serve` of its own. Killed on drop.
pub(crate) struct Api {
    child: Child,
    pub(crate) addr: SocketAddr,
    pub(crate) metrics: Option<SocketAddr>,
    redis_url: String,
    /// Everything the server has written to its log so far.
    log: Arc<Mutex<String>>,
}

impl Api {
    /// A server on this Redis, with defaults.
    pub(crate) async fn on(redis: &RedisServer) -> Self {
        Self::start(&redis.url(), &[]).await
    }

    /// A server with further settings, which override the defaults of tests.
    pub(crate) async fn start(redis_url: &str, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_log-api"));
        command
            .arg("serve")
            .env_clear()
            .envs(environment(redis_url))
            .envs(settings.iter().copied());
        Self::spawn(command, redis_url).await
    }

    /// A server on a local folder, without Redis.
    pub(crate) async fn start_embedded(dir: &Path, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_log-api"));
        command
            .args(["serve", "--store", "embedded", "--data"])
            .arg(dir)
            .env_clear()
            .envs(environment("redis://127.0.0.1:1"))
            .envs(settings.iter().copied());
        Self::spawn(command, "").await
    }

    /// A server on a local folder, started by another program.
    #[allow(dead_code, reason = "a suite with file systems of its own uses it")]
    pub(crate) async fn start_embedded_in(
        mut wrapper: Command,
        dir: &Path,
        settings: &[(&str, &str)],
    ) -> Self {
        wrapper
            .arg(env!("CARGO_BIN_EXE_log-api"))
            .args(["serve", "--store", "embedded", "--data"])
            .arg(dir)
            .envs(environment("redis://127.0.0.1:1"))
            .envs(settings.iter().copied());
        Self::spawn(wrapper, "").await
    }

    /// A server with defaults that the tests of this process share while any of them holds it. Use jobs of your own, and
    /// break nothing.
    pub(crate) async fn shared(redis: &RedisServer) -> Arc<Self> {
        static SHARED: Mutex<Weak<Api>> = Mutex::new(Weak::new());
        static STARTING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let _one = STARTING.lock().await;
        let there = SHARED.lock().upgrade();
        if let Some(api) = there.filter(|api| api.redis_url == redis.url()) {
            return api;
        }
        let api = Arc::new(Self::on(redis).await);
        *SHARED.lock() = Arc::downgrade(&api);
        api
    }

    async fn spawn(mut command: Command, redis_url: &str) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let log = Arc::new(Mutex::new(String::new()));
        let (found, addresses) = mpsc::channel();
        let kept = log.clone();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if let Some(address) = address_in(&line) {
                    let _ = found.send(address);
                }
                let mut log = kept.lock();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let wants_metrics = command
            .get_envs()
            .any(|(key, _)| key == "LOG_API_METRICS_BIND");
        let wait = move || {
            let addr = addresses.recv_timeout(Duration::from_secs(20))?;
            let metrics = wants_metrics.then(|| addresses.recv_timeout(Duration::from_secs(20)));
            Ok::<_, mpsc::RecvTimeoutError>((addr, metrics.transpose()?))
        };
        let waited = tokio::task::spawn_blocking(wait).await.unwrap();
        let Ok((addr, metrics)) = waited else {
            let _ = child.kill();
            panic!("the server did not start:\n{}", log.lock());
        };
        Self {
            child,
            addr,
            metrics,
            redis_url: redis_url.to_owned(),
            log,
        }
    }

    /// A client without credentials.
    pub(crate) fn anonymous(&self) -> HttpClient {
        HttpClient::new(self.addr)
    }

    /// A client with a fresh token of this user.
    pub(crate) fn client(&self, user: &str) -> HttpClient {
        self.anonymous().with_bearer(&token(user))
    }

    /// `GET` as Ann.
    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.client(ANN).get(target).send().await
    }

    /// A live stream as Ann: `query` begins with `?` or is empty.
    pub(crate) fn stream(&self, job: &Job, query: &str) -> Request {
        self.client(ANN)
            .get(&format!("{}/stream{query}", job.path()))
    }

    /// One number of `/metrics`, by its name without the prefix. The server must have `LOG_API_METRICS_BIND`.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let address = self.metrics.expect("a server with LOG_API_METRICS_BIND");
        let answer = HttpClient::new(address).get("/metrics").send().await;
        let name = format!("log_api_{name} ");
        let line = answer
            .text()
            .lines()
            .find_map(|line| line.strip_prefix(&name)?.parse().ok());
        line.unwrap_or_else(|| panic!("no {name}in {}", answer.text()))
    }

    /// How many sockets the server has open.
    pub(crate) fn sockets(&self) -> usize {
        let folder = std::fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap();
        let targets = folder.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        targets
            .filter(|target| target.to_string_lossy().starts_with("socket:"))
            .count()
    }

    /// What the server has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().clone()
    }

    /// The log of the server, once this text is in it.
    pub(crate) async fn log_with(&self, text: &str) -> String {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        loop {
            let log = self.log();
            if log.contains(text) {
                return log;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "{text} is not in the log:\n{log}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills the server, as a crash does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the server to stop, as a deployment does.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    pub(crate) fn signal(&self, name: &str) {
        let killed = Command::new("kill")
            .args(["-s", name, &self.pid().to_string()])
            .status();
        assert!(killed.unwrap().success());
    }

    /// Waits for the server to end by itself.
    pub(crate) async fn ended(&mut self, within: Duration) -> ExitStatus {
        let deadline = tokio::time::Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "still running after {within:?}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in a log entry of either format.
fn address_in(line: &str) -> Option<SocketAddr> {
    if let Ok(entry) = serde_json::from_str::<serde_json::Value>(line) {
        return entry.get("address")?.as_str()?.parse().ok();
    }
    line.split_once("address=")?.1.trim().parse().ok()
}

/// A job in Redis, written as existing producers write it.
pub(crate) struct Job {
    pub(crate) id: String,
    redis: Arc<RedisServer>,
}

impl Job {
    /// A running job of Ann's.
    pub(crate) async fn new(redis: &Arc<RedisServer>) -> Self {
        Self::owned_by(redis, ANN).await
    }

    /// A running job of this user's.
    pub(crate) async fn owned_by(redis: &Arc<RedisServer>, owner: &str) -> Self {
        let job = Self::unwritten(redis);
        let at = "2026-01-01T00:00:00Z";
        let fields = [
            "status",
            "code",
            "user_id",
            owner,
            "created_at",
            at,
            "project_id",
            "p",
            "tier",
            "free",
        ];
        job.command(&[&["HSET", &job.key()], &fields[..]].concat())
            .await;
        job
    }

    /// A job that nobody has created yet.
    pub(crate) fn unwritten(redis: &Arc<RedisServer>) -> Self {
        Self {
            id: format!("{:032x}", fastrand::u128(..)),
            redis: redis.clone(),
        }
    }

    pub(crate) fn key(&self) -> String {
        format!("job:{}", self.id)
    }

    pub(crate) fn logs_key(&self) -> String {
        format!("job:{}:logs", self.id)
    }

    /// The path of the job's history.
    pub(crate) fn path(&self) -> String {
        format!("/api/jobs/{}/logs", self.id)
    }

    pub(crate) async fn command(&self, command: &[&str]) -> test_support::Value {
        self.redis.command(command).await
    }

    /// Appends lines with these ids. The text of each line is its id.
    pub(crate) async fn append_ids(&self, ids: &[&str]) {
        for id in ids {
            self.append_entry(id, &[b"text", id.as_bytes()]).await;
        }
    }

    /// Runs commands in one transaction.
    pub(crate) async fn atomically(&self, commands: &[&[&str]]) {
        let whole = [&[&["MULTI"][..]], commands, &[&["EXEC"]]].concat();
        let words = |command: &&[&str]| {
            command
                .iter()
                .map(|word| word.as_bytes().to_vec())
                .collect()
        };
        let whole: Vec<Vec<Vec<u8>>> = whole.iter().map(words).collect();
        self.redis.client().await.pipeline(&whole).await;
    }

    /// Appends one line and returns its id.
    pub(crate) async fn append(&self, text: &str) -> String {
        let ids = self.append_all([text]).await;
        ids.into_iter().next().unwrap()
    }

    /// Appends lines in one pipeline and returns their ids.
    pub(crate) async fn append_all<T: AsRef<str>>(
        &self,
        texts: impl IntoIterator<Item = T>,
    ) -> Vec<String> {
        self.append_up_to("50000", texts).await
    }

    /// Appends lines to a log that may have any length.
    #[allow(dead_code, reason = "the benchmark of the log page uses it")]
    pub(crate) async fn append_untrimmed<T: AsRef<str>>(
        &self,
        texts: impl IntoIterator<Item = T>,
    ) -> Vec<String> {
        self.append_up_to("1000000000", texts).await
    }

    async fn append_up_to<T: AsRef<str>>(
        &self,
        most: &str,
        texts: impl IntoIterator<Item = T>,
    ) -> Vec<String> {
        let key = self.logs_key();
        let line = |text: &str| {
            let words = [
                "XADD",
                &key,
                "MAXLEN",
                "~",
                most,
                "*",
                "ts",
                "2026-01-01T00:00:00.000Z",
                "source",
                "stdout",
                "text",
                text,
                "phase",
                "install",
            ];
            words.map(|word| word.as_bytes().to_vec()).to_vec()
        };
        let mut commands: Vec<_> = texts.into_iter().map(|text| line(text.as_ref())).collect();
        commands.push(
            ["EXPIRE", &key, "86400"]
                .map(|word| word.as_bytes().to_vec())
                .to_vec(),
        );
        let mut answers = self.redis.client().await.pipeline(&commands).await;
        answers.pop();
        answers.iter().map(test_support::Value::text).collect()
    }

    /// Appends an entry with this id (`*` lets Redis choose) and these fields, names and values in turn.
    pub(crate) async fn append_entry(&self, id: &str, fields: &[&[u8]]) -> String {
        let key = self.logs_key();
        let head = [b"XADD".as_slice(), key.as_bytes(), id.as_bytes()];
        self.redis.command(&[&head, fields].concat()).await.text()
    }

    /// The whole log as a client must see it, read from Redis itself.
    pub(crate) async fn lines(&self) -> Vec<serde_json::Value> {
        let entries = self.command(&["XRANGE", &self.logs_key(), "-", "+"]).await;
        entries.array().into_iter().map(line_of).collect()
    }

    /// Sets the status and publishes it, as existing producers do.
    pub(crate) async fn set_status(&self, status: &str) {
        let at = "2026-01-01T00:01:00Z";
        self.command(&["HSET", &self.key(), "status", status, "updated_at", at])
            .await;
        let message = format!(
            r#"{{"type":"build.stage.started","job_id":"{}","status":"{status}"}}"#,
            self.id
        );
        self.command(&["PUBLISH", &format!("{}:events", self.key()), &message])
            .await;
    }
}

fn line_of(entry: test_support::Value) -> serde_json::Value {
    let [id, fields] = <[_; 2]>::try_from(entry.array()).unwrap();
    let fields: Vec<_> = fields.array().iter().map(|part| part.text()).collect();
    let value = |name: &str| {
        let field = fields.chunks(2).find(|pair| pair[0] == name);
        field.map(|pair| pair[1].clone())
    };
    serde_json::json!({
        "id": id.text(),
        "ts": value("ts"),
        "source": value("source"),
        "text": value("text"),
        "phase": value("phase"),
    })
}
