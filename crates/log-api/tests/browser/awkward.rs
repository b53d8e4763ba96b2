//! Logs that real tools wrote when a build failed: what is shown of them, and where their errors are.
//!
//! `logs/` has what the tools printed, byte by byte; only the paths of the machine are others.

use crate::page::Page;
use crate::support::{Job, shared};

/// A log and what a reader must find in it.
struct Awkward {
    log: &'static str,
    /// The line at which it opens, and further ones that `n` leads to.
    failures: &'static [&'static str],
}

const DOCKER: Awkward = Awkward {
    log: include_str!("logs/docker-build.log"),
    failures: &["error while loading shared libraries: libz.so.1"],
};
const WEBPACK: Awkward = Awkward {
    log: include_str!("logs/webpack.log"),
    failures: &[
        "ERROR in ./src/index.js 2:0-19",
        "ERROR in ./src/index.js 3:0-22",
        "ERROR in ./src/sum.js 2:13",
    ],
};
const PYTEST: Awkward = Awkward {
    log: include_str!("logs/pytest.log"),
    failures: &[
        "E       FileNotFoundError: [Errno 2] No such file or directory: '/no/such/file'",
        "E       assert 5 == (3 * 2)",
        ">       raise KeyError(\"name\")",
        "FAILED test_app.py::test_twice[3] - assert 5 == (3 * 2)",
    ],
};
const GRADLE: Awkward = Awkward {
    log: include_str!("logs/gradle.log"),
    failures: &[
        "/build/app/src/main/java/demo/App.java:3: error: cannot find symbol",
        "/build/app/src/main/java/demo/App.java:4: error: incompatible types: int cannot be converted to String",
        "FAILURE: Build failed with an exception.",
    ],
};

/// The errors in the window.
const SEEN: &str = "rows().filter((row) => row.classList.contains('failure')).map(textOf)";

#[tokio::test]
async fn logs_of_real_tools_open_at_their_first_error_and_the_keys_go_through_all_of_them() {
    let (redis, api) = shared().await;
    for Awkward { log, failures } in [DOCKER, WEBPACK, PYTEST, GRADLE] {
        let job = Job::new(&redis).await;
        // Between the errors is more than a window, so that going to one shows no other.
        let mut lines = Vec::new();
        for line in log.lines() {
            let is_error = failures.contains(&plain(line).as_str());
            lines.extend((0..80).filter(|_| is_error).map(|n| format!("more {n}")));
            lines.push(line.to_owned());
        }
        job.append_all(&lines).await;
        job.set_status("failed").await;
        let page = Page::open(&api, &job).await;
        page.until_lines(lines.len()).await;
        for (at, failure) in failures.iter().enumerate() {
            if at > 0 {
                page.run("press('n'); await frame(); await frame();").await;
            }
            let text = serde_json::to_string(failure).unwrap();
            page.until(&format!("{SEEN}.includes({text})")).await;
        }
        if let [.., before, _] = failures {
            page.run("press('p'); await frame(); await frame();").await;
            let text = serde_json::to_string(before).unwrap();
            page.until(&format!("{SEEN}.includes({text})")).await;
        }
    }
}

#[tokio::test]
async fn no_control_sequence_of_a_real_tool_is_shown_and_every_line_is() {
    let (redis, api) = shared().await;
    for Awkward { log, .. } in [DOCKER, WEBPACK, PYTEST, GRADLE] {
        let job = Job::new(&redis).await;
        job.append_all(log.lines()).await;
        let page = Page::open(&api, &job).await;
        let expected: Vec<String> = log.lines().map(plain).collect();
        page.until_lines(expected.len()).await;
        let seen: Vec<String> = page
            .walk()
            .await
            .into_iter()
            .map(|(_, text)| text)
            .collect();
        assert_eq!(seen, expected);
    }
}

/// What a terminal shows of a line of these logs in the end.
fn plain(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line.trim_end_matches('\r');
    rest = rest.rsplit('\r').next().unwrap_or_default();
    while let Some((before, sequence)) = rest.split_once("\x1b[") {
        text.push_str(before);
        rest = sequence.split_once('m').map_or("", |(_, after)| after);
    }
    text + rest
}
