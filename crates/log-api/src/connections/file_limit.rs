//! The limit of open files, which bounds the connections: raised as far as it goes, and told where that is not enough.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are open besides clients' connections: listeners, the store, the key set, the runtime's own.
const RESERVE: usize = 200;

/// How many connections fit, `wanted` at most. Raises the soft limit of open files as far as the hard one allows.
pub(super) fn connections_that_fit(wanted: usize) -> usize {
    let limit = raised(getrlimit(Resource::Nofile));
    let (fit, message) = judge(wanted, limit);
    if let Some(message) = message {
        tracing::warn!("{message}");
    }
    fit
}

/// The soft limit after it was raised; `None` is no limit.
fn raised(limit: Rlimit) -> Option<u64> {
    let highest = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // Where it cannot be raised (some systems report a maximum that they do not grant), it stays as it is.
    match setrlimit(Resource::Nofile, highest) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    }
}

fn judge(wanted: usize, limit: Option<u64>) -> (usize, Option<String>) {
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
    fn what_does_not_fit_is_told_with_both_ways_out() {
        assert_eq!(judge(25_000, None), (25_000, None));
        assert_eq!(judge(25_000, Some(1_000_000)), (25_000, None));
        let (fit, message) = judge(25_000, Some(20_000));
        assert_eq!(fit, 19_800);
        let message = message.unwrap();
        for word in ["20000", "25200", "ulimit -n", "LOG_API_MAX_CONNECTIONS"] {
            assert!(message.contains(word), "{word}: {message}");
        }
    }

    #[test]
    fn a_limit_below_the_reserve_still_serves() {
        assert_eq!(judge(10, Some(64)).0, 1);
    }
}
