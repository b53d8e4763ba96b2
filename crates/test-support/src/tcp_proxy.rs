//! A network that breaks on command, between a client and a server.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use crate::local::bind_free_port;

/// A proxy on a loopback port that stays the same. Everything ends with it.
#[derive(Debug)]
pub struct TcpProxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    open: Open,
    task: JoinHandle<()>,
}

/// What happens to connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Weather {
    /// Nobody listens.
    refusing: bool,
    /// Connections are there and nothing gets through.
    silent: bool,
    /// How long every piece takes.
    delay: Duration,
    /// Counts how often connections were dropped.
    drops: u64,
    /// Counts how often connections were stranded.
    strandings: u64,
    /// Nothing gets through on connections from before the last stranding.
    stranded: bool,
}

impl TcpProxy {
    /// Begins to pass on everything to a server.
    ///
    /// # Panics
    /// No port can be had.
    #[expect(
        clippy::unused_async,
        reason = "needs the runtime, as the async name promises"
    )]
    pub async fn start(server: SocketAddr) -> Self {
        let listener = bind_free_port();
        listener
            .set_nonblocking(true)
            .expect("a socket that does not block");
        let listener = TcpListener::from_std(listener).expect("a listener");
        let address = listener.local_addr().expect("its address");
        let weather = watch::Sender::new(Weather {
            refusing: false,
            silent: false,
            delay: Duration::ZERO,
            drops: 0,
            strandings: 0,
            stranded: false,
        });
        let open = Open::default();
        let task = tokio::spawn(serve(listener, server, weather.subscribe(), open.clone()));
        Self {
            address,
            weather,
            open,
            task,
        }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections go through it now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.open.up_to(u64::MAX)
    }

    /// Drops every connection; new ones can be made. Returns when they are gone.
    pub async fn drop_connections(&self) {
        let before = self.weather.borrow().drops;
        self.weather.send_modify(|weather| weather.drops += 1);
        while self.open.up_to(before) > 0 {
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Drops every connection and refuses new ones, until [`TcpProxy::mend`]. Returns when they are gone.
    pub async fn refuse(&self) {
        self.weather.send_modify(|weather| {
            weather.refusing = true;
            weather.drops += 1;
        });
        while self.connections() > 0 || TcpStream::connect(self.address).await.is_ok() {
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Lets nothing through and says nothing: connections stay, new ones are accepted, until [`TcpProxy::mend`].
    /// What was sent meanwhile gets through then.
    pub fn black_hole(&self) {
        self.weather.send_modify(|weather| weather.silent = true);
    }

    /// Lets nothing through on the connections there are now, while new ones work, until [`TcpProxy::mend`]. What was
    /// sent meanwhile gets through then, although its sender may have given the connection up.
    pub fn strand(&self) {
        self.weather.send_modify(|weather| {
            weather.stranded = true;
            weather.strandings += 1;
        });
    }

    /// Makes every piece take longer in each direction.
    pub fn delay(&self, delay: Duration) {
        self.weather.send_modify(|weather| weather.delay = delay);
    }

    /// Ends refusing, silence, stranding and delay. Returns when connections can be made.
    pub async fn mend(&self) {
        self.weather.send_modify(|weather| {
            weather.refusing = false;
            weather.silent = false;
            weather.stranded = false;
            weather.delay = Duration::ZERO;
        });
        while TcpStream::connect(self.address).await.is_err() {
            sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Accepts while nobody says otherwise. A listener that is only not accepting would still take connections: so it is
/// closed, and opened again on its port.
async fn serve(
    listener: TcpListener,
    server: SocketAddr,
    mut weather: watch::Receiver<Weather>,
    open: Open,
) {
    let address = listener.local_addr().expect("its address");
    let mut listening = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        if weather.borrow_and_update().refusing {
            listening = None;
        } else if listening.is_none() {
            listening = TcpListener::bind(address).await.ok();
            if listening.is_none() {
                // Somebody's client may sit on the port by chance, as its own end.
                sleep(Duration::from_millis(5)).await;
                continue;
            }
        }
        let accept = async {
            match &listening {
                Some(listener) => listener.accept().await.ok(),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            client = accept => if let Some((client, _)) = client {
                let drops = weather.borrow().drops;
                connections.spawn(join(client, server, weather.clone(), open.enter(drops)));
            },
            changed = weather.changed() => if changed.is_err() { return },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection, until either end or the weather ends it.
async fn join(
    client: TcpStream,
    server: SocketAddr,
    weather: watch::Receiver<Weather>,
    entered: Entered,
) {
    let mut dropped = weather.clone();
    let made = weather.borrow().strandings;
    let through = async {
        clear_sky(&mut weather.clone(), made).await;
        let Ok(server) = TcpStream::connect(server).await else {
            return;
        };
        client.set_nodelay(true).ok();
        server.set_nodelay(true).ok();
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::join!(
            pump(from_client, to_server, weather.clone(), made),
            pump(from_server, to_client, weather.clone(), made),
        );
    };
    tokio::select! {
        () = through => {}
        _ = dropped.wait_for(|weather| weather.drops != entered.drops) => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
    made: u64,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            // Passes on the end, and lets the other direction finish.
            to.shutdown().await.ok();
            return;
        }
        let delay = weather.borrow().delay;
        if !delay.is_zero() {
            sleep(delay).await;
        }
        clear_sky(&mut weather, made).await;
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// Waits until something gets through on a connection that was made after `made` strandings.
async fn clear_sky(weather: &mut watch::Receiver<Weather>, made: u64) {
    let held = |w: &Weather| w.silent || (w.stranded && made < w.strandings);
    weather.wait_for(|weather| !held(weather)).await.ok();
}

/// How many connections are open, by the count of drops when they were made.
#[derive(Debug, Clone, Default)]
struct Open(Arc<Mutex<BTreeMap<u64, usize>>>);

impl Open {
    fn enter(&self, drops: u64) -> Entered {
        *self.counts().entry(drops).or_default() += 1;
        Entered {
            drops,
            open: self.clone(),
        }
    }

    /// How many connections were made before the drop after `drops`.
    fn up_to(&self, drops: u64) -> usize {
        self.counts().range(..=drops).map(|(_, count)| count).sum()
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<u64, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One open connection.
struct Entered {
    drops: u64,
    open: Open,
}

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some(count) = self.open.counts().get_mut(&self.drops) {
            *count -= 1;
        }
    }
}
