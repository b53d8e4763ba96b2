//! A Redis that takes no writes for a while.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::redis::{RedisOptions, RedisServer};

/// How long a snapshot of a small database may take on a busy machine.
const SNAPSHOT_LIMIT: Duration = Duration::from_secs(30);

/// Why a server refuses writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It has no memory left (`OOM`).
    Full,
    /// It wants replicas and has none (`NOREPLICAS`).
    Alone,
    /// Its last snapshot has failed, as on a full disk (`MISCONF`). It refuses a `PING`, too.
    CannotSave,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Full, Self::Alone, Self::CannotSave];
}

impl RedisServer {
    /// Starts a server that can get into each [`Trouble`].
    ///
    /// # Panics
    /// As [`RedisServer::start`].
    pub async fn start_for_trouble() -> Self {
        // The name of the snapshot is protected, since Redis 7.0.
        let args = ["--enable-protected-configs", "yes"].map(str::to_owned);
        let server = Self::start_with(RedisOptions {
            args: args.into(),
            ..RedisOptions::default()
        })
        .await;
        // Only a server that makes snapshots by itself minds that one has failed.
        server.configure("save", "3600 1").await;
        server
    }

    /// Gets into trouble, or out of it.
    ///
    /// # Panics
    /// The server was not started by [`RedisServer::start_for_trouble`].
    pub async fn be_in(&self, trouble: Trouble, begins: bool) {
        match (trouble, begins) {
            (Trouble::Full, true) => self.configure("maxmemory", "1").await,
            (Trouble::Full, false) => self.configure("maxmemory", "0").await,
            (Trouble::Alone, true) => self.configure("min-replicas-to-write", "1").await,
            (Trouble::Alone, false) => self.configure("min-replicas-to-write", "0").await,
            (Trouble::CannotSave, true) => {
                // The name of a folder. So the finished snapshot cannot get it.
                self.configure("dbfilename", ".").await;
                self.save("err").await;
            }
            (Trouble::CannotSave, false) => {
                self.configure("dbfilename", "dump.rdb").await;
                self.save("ok").await;
            }
        }
    }

    async fn configure(&self, name: &str, value: &str) {
        self.command(&["CONFIG", "SET", name, value]).await;
    }

    /// Makes a snapshot, and waits for its end.
    async fn save(&self, expected: &str) {
        self.command(&["BGSAVE"]).await;
        let begun = Instant::now();
        loop {
            let info = self.command(&["INFO", "persistence"]).await.text();
            let status = format!("rdb_last_bgsave_status:{expected}\r");
            if info.contains("rdb_bgsave_in_progress:0\r") && info.contains(&status) {
                return;
            }
            assert!(begun.elapsed() < SNAPSHOT_LIMIT, "{info}");
            sleep(Duration::from_millis(5)).await;
        }
    }
}
