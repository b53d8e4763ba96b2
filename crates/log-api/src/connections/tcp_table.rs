//! The kernel's table of TCP connections: for each socket, whether its peer answers.
//!
//! `/proc/self/net/tcp` (and `tcp6`) has a line a socket; `Documentation/networking/proc_net_tcp.rst` in Linux's source
//! names the fields. What counts here:
//!
//! | field | says |
//! |---|---|
//! | `tx_queue` | bytes that the peer has not acknowledged, sent or not |
//! | `tr` | the timer that runs: 1 resends what was sent, 4 probes a peer whose window is closed |
//! | `retrnsmt` | timeouts since the peer last acknowledged anything |
//! | `timeout` | probes since the peer last answered one |
//! | `inode` | the socket's number |
//!
//! A peer that is alive and reads nothing acknowledges every probe; one that is gone acknowledges nothing. A timeout on
//! the socket (`TCP_USER_TIMEOUT`) cannot tell the two apart.

use std::fs;
use std::io;

/// Where the tables are; the second one is missing where there is no IPv6.
const TABLES: [&str; 2] = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];

/// A socket with unacknowledged output and a timer on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) socket: u64,
    /// Unacknowledged bytes.
    pub(super) queued: u64,
    /// Whether the peer's window is closed.
    pub(super) window_closed: bool,
    /// Timeouts or probes without an answer.
    pub(super) unanswered: u64,
}

/// All sockets of this network namespace that wait for their peer.
pub(super) fn waiting() -> io::Result<Vec<Waiting>> {
    let mut waiting = of_table(&fs::read(TABLES[0])?);
    if let Ok(table) = fs::read(TABLES[1]) {
        waiting.extend(of_table(&table));
    }
    Ok(waiting)
}

fn of_table(table: &[u8]) -> Vec<Waiting> {
    let lines = table.split(|byte| *byte == b'\n').skip(1);
    lines.filter_map(of_line).collect()
}

fn of_line(line: &[u8]) -> Option<Waiting> {
    let mut fields = str::from_utf8(line).ok()?.split_ascii_whitespace();
    // `sl`, both addresses, the state.
    let (queues, timer) = (fields.nth(4)?, fields.next()?);
    let window_closed = match timer.split(':').next()? {
        "01" => false,
        "04" => true,
        _ => return None,
    };
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let resent = hex(fields.next()?)?;
    // After the user comes the number of probes, in decimal.
    let probed: u64 = fields.nth(1)?.parse().ok()?;
    let socket = fields.next()?.parse().ok()?;
    Some(Waiting {
        socket,
        queued: hex(queues.split(':').next()?)?,
        window_closed,
        unanswered: resent + probed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 100 1 ffff 100 0 0 10 0
   1: 0100007F:1F90 0200007F:D4A2 01 0000002A:00000000 01:00000F00 00000005     0        0 101 3 ffff 20 4 29 1 7
   2: 0100007F:1F90 0300007F:D4A3 01 00010000:00000000 04:00000F00 00000000     0        0 102 3 ffff 20 4 29 10 7
   3: 0100007F:1F90 0400007F:D4A4 01 00010000:00000000 04:00000F00 00000000     0        3 103 3 ffff 20 4 29 10 7
   4: 0100007F:1F90 0500007F:D4A5 01 00000000:00000000 00:00000000 00000000     0        0 104 1 ffff 20 4 29 10 -1
";

    #[test]
    fn the_table_tells_a_peer_that_is_gone_from_one_that_reads_nothing() {
        let all = of_table(TABLE.as_bytes());
        let seen: Vec<_> = all
            .iter()
            .map(|w| (w.socket, w.queued, w.window_closed, w.unanswered))
            .collect();
        assert_eq!(
            seen,
            [
                (101, 42, false, 5),
                (102, 65_536, true, 0),
                (103, 65_536, true, 3)
            ]
        );
    }

    #[test]
    fn a_line_that_says_something_else_is_passed_over() {
        assert_eq!(of_table(b"head\n\nnonsense\n 1: a b c\n"), []);
    }
}
