//! Lines that stay open, and lines that are written over.

use std::process::Stdio;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::support::{Job, SOON, ended};
use crate::terminal::{pseudo_terminal, shown_by};

/// What the log of a command contains: the text of each line, and whether it is the state of an open line.
async fn log_of(options: &[&str], script: &str) -> Vec<(String, bool)> {
    let job = Job::new().await;
    let ended = ended(job.run(options, script)).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    lines(&job).await
}

async fn lines(job: &Job) -> Vec<(String, bool)> {
    let printed = ended(job.joblog(&["cat", "--json"])).await.text();
    let lines = printed.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = line["text"].as_str().unwrap().to_owned();
        let is_open = line.get("open").is_some_and(|open| open == true);
        (line["source"] != "system").then_some((text, is_open))
    });
    lines.flatten().collect()
}

fn closed(text: &str) -> (String, bool) {
    (text.to_owned(), false)
}

fn open(text: &str) -> (String, bool) {
    (text.to_owned(), true)
}

#[tokio::test]
async fn a_prompt_that_hangs_is_in_the_log_while_it_hangs() {
    let job = Job::new().await;
    let script = r"printf 'continue? [y/N] '; read answer; echo $answer";
    let mut command = job.run(&[], script);
    command.stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let prompt = async {
        while job.texts().await.is_empty() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(SOON, prompt).await.expect("the prompt");
    assert_eq!(lines(&job).await, [open("continue? [y/N] ")]);

    drop(child.stdin.take());
    child.wait().await.unwrap();
    let expected = [open("continue? [y/N] "), closed("continue? [y/N] ")];
    assert_eq!(lines(&job).await, expected);
}

#[tokio::test]
async fn progress_says_when_the_state_of_an_open_line_is_written() {
    let bar = r"for n in 1 2 3 4 5 6 7 8 9; do printf '\r%s0 %%' $n; sleep 0.5; done; printf '\rdone\033[K\n'";
    let (default, every, last, off) = tokio::join!(
        log_of(&[], bar),
        log_of(&["--progress", "every=1s"], bar),
        log_of(&["--progress", "last"], bar),
        log_of(&["--progress", "off"], bar),
    );
    let states = |log: &[(String, bool)]| log.iter().filter(|(_, open)| *open).count();
    assert_eq!(states(&default), 1, "{default:?}");
    assert!(states(&every) > 1, "{every:?}");
    assert_eq!((states(&last), states(&off)), (0, 0), "{last:?} {off:?}");
    for log in [default, every, last, off] {
        assert_eq!(log.last(), Some(&closed("done")), "{log:?}");
    }
    let job = Job::new().await;
    let refused = ended(job.run(&["--progress", "sometimes"], "true")).await;
    assert!(refused.err.contains("every=10s"), "{refused:?}");
}

#[tokio::test]
async fn the_log_has_what_a_terminal_would_have_shown() {
    for (script, stripped, coloured) in [
        (r"printf 'a\033[3Cb\n'", vec!["a   b"], vec!["a   b"]),
        (r"printf 'a\033[6Gb\n'", vec!["a    b"], vec!["a    b"]),
        (r"printf 'abc\b\bX\n'", vec!["aXc"], vec!["aXc"]),
        (
            r"printf 'important\r\033[0m\n'",
            vec!["important"],
            vec!["important"],
        ),
        (r"printf '10%%\r50%%\r100%%\n'", vec!["100%"], vec!["100%"]),
        (
            r"printf 'Creating a ... \r\nCreating b ... \r\n\033[2A\033[2K\rCreating a ... done\r\033[2B'; echo end",
            vec![
                "Creating a ... ",
                "Creating b ... ",
                "Creating a ... done",
                "end",
            ],
            vec![
                "Creating a ... ",
                "Creating b ... ",
                "Creating a ... done",
                "end",
            ],
        ),
        (
            r"printf 'line one\033[2;1Hline two\n'",
            vec!["line one", "line two"],
            vec!["line one", "line two"],
        ),
        (
            r"printf 'line one\033[H\033[2Jline two\n'",
            vec!["line one", "line two"],
            vec!["line one", "line two"],
        ),
        (
            r"printf '\033[31mone\ntwo\033[0m\nthree\n'",
            vec!["one", "two", "three"],
            vec!["\x1b[31mone\x1b[0m", "\x1b[31mtwo\x1b[0m", "three"],
        ),
    ] {
        for (options, expected) in [(&[][..], stripped), (&["--keep-colors"], coloured)] {
            let expected: Vec<_> = expected.into_iter().map(closed).collect();
            assert_eq!(
                log_of(options, script).await,
                expected,
                "{script} {options:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_terminal_shows_the_newest_state_of_an_open_line_until_its_line_comes() {
    let job = Job::with_status("ready").await;
    let logs = format!("{}:logs", job.key());
    for (source, text, open) in [
        ("stdout", "50 %", true),
        ("stdout", "75 %", true),
        ("stderr", "careful", false),
        ("stdout", "done", false),
        ("stdout", "what now? ", true),
    ] {
        let mut command = vec!["XADD", &logs, "*", "source", source, "text", text];
        command.extend(open.then_some(["open", "1"]).into_iter().flatten());
        job.command(&command).await;
    }
    let (ours, theirs) = pseudo_terminal();
    let mut command = job.joblog(&["cat", "--color", "never"]);
    command.env("TERM", "xterm").stdout(Stdio::from(theirs));
    let shown = shown_by(ours, command).await;
    let state = "\x1b[?7lwhat now? \x1b[?7h\r\x1b[K";
    assert_eq!(shown, format!("careful\r\ndone\r\n{state}what now? \r\n"));

    let piped = ended(job.joblog(&["cat"])).await.text();
    assert_eq!(piped, "50 %\n75 %\ncareful\ndone\nwhat now? \n");
}
