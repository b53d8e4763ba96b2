//! One producer of a history, and what it knows.

use std::io::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::super::path;
use super::world::{Fault, ServiceView};

/// A producer that numbers its lines.
pub(super) struct Producer {
    name: String,
    service: ServiceView,
    random: fastrand::Rng,
    epoch: u64,
    /// How many lines of this epoch it has made.
    made: u64,
    /// How many of them were acknowledged.
    acknowledged: u64,
    /// How many lines of each former epoch were acknowledged, and how many were made.
    former: Vec<(u64, u64)>,
    pub(super) seen: Seen,
}

/// What happened to it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) unanswered: u64,
    pub(super) duplicates: u64,
    pub(super) gaps: u64,
    pub(super) zombies: u64,
    pub(super) epochs: u64,
}

impl Producer {
    pub(super) fn new(name: String, service: ServiceView, seed: u64) -> Self {
        Self {
            name,
            service,
            random: fastrand::Rng::with_seed(seed),
            epoch: 0,
            made: 0,
            acknowledged: 0,
            former: Vec::new(),
            seen: Seen::default(),
        }
    }

    /// Takes so many steps, and then sends all that is left.
    pub(super) async fn run(&mut self, steps: usize) {
        for _ in 0..steps {
            self.step().await;
        }
        let end = Instant::now() + Duration::from_secs(120);
        self.made = self.made.max(1);
        while self.acknowledged < self.made {
            assert!(
                Instant::now() < end,
                "{} of {}",
                self.acknowledged,
                self.made
            );
            let (from, end) = (self.acknowledged, self.made);
            self.send_and_learn(from, end, Fault::Nothing).await;
        }
    }

    async fn step(&mut self) {
        let wanted = self.acknowledged + self.random.u64(1..40);
        self.made = self.made.max(wanted);
        let from = self.acknowledged;
        let end = self.random.u64(from + 1..=self.made);
        match self.random.u8(..12) {
            // Some of what is known already comes again.
            0 | 1 => {
                let from = self.random.u64(..=from);
                self.send_and_learn(from, end, Fault::Nothing).await;
            }
            2..=4 => {
                // Also behind the end of the answer: then it is not lost.
                let fault = Fault::CutAnswer(self.random.usize(..600));
                self.send_and_learn(from, end, fault).await;
            }
            5 | 6 => {
                let fault = Fault::CutRequest(self.random.usize(..2_000));
                self.send_and_learn(from, end, fault).await;
            }
            7 => self.leave_a_gap().await,
            8 if self.random.bool() => self.start_anew(),
            9 => self.be_a_zombie().await,
            10 => self.ask_where_it_is().await,
            _ => self.send_and_learn(from, end, Fault::Nothing).await,
        }
    }

    async fn send_and_learn(&mut self, from: u64, end: u64, fault: Fault) {
        let request = self.request(self.epoch, from, end);
        match self.send(&request, fault).await {
            None | Some((503, _)) => {
                self.seen.unanswered += 1;
                // A replica that was killed takes a moment.
                sleep(Duration::from_millis(5)).await;
            }
            Some((200, body)) => {
                let next = body["next"].as_u64().unwrap();
                assert!((end..=self.made).contains(&next), "{end} {body}");
                assert_eq!(body["resumed"], true, "{body}");
                self.seen.duplicates += body["duplicate"].as_u64().unwrap();
                self.acknowledged = next;
            }
            Some(other) => panic!("{}: {from}..{end}: {other:?}", self.name),
        }
    }

    async fn leave_a_gap(&mut self) {
        // Where nothing is known of a producer, any number is a beginning.
        if self.acknowledged == 0 {
            return;
        }
        let request = self.request(self.epoch, self.made + 1, self.made + 2);
        match self.send(&request, Fault::Nothing).await {
            None | Some((503, _)) => {}
            Some((409, body)) => {
                assert_eq!(body["code"], "line-gap");
                let next = body["next"].as_u64().unwrap();
                assert!((self.acknowledged..=self.made).contains(&next), "{body}");
                self.acknowledged = next;
                self.seen.gaps += 1;
            }
            Some(other) => panic!("{}: {other:?}", self.name),
        }
    }

    /// A worker that has lost its count.
    fn start_anew(&mut self) {
        self.former.push((self.acknowledged, self.made));
        (self.epoch, self.made, self.acknowledged) = (self.epoch + 1, 0, 0);
        self.seen.epochs += 1;
    }

    /// The worker of the epoch before goes on.
    async fn be_a_zombie(&mut self) {
        let Some((_, made)) = self.former.last().copied() else {
            return;
        };
        if self.acknowledged == 0 {
            return;
        }
        let request = self.request(self.epoch - 1, made, made + 3);
        match self.send(&request, Fault::Nothing).await {
            None | Some((503, _)) => {}
            Some((403, body)) => {
                assert_eq!(
                    (&body["code"], &body["epoch"]),
                    (&json!("stale-epoch"), &json!(self.epoch))
                );
                self.seen.zombies += 1;
            }
            Some(other) => panic!("{}: {other:?}", self.name),
        }
    }

    async fn ask_where_it_is(&mut self) {
        let head = self.head("GET", &format!("/producers/{}", self.name));
        let request = format!("{head}\r\n").into_bytes();
        if let Some((200, body)) = self.send(&request, Fault::Nothing).await
            && body["epoch"] == self.epoch
        {
            let next = body["next"].as_u64().unwrap();
            assert!((self.acknowledged..=self.made).contains(&next), "{body}");
            self.acknowledged = next;
        }
    }

    async fn send(&mut self, request: &[u8], fault: Fault) -> Option<(u16, Value)> {
        let replica = self.random.usize(..2);
        self.service.send(replica, request, fault).await
    }

    fn head(&self, method: &str, more: &str) -> String {
        let (path, token) = (path(&self.service.job), &self.service.token);
        format!(
            "{method} {path}{more} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n"
        )
    }

    /// An append of these lines, in one of the ways in which they can be sent.
    fn request(&mut self, epoch: u64, from: u64, end: u64) -> Vec<u8> {
        let text = |n: u64| {
            format!(
                "{}/{epoch}/{n} {}",
                self.name,
                "x".repeat(usize::try_from(n % 50).unwrap())
            )
        };
        let plain: String = (from..end).map(|n| text(n) + "\n").collect();
        let json: String = (from..end)
            .map(|n| json!({"text": text(n)}).to_string() + "\n")
            .collect();
        let numbers = format!(
            "Log-Producer: {}\r\nLog-Epoch: {epoch}\r\nLog-Line: {from}\r\n",
            self.name
        );
        let length = |body: &[u8]| format!("Content-Length: {}\r\n", body.len());
        let (more, headers, body) = match self.random.u8(..4) {
            0 => ("", length(plain.as_bytes()), plain.into_bytes()),
            1 => {
                let ndjson = "Content-Type: application/x-ndjson\r\n";
                (
                    "",
                    format!("{ndjson}{}", length(json.as_bytes())),
                    json.into_bytes(),
                )
            }
            2 => {
                let mut gzip =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                gzip.write_all(plain.as_bytes()).unwrap();
                let body = gzip.finish().unwrap();
                (
                    "",
                    format!("Content-Encoding: gzip\r\n{}", length(&body)),
                    body,
                )
            }
            // As it comes: of a body that is cut, the whole lines are kept.
            _ => {
                let pieces = plain.as_bytes().chunks(self.random.usize(1..200));
                let chunk = |piece: &[u8]| {
                    let head = format!("{:x}\r\n", piece.len()).into_bytes();
                    [&head, piece, b"\r\n"].concat()
                };
                let body = [pieces.flat_map(chunk).collect(), b"0\r\n\r\n".to_vec()].concat();
                (
                    "?stream=1",
                    "Transfer-Encoding: chunked\r\n".to_owned(),
                    body,
                )
            }
        };
        let head = self.head("POST", more);
        [format!("{head}{numbers}{headers}\r\n").into_bytes(), body].concat()
    }

    /// The lines of this epoch are all there, those of former ones at least as far as they were acknowledged. Returns how
    /// many lines of the log are this producer's.
    pub(super) fn check(&self, texts: &[String], seed: u64) -> usize {
        let numbers = |epoch: u64| {
            let prefix = format!("{}/{epoch}/", self.name);
            let own = texts
                .iter()
                .filter_map(move |text| text.strip_prefix(&prefix));
            own.map(|rest| rest.split_once(' ').unwrap().0.parse::<u64>().unwrap())
                .collect::<Vec<_>>()
        };
        let last = numbers(self.epoch);
        let expected: Vec<_> = (0..self.made).collect();
        assert_eq!(last, expected, "seed {seed}, {}", self.name);
        let mut all = last.len();
        for (epoch, (acknowledged, made)) in (0..).zip(&self.former) {
            let there = numbers(epoch);
            let count = there.len() as u64;
            assert_eq!(
                there,
                (0..count).collect::<Vec<_>>(),
                "seed {seed}: in order, once each"
            );
            assert!(
                (*acknowledged..=*made).contains(&count),
                "seed {seed}: {count} of {acknowledged}..{made}"
            );
            all += there.len();
        }
        all
    }
}
