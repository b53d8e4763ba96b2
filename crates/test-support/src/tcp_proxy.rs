//! A proxy between a client and a server that can simulate faults of the network.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use crate::local::bind_free_port;

/// A proxy on a loopback port that never changes. Dropping it ends all its connections.
#[derive(Debug)]
pub struct TcpProxy {
    address: SocketAddr,
    faults: watch::Sender<Faults>,
    open: OpenConnections,
    task: JoinHandle<()>,
}

/// The faults that are simulated now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Faults {
    /// Where new connections lead.
    server: SocketAddr,
    /// New connections are refused.
    refusing: bool,
    /// All connections stay open, but no data passes.
    black_hole: bool,
    /// How long each piece of data is delayed.
    delay: Duration,
    /// After how many bytes of the client, and of the server, a connection is broken off.
    cuts: Cuts,
    /// How often all connections were dropped.
    drops: u64,
    /// How often the connections were stranded.
    strandings: u64,
    /// No data passes on connections that are older than the last stranding.
    stranded: bool,
}

/// After how many bytes a connection is broken off. `None`: it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Cuts {
    request: Option<usize>,
    answer: Option<usize>,
}

impl TcpProxy {
    /// Starts a proxy that forwards everything to a server.
    ///
    /// # Panics
    /// If there is no free port.
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
        let faults = watch::Sender::new(Faults {
            server,
            refusing: false,
            black_hole: false,
            delay: Duration::ZERO,
            cuts: Cuts::default(),
            drops: 0,
            strandings: 0,
            stranded: false,
        });
        let open = OpenConnections::default();
        let task = tokio::spawn(serve(listener, faults.subscribe(), open.clone()));
        Self {
            address,
            faults,
            open,
            task,
        }
    }

    /// The address of the proxy.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections are open now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.open.up_to(u64::MAX)
    }

    /// Leads new connections to another server, and leaves the others as they are: what a name does whose address changes.
    pub fn lead_to(&self, server: SocketAddr) {
        self.faults.send_modify(|faults| faults.server = server);
    }

    /// Drops all connections. New ones are accepted. Returns when the old ones are closed.
    pub async fn drop_connections(&self) {
        let before = self.faults.borrow().drops;
        self.faults.send_modify(|faults| faults.drops += 1);
        while self.open.up_to(before) > 0 {
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Drops all connections and refuses new ones, until [`TcpProxy::mend`]. Returns when the old ones are closed.
    pub async fn refuse(&self) {
        self.faults.send_modify(|faults| {
            faults.refusing = true;
            faults.drops += 1;
        });
        while self.connections() > 0 || TcpStream::connect(self.address).await.is_ok() {
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Stops all data, until [`TcpProxy::mend`]. Connections stay open and new ones are accepted. Data that is sent
    /// meanwhile is delivered after that.
    pub fn black_hole(&self) {
        self.faults.send_modify(|faults| faults.black_hole = true);
    }

    /// Stops all data on the connections that are open now, until [`TcpProxy::mend`]. New connections work. Data that
    /// is sent meanwhile is delivered after that, even if its sender has given up the connection.
    pub fn strand(&self) {
        self.faults.send_modify(|faults| {
            faults.stranded = true;
            faults.strandings += 1;
        });
    }

    /// Breaks new connections off after so many bytes from the client, until [`TcpProxy::mend`].
    pub fn cut_requests_after(&self, bytes: usize) {
        self.faults
            .send_modify(|faults| faults.cuts.request = Some(bytes));
    }

    /// Breaks new connections off after so many bytes from the server, until [`TcpProxy::mend`]: the request has arrived,
    /// and its answer is lost.
    pub fn cut_answers_after(&self, bytes: usize) {
        self.faults
            .send_modify(|faults| faults.cuts.answer = Some(bytes));
    }

    /// Delays each piece of data, in both directions.
    pub fn delay(&self, delay: Duration) {
        self.faults.send_modify(|faults| faults.delay = delay);
    }

    /// Ends all faults. Returns when connections are accepted again.
    pub async fn mend(&self) {
        self.faults.send_modify(|faults| {
            faults.refusing = false;
            faults.black_hole = false;
            faults.stranded = false;
            faults.delay = Duration::ZERO;
            faults.cuts = Cuts::default();
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

/// Accepts connections. To refuse them, the listener must be closed: otherwise the system still accepts them. Later it
/// is opened again on the same port.
async fn serve(listener: TcpListener, mut faults: watch::Receiver<Faults>, open: OpenConnections) {
    let address = listener.local_addr().expect("its address");
    let mut listening = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        if faults.borrow_and_update().refusing {
            listening = None;
        } else if listening.is_none() {
            listening = TcpListener::bind(address).await.ok();
            if listening.is_none() {
                // A client may use the port by chance, for its own end of a connection.
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
                let Faults { drops, server, .. } = *faults.borrow();
                connections.spawn(forward(client, server, faults.clone(), open.add(drops)));
            },
            changed = faults.changed() => if changed.is_err() { return },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Forwards one connection until the client, the server or a fault ends it.
async fn forward(
    client: TcpStream,
    server: SocketAddr,
    faults: watch::Receiver<Faults>,
    connection: OpenConnection,
) {
    let mut dropped = faults.clone();
    let Faults {
        strandings: made,
        cuts,
        ..
    } = *faults.borrow();
    let through = async {
        wait_until_passing(&mut faults.clone(), made).await;
        let Ok(server) = TcpStream::connect(server).await else {
            return;
        };
        client.set_nodelay(true).ok();
        server.set_nodelay(true).ok();
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        // A cut ends both directions.
        let _ = tokio::try_join!(
            pump(from_client, to_server, faults.clone(), made, cuts.request),
            pump(from_server, to_client, faults.clone(), made, cuts.answer),
        );
    };
    tokio::select! {
        () = through => {}
        _ = dropped.wait_for(|faults| faults.drops != connection.drops) => {}
    }
}

/// The connection is broken off here.
struct Cut;

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut faults: watch::Receiver<Faults>,
    made: u64,
    cut: Option<usize>,
) -> Result<(), Cut> {
    let mut left = cut.unwrap_or(usize::MAX);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            // Forwards the end of this direction; the other one may go on.
            to.shutdown().await.ok();
            return Ok(());
        }
        let delay = faults.borrow().delay;
        if !delay.is_zero() {
            sleep(delay).await;
        }
        wait_until_passing(&mut faults, made).await;
        let passing = read.min(left);
        if to.write_all(&buffer[..passing]).await.is_err() {
            return Ok(());
        }
        left -= passing;
        if left == 0 {
            return Err(Cut);
        }
    }
}

/// Waits until data may pass on a connection that was made after `made` strandings.
async fn wait_until_passing(faults: &mut watch::Receiver<Faults>, made: u64) {
    let held = |faults: &Faults| faults.black_hole || (faults.stranded && made < faults.strandings);
    faults.wait_for(|faults| !held(faults)).await.ok();
}

/// How many connections are open, by the number of drops before they were made.
#[derive(Debug, Clone, Default)]
struct OpenConnections(Arc<Mutex<BTreeMap<u64, usize>>>);

impl OpenConnections {
    fn add(&self, drops: u64) -> OpenConnection {
        *self.0.lock().entry(drops).or_default() += 1;
        OpenConnection {
            drops,
            open: self.clone(),
        }
    }

    /// How many open connections were made after at most this many drops.
    fn up_to(&self, drops: u64) -> usize {
        self.0.lock().range(..=drops).map(|(_, count)| count).sum()
    }
}

/// One open connection; dropping it removes it from the count.
struct OpenConnection {
    drops: u64,
    open: OpenConnections,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        if let Some(count) = self.open.0.lock().get_mut(&self.drops) {
            *count -= 1;
        }
    }
}
