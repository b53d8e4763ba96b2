//! The limit of open files, which bounds the number of connections. It is raised as far as possible; if that is not
//! enough, a warning says so.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files besides the connections of clients: listeners, the store, the key set, the runtime.
const RESERVE: usize = 200;

/// How many connections fit, at most `wanted`. Raises the soft limit of open files as far as the hard one allows.
pub(super) fn connections_that_fit(wanted: usize) -> usize {
    let limit = raised(getrlimit(Resource::Nofile));
    let (fit, message) = fitting(wanted, limit);
    if let Some(message) = message {
        tracing::warn!("{message}");
    }
    fit
}

/// The soft limit after raising it; `None` is no limit.
fn raised(limit: Rlimit) -> Option<u64> {
    let highest = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // Some systems report a maximum that they do not grant. Then the limit stays as it is.
    match setrlimit(Resource::Nofile, highest) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    }
}

fn fitting(wanted: usize, limit: Option<u64>) -> (usize, Option<String>) {
    let files = limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    });
    let fit = files.saturating_sub(RESERVE).max(1);
    if fit >= wanted {
        return (wanted, None);
    }
    let message = format!(
        "the limit of open files is {files}, so {fit} connections fit and not the {wanted} of LOG_API_MAX_CONNECTIONS; \
         raise it (`ulimit -n`, LimitNOFILE= in systemd, `ulimits: nofile` in compose) to {} or lower the setting",
        wanted + RESERVE
    );
    (fit, Some(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warning_names_both_ways_out() {
        assert_eq!(fitting(25_000, None), (25_000, None));
        assert_eq!(fitting(25_000, Some(1_000_000)), (25_000, None));
        let (fit, message) = fitting(25_000, Some(20_000));
        assert_eq!(fit, 19_800);
        let message = message.unwrap();
        for word in ["20000", "25200", "ulimit -n", "LOG_API_MAX_CONNECTIONS"] {
            assert!(message.contains(word), "{word}: {message}");
        }
    }

    #[test]
    fn a_limit_below_the_reserve_leaves_one_connection() {
        assert_eq!(fitting(10, Some(64)).0, 1);
    }
}
