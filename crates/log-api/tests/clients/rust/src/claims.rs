//! Tries what docs/CLIENTS.md says of the libraries against a small server that answers as it is told. Fails at the first
//! claim that does not hold, and prints each one that does.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use eventsource_client::{Client, ClientBuilder, ReconnectOptions, SSE};
use futures_util::{FutureExt, StreamExt};
use launchdarkly_sdk_transport::HyperTransport;
use reqwest_eventsource::retry::{Constant, DEFAULT_RETRY};
use reqwest_eventsource::{Error, Event, EventSource};
use tokio::time::{sleep, timeout};

use crate::printed::Followed;

const HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

const EVENT: &str = "event: log\nid: 1-0\ndata: {}\n\n";

const WITHOUT_ID: &str = "event: gap\ndata: {}\n\n";

const SOON: Duration = Duration::from_millis(50);

/// Long enough for many connections.
const MOMENT: Duration = Duration::from_secs(2);

/// Longer than a client of the service should wait for a byte.
const SILENCE: Duration = Duration::from_secs(40);

/// Answers one connection after the other, the last answer again and again.
struct Server {
    url: String,
    heads: Arc<Mutex<Vec<(Instant, String)>>>,
}

impl Server {
    fn start<const N: usize>(answers: [String; N]) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}/", listener.local_addr()?);
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = heads.clone();
        std::thread::spawn(move || {
            for (n, connection) in listener.incoming().enumerate() {
                let Ok(mut connection) = connection else {
                    return;
                };
                let mut head = vec![0; 65_536];
                let len = connection.read(&mut head).unwrap_or(0);
                let head = String::from_utf8_lossy(&head[..len]).to_ascii_lowercase();
                if let Ok(mut seen) = seen.lock() {
                    seen.push((Instant::now(), head));
                }
                let _ = connection.write_all(answers[n.min(N - 1)].as_bytes());
            }
        });
        Ok(Self { url, heads })
    }

    fn heads(&self) -> Vec<String> {
        let heads = self.heads.lock();
        heads
            .map(|heads| heads.iter().map(|(_, head)| head.clone()).collect())
            .unwrap_or_default()
    }

    /// How long it took from each connection to the next.
    fn pauses(&self) -> Vec<Duration> {
        let heads = self.heads.lock();
        let times: Vec<_> = heads
            .map(|heads| heads.iter().map(|(at, _)| *at).collect())
            .unwrap_or_default();
        between(&times)
    }
}

fn between(times: &[Instant]) -> Vec<Duration> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Whether each of four pauses is at least twice as long as this one before it, and they have grown.
fn doubles(pauses: &[Duration], first: Duration) -> bool {
    let least = (0..).map(|n| first * 2_u32.pow(n));
    let grow = pauses
        .iter()
        .zip(least)
        .all(|(pause, least)| *pause >= least);
    pauses.len() >= 4 && grow && pauses[3] > 2 * pauses[0]
}

fn status(status: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

fn stream(events: &str) -> String {
    format!("{HEAD}{events}")
}

fn holds(claim: &str, condition: bool) -> Followed {
    if !condition {
        return Err(format!("does not hold: {claim}").into());
    }
    println!("{claim}");
    Ok(())
}

/// Everything that a stream gives within a moment, and whether it has ended.
async fn all<T>(
    mut stream: impl futures_util::Stream<Item = T> + Unpin,
    within: Duration,
) -> (Vec<T>, bool) {
    let mut seen = Vec::new();
    let reading = async {
        while let Some(next) = stream.next().await {
            seen.push(next);
        }
    };
    let ended = timeout(within, reading).await.is_ok();
    (seen, ended)
}

/// What eventsource-client makes of a server within a moment.
async fn followed(
    url: &str,
    retry_initial: bool,
) -> Result<(Vec<eventsource_client::Result<SSE>>, bool), Box<dyn std::error::Error>> {
    let options = ReconnectOptions::reconnect(true).retry_initial(retry_initial);
    let options = options.delay(SOON).delay_max(SOON).build();
    let transport = HyperTransport::builder().build_http()?;
    let client = ClientBuilder::for_url(url)?
        .reconnect(options)
        .build_with_transport(transport);
    Ok(all(client.stream(), MOMENT).await)
}

async fn eventsource_client() -> Followed {
    let server = Server::start([status("204 No Content")])?;
    let (_, ended) = followed(&server.url, true).await?;
    let again = server.heads().len() > 2;
    holds(
        "eventsource-client comes back after 204 for ever",
        again && !ended,
    )?;

    let server = Server::start([status("404 Not Found")])?;
    let (_, ended) = followed(&server.url, true).await?;
    let again = server.heads().len() > 2;
    holds("eventsource-client comes back after 404", again && !ended)?;
    let server = Server::start([status("503 Service Unavailable")])?;
    let (_, ended) = followed(&server.url, false).await?;
    let once = server.heads().len() == 1;
    holds(
        "eventsource-client ends without retry_initial after another status",
        once && ended,
    )?;
    let (seen, ended) = followed(&refused()?, false).await?;
    holds(
        "and if its first connection is refused",
        seen.len() == 1 && ended,
    )?;

    let server = Server::start([stream(EVENT), stream("")])?;
    followed(&server.url, true).await?;
    let has_cursor = |head: &String| head.contains("last-event-id: 1-0");
    let resumes = server.heads().get(1).is_some_and(has_cursor);
    holds("eventsource-client comes back with its cursor", resumes)?;

    let server = Server::start([stream(EVENT)])?;
    let options = ReconnectOptions::reconnect(true).delay(4 * SOON).build();
    let transport = HyperTransport::builder().build_http()?;
    let client = ClientBuilder::for_url(&server.url)?
        .reconnect(options)
        .build_with_transport(transport);
    all(client.stream(), 2 * MOMENT).await;
    // It waits for half of its pause at least.
    let pauses = server.pauses();
    holds(
        "its pause doubles with each break, also of connections that worked",
        doubles(&pauses[..pauses.len().min(4)], 2 * SOON),
    )?;
    let defaults = format!("{:?}", ReconnectOptions::default());
    holds(
        "up to a minute by default",
        defaults.contains("delay_max: 60s"),
    )?;
    let server = Server::start([stream(EVENT), stream(WITHOUT_ID), stream("")])?;
    followed(&server.url, true).await?;
    let heads = server.heads();
    let wiped = heads.get(2).is_some_and(|head| !has_cursor(head));
    holds(
        "the first event of a connection wipes its cursor if it has no id:",
        wiped,
    )
}

async fn reqwest_eventsource() -> Followed {
    let client = reqwest::Client::new();
    let server = Server::start([status("503 Service Unavailable")])?;
    let (seen, ended) = all(EventSource::new(client.get(&server.url))?, MOMENT).await;
    let says = matches!(&seen[..], [Err(Error::InvalidStatusCode(status, _))] if *status == 503);
    holds(
        "reqwest-eventsource ends after 503, and has the answer",
        says && ended,
    )?;
    let server = Server::start([status("204 No Content")])?;
    let (seen, ended) = all(EventSource::new(client.get(&server.url))?, MOMENT).await;
    holds("and after 204", matches!(&seen[..], [Err(_)]) && ended)?;

    let server = Server::start([stream(EVENT), stream("")])?;
    let request = client.get(&server.url).header("Last-Event-ID", "0-1");
    let mut source = EventSource::new(request)?;
    source.set_retry_policy(Box::new(Constant::new(SOON, Some(1))));
    let (seen, ended) = all(source, MOMENT).await;
    let heads = server.heads();
    let both =
        |head: &String| head.contains("last-event-id: 0-1") && head.contains("last-event-id: 1-0");
    holds(
        "it adds its own Last-Event-ID to that of the request",
        heads.get(1).is_some_and(both),
    )?;
    let server = Server::start([stream(EVENT), stream(WITHOUT_ID), stream("")])?;
    let mut source = EventSource::new(client.get(&server.url))?;
    source.set_retry_policy(Box::new(Constant::new(SOON, None)));
    all(source, MOMENT).await;
    let wiped = server
        .heads()
        .get(2)
        .is_some_and(|head| !head.contains("last-event-id: 1-0"));
    holds("and its cursor is wiped in the same way", wiped)?;
    let goes_on = seen
        .iter()
        .any(|next| matches!(next, Ok(Event::Message(_))))
        && !ended;
    holds(
        "max_retries does not count connections that worked",
        goes_on && heads.len() > 4,
    )?;
    for (most, gives_up) in [(1, true), (3, false)] {
        let mut source = EventSource::new(client.get(refused()?))?;
        source.set_retry_policy(Box::new(Constant::new(SOON, Some(most))));
        let (seen, ended) = all(source, MOMENT).await;
        let tries = if gives_up {
            seen.len() == 2
        } else {
            seen.len() > 4
        };
        holds(
            &format!("max_retries of {most} gives up after two refused connections: {gives_up}"),
            ended == gives_up && tries,
        )?;
    }
    pauses_of_reqwest_eventsource(&client).await
}

async fn pauses_of_reqwest_eventsource(client: &reqwest::Client) -> Followed {
    let mut source = EventSource::new(client.get(refused()?))?;
    let mut times = Vec::new();
    let trying = async {
        while times.len() < 5 && source.next().await.is_some() {
            times.push(Instant::now());
        }
    };
    trying.await;
    holds(
        "its pause doubles with each refused connection",
        doubles(&between(&times), DEFAULT_RETRY.start),
    )?;
    let most = DEFAULT_RETRY.max_duration;
    holds("up to 5 s", most == Some(Duration::from_secs(5)))?;
    let server = Server::start([stream(EVENT)])?;
    all(EventSource::new(client.get(&server.url))?, 2 * MOMENT).await;
    // Doubled, four pauses would take 4.5 s.
    holds(
        "and begins anew after each connection that worked",
        server.pauses().len() > 4,
    )
}

/// What the kernel would do for a connection to a port if nothing comes: whether it asks the other side (a keep-alive).
fn is_kept_alive(port: u16) -> std::io::Result<bool> {
    let port = format!(":{port:04X}");
    let connections = std::fs::read_to_string("/proc/net/tcp")?;
    let mut fields = connections
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let own =
        fields.find(|fields| fields.len() > 5 && fields[2].ends_with(&port) && fields[3] == "01");
    Ok(own.is_some_and(|fields| fields[5].starts_with("02:")))
}

/// What a client without a limit makes of silence: whether it has given up, and whether the kernel asks the other side.
async fn silent<T>(
    listener: TcpListener,
    stream: impl futures_util::Stream<Item = T> + Unpin,
) -> Result<(bool, bool), Box<dyn std::error::Error>> {
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        let mut connection = listener.accept()?.0;
        let mut head = vec![0; 65_536];
        let _ = connection.read(&mut head)?;
        connection.write_all(HEAD.as_bytes())?;
        // Until the client goes.
        connection.read(&mut head)
    });
    let following = all(stream, SILENCE).map(|(seen, ended)| (seen.len(), ended));
    let look = sleep(MOMENT).map(|()| is_kept_alive(port));
    let ((seen, ended), asked) = tokio::join!(following, look);
    // The first thing that each of them tells is that it is connected.
    Ok((ended || seen > 1, asked?))
}

async fn silence() -> Followed {
    let listen = || TcpListener::bind("127.0.0.1:0");
    let (first, second) = (listen()?, listen()?);
    let url = |listener: &TcpListener| {
        Ok::<_, std::io::Error>(format!("http://{}/", listener.local_addr()?))
    };
    let transport = HyperTransport::builder().build_http()?;
    let client = ClientBuilder::for_url(&url(&first)?)?.build_with_transport(transport);
    let source = EventSource::new(reqwest::Client::new().get(url(&second)?))?;
    let (one, other) = tokio::join!(silent(first, client.stream()), silent(second, source));
    holds(
        "eventsource-client waits for ever without read_timeout, and nobody asks the other side",
        one? == (false, false),
    )?;
    holds(
        "reqwest-eventsource waits for ever, and the kernel asks the other side",
        other? == (false, true),
    )
}

/// An address where nobody listens.
fn refused() -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Ok(format!("http://{}/", listener.local_addr()?))
}

pub async fn try_all() -> Followed {
    let libraries = async {
        eventsource_client().await?;
        reqwest_eventsource().await
    };
    let (tried, silence) = tokio::join!(libraries, silence());
    tried?;
    silence
}
