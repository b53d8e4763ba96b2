//! Which server is the primary, as the Sentinels say.
//!
//! All Sentinels are asked all the time, each over a connection of its own. So one that accepts connections and is silent
//! holds up nobody. Of different answers the one of the newest failover is right (`config-epoch`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fred::clients::Client;
use fred::error::Error;
use fred::types::Value;
use fred::types::config::{Config, Server, ServerConfig};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::client::single_client;
use super::decode::Fields;
use super::fault::Fault;
use super::question::{Command, call};
use super::slot_map::named;
use super::tasks::spawn_background;

/// How often each Sentinel is asked for the primary.
const EVERY: Duration = Duration::from_millis(500);

/// How long a Sentinel may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// For how long an answer counts.
const FRESH: Duration = Duration::from_secs(5);

/// How many Sentinels are asked at most.
const MOST: usize = 16;

/// What a Sentinel says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    primary: Server,
    /// Grows with each failover.
    epoch: u64,
    at: Instant,
}

/// What is known of the Sentinels.
struct Sentinels {
    config: Config,
    service: String,
    answers: Mutex<BTreeMap<Server, Answer>>,
    primary: watch::Sender<Option<Server>>,
}

/// Follows what the Sentinels of a configuration say. The primary is known until another one is.
pub(super) fn follow(config: &Config) -> (watch::Receiver<Option<Server>>, AbortOnDropHandle<()>) {
    let mut own = config.clone();
    let mut hosts = Vec::new();
    let mut service = String::new();
    if let ServerConfig::Sentinel {
        hosts: named,
        service_name,
        username,
        password,
    } = &config.server
    {
        (hosts, service) = (named.clone(), service_name.clone());
        // The Sentinels have users of their own.
        (own.username, own.password) = (username.clone(), password.clone());
    }
    own.database = None;
    let sentinels = Arc::new(Sentinels {
        config: own,
        service,
        answers: Mutex::default(),
        primary: watch::Sender::new(None),
    });
    let primary = sentinels.primary.subscribe();
    (
        primary,
        spawn_background("sentinels", ask_all(sentinels, hosts)),
    )
}

/// Asks every Sentinel for ever: those of the address, and those that they know.
async fn ask_all(sentinels: Arc<Sentinels>, mut known: Vec<Server>) {
    let mut asking = JoinSet::new();
    let mut begun = 0;
    let (found, mut news) = tokio::sync::mpsc::channel(MOST);
    loop {
        for server in known.iter().skip(begun) {
            asking.spawn(ask(Arc::clone(&sentinels), server.clone(), found.clone()));
        }
        begun = known.len();
        // This task holds a sender, so there is always a next one.
        if let Some(server) = news.recv().await
            && !known.contains(&server)
            && known.len() < MOST
        {
            known.push(server);
        }
    }
}

/// Asks one Sentinel for ever.
async fn ask(sentinels: Arc<Sentinels>, server: Server, found: tokio::sync::mpsc::Sender<Server>) {
    loop {
        let connected = single_client(sentinels.config.clone(), &server);
        let fault = match timeout(2 * PATIENCE, connected).await {
            Ok(Ok((client, _task))) => sentinels.ask_until_lost(&client, &server, &found).await,
            Ok(Err(error)) => error.into(),
            Err(_) => silent(),
        };
        tracing::debug!(%fault, %server, "a Sentinel does not answer");
        sleep(EVERY).await;
    }
}

impl Sentinels {
    async fn ask_until_lost(
        &self,
        client: &Client,
        server: &Server,
        found: &tokio::sync::mpsc::Sender<Server>,
    ) -> Fault {
        loop {
            let others = self.question("SENTINELS", client);
            match timeout(PATIENCE, others).await {
                Ok(Ok(others)) => {
                    for other in servers(others, server) {
                        found.try_send(other).ok();
                    }
                }
                Ok(Err(error)) if !Fault::from(error.clone()).is_answer() => return error.into(),
                // It may be forbidden; the others of the address are asked anyhow.
                Ok(Err(_)) => {}
                Err(_) => return silent(),
            }
            // Then the primary, for some time.
            for _ in 0..20 {
                match timeout(PATIENCE, self.question("MASTER", client)).await {
                    Ok(Ok(reply)) => match answer(reply, server) {
                        Some(answer) => self.note(server, answer),
                        None => return Fault::garbled("a Sentinel names no primary"),
                    },
                    Ok(Err(error)) => return error.into(),
                    Err(_) => return silent(),
                }
                sleep(EVERY).await;
            }
        }
    }

    async fn question(&self, what: &'static str, client: &Client) -> Result<Value, Error> {
        call(client, Command::new("SENTINEL", [what, &self.service])).await
    }

    /// Notes an answer. The newest failover that anybody knows of counts.
    fn note(&self, server: &Server, answer: Answer) {
        let mut answers = self.answers.lock();
        answers.insert(server.clone(), answer);
        answers.retain(|_, answer| answer.at.elapsed() < FRESH);
        let newest = answers.values().max_by_key(|answer| answer.epoch);
        let Some(newest) = newest.map(|answer| answer.primary.clone()) else {
            return;
        };
        self.primary.send_if_modified(|primary| {
            let is_new = primary.as_ref() != Some(&newest);
            if is_new {
                tracing::info!(primary = %newest, "the Sentinels name a primary");
                *primary = Some(newest);
            }
            is_new
        });
    }
}

fn silent() -> Fault {
    Fault::ConnectionLost(super::session::timed_out())
}

/// What `SENTINEL MASTER` says.
fn answer(reply: Value, asked: &Server) -> Option<Answer> {
    let fields = Fields::from_reply(reply).ok()?;
    Some(Answer {
        primary: address(&fields, asked)?,
        epoch: fields.get("config-epoch")?.as_u64()?,
        at: Instant::now(),
    })
}

/// The servers of `SENTINEL SENTINELS`.
fn servers(reply: Value, asked: &Server) -> Vec<Server> {
    let Value::Array(all) = reply else {
        return Vec::new();
    };
    let all = all
        .into_iter()
        .filter_map(|one| Fields::from_reply(one).ok());
    all.filter_map(|fields| address(&fields, asked)).collect()
}

fn address(fields: &Fields, asked: &Server) -> Option<Server> {
    let host = fields.get("ip")?.as_string()?;
    let port = fields.get("port")?.as_u64()?;
    if host.is_empty() {
        return None;
    }
    Some(named(&host, u16::try_from(port).ok()?, asked))
}
