//! `joblog run`: what it shows, what it writes to the log, and how it ends.

use test_support::RedisServer;

use crate::support::{ANN, Job, counting, end_of, ended, first_line, joblog, numbered};

#[tokio::test]
async fn the_output_is_shown_unchanged_and_written_to_the_log_and_the_job_ends_ready() {
    let job = Job::new().await;
    let script = r"printf '\033[31mred\033[0m \377\n'; printf 'no newline'; echo err >&2";
    let ended = ended(job.run(&[], script)).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.out, b"\x1b[31mred\x1b[0m \xff\nno newline");
    assert_eq!(ended.err, "err\n", "joblog itself prints nothing");
    let mut log = job.log().await;
    log.sort();
    let line = |source: &str, text: &str| (source.to_owned(), text.to_owned());
    let expected = [
        line("stderr", "err"),
        line("stdout", "no newline"),
        line("stdout", "red \u{fffd}"),
        line("system", "Running sh"),
    ];
    assert_eq!(log, expected);
    assert_eq!(job.status().await, "ready");
    let owner = job.command(&["HGET", &job.key(), "user_id"]).await.text();
    assert_eq!(owner, ANN);
}

#[tokio::test]
async fn the_exit_code_is_that_of_the_command_and_the_job_fails_with_it() {
    for (script, code, said) in [
        ("exit 3", 3, "The command ended with exit code 3"),
        ("kill -9 $$", 137, "The command ended with signal 9"),
    ] {
        let job = Job::new().await;
        let ended = ended(job.run(&[], script)).await;
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert_eq!(job.status().await, "failed");
        let last = job.log().await.pop().unwrap();
        assert_eq!(last, ("system".to_owned(), said.to_owned()));
    }
}

#[tokio::test]
async fn a_command_that_cannot_be_started_fails_the_job_with_the_exit_codes_of_a_shell() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("not-a-program");
    std::fs::write(&file, "x").unwrap();
    for (program, code, said) in [
        ("no-such-command-anywhere", 127, "command not found"),
        (file.to_str().unwrap(), 126, "ermission denied"),
    ] {
        let job = Job::new().await;
        let command = job.joblog(&["run", "--user", ANN, "--", program]);
        let ended = ended(command).await;
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.err.contains(said), "{ended:?}");
        assert_eq!(job.status().await, "failed");
        assert!(job.log().await.pop().unwrap().1.contains(said));
    }
}

#[tokio::test]
async fn errors_are_reported_before_the_command_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let proof = folder.path().join("started");
    let script = format!("touch {}", proof.display());
    let server = RedisServer::shared().await;
    let redis = server.url();
    let script = ["--", "sh", "-c", &script];
    let new = Job::new().await;
    let over = Job::with_status("failed").await;
    let ready = Job::with_status("ready").await;
    let bobs = Job::with_status("queued").await;
    let secret = "--secret-env";
    let on = ["run", "--redis", &redis];
    for (options, said) in [
        (vec!["--job", &new.id], "needs an owner"),
        (vec!["--job", &over.id], "has ended: it is failed"),
        (vec!["--job", &ready.id], "has ended: it is ready"),
        (
            vec!["--job", &bobs.id, "--user", "bob"],
            "does not belong to bob",
        ),
        (vec![], "--job ID"),
        (vec!["--job", "a b"], "the job id"),
        (vec!["--job", &bobs.id, secret, "UNSET"], "UNSET"),
        (
            vec!["--job", &bobs.id, "--secret-file", "/no/such/file"],
            "/no/such/file",
        ),
    ] {
        let arguments = [&on[..], &options, &script].concat();
        let ended = ended(joblog(&arguments)).await;
        assert_eq!(ended.code, Some(125), "{options:?} {ended:?}");
        assert!(ended.err.contains(said), "{options:?} {ended:?}");
        assert!(ended.out.is_empty());
        assert!(!proof.exists(), "{options:?}");
    }
    let nowhere = joblog(&["run", "--job", "a", "--", "true"]);
    let ended = ended(nowhere).await;
    assert!(ended.err.contains("JOBLOG_REDIS_URL"), "{ended:?}");
    assert_eq!(job_fields(&new).await, 0, "no job was created");
}

async fn job_fields(job: &Job) -> usize {
    let fields = job.command(&["HGETALL", &job.key()]).await;
    fields.array().len()
}

#[tokio::test]
async fn an_unreachable_redis_is_reported_before_the_command_is_started() {
    let ended = ended(joblog(&[
        "run",
        "--redis",
        "redis://127.0.0.1:1",
        "--job",
        "a",
        "--user",
        ANN,
        "--",
        "echo",
        "started",
    ]))
    .await;
    assert_eq!(ended.code, Some(125), "{ended:?}");
    assert!(ended.out.is_empty());
    assert!(ended.err.contains("cannot be reached"), "{ended:?}");
}

#[tokio::test]
async fn a_job_continues_from_its_current_status() {
    for status in ["starting", "code", "checks", "scheduled"] {
        let job = Job::with_status(status).await;
        let ended = ended(job.joblog(&["run", "--", "true"])).await;
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{status}");
        assert_eq!(job.status().await, "ready", "{status}");
    }
}

#[tokio::test]
async fn no_secret_reaches_redis_in_any_encoding() {
    let job = Job::new().await;
    let script = r#"echo "plain $DEPLOY_KEY"; printf %s "$DEPLOY_KEY" | base64; printf %s "$DEPLOY_KEY" | cut -c1-9 | tr -d '\n'
        sleep 0.2; printf '%s\n' "$DEPLOY_KEY" | cut -c10-; echo "API_TOKEN=not-registered" >&2; echo postgres://ann:hunter22@db/x"#;
    let mut command = job.run(&["--secret-env", "DEPLOY_KEY"], script);
    command.env("DEPLOY_KEY", "zebra/42 %crossing");
    let ended = ended(command).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.text().contains("plain zebra/42 %crossing"));
    assert!(ended.text().contains("emVicmEvNDIgJWNyb3NzaW5n"));
    let everything = format!("{:?}", job.log().await);
    for secret in [
        "zebra",
        "crossing",
        "emVicmE",
        "c3Npbmc",
        "not-registered",
        "hunter22",
    ] {
        assert!(!everything.contains(secret), "{secret} in {everything}");
    }
    assert!(everything.contains("plain [REDACTED]"), "{everything}");
}

#[tokio::test]
async fn an_empty_secret_is_reported_and_hides_nothing() {
    let job = Job::new().await;
    let mut command = job.run(&["--secret-env", "EMPTY"], "echo hello");
    command.env("EMPTY", "");
    let ended = ended(command).await;
    assert_eq!(ended.code, Some(0));
    assert!(ended.err.contains("EMPTY"), "{ended:?}");
    assert_eq!(job.texts().await, ["hello"]);
}

#[tokio::test]
async fn the_log_keeps_colours_on_request_and_lines_have_the_phase() {
    let job = Job::new().await;
    let script = r"printf '\033[31mred\033[0m \033[2J\n'";
    let options = ["--keep-colors", "--phase", "install"];
    assert_eq!(ended(job.run(&options, script)).await.code, Some(0));
    assert_eq!(job.texts().await, ["\x1b[31mred\x1b[0m "]);
    let logs = format!("{}:logs", job.key());
    let entries = job.command(&["XRANGE", &logs, "-", "+"]).await;
    assert!(format!("{entries:?}").contains("install") || entries.array().len() == 2);
}

#[tokio::test]
async fn the_command_and_its_log_continue_when_the_reader_goes_away() {
    let job = Job::new().await;
    let mut child = job.run(&[], &counting(3000, 1000, "0.1")).spawn().unwrap();
    assert_eq!(first_line(&mut child).await, "line 0");
    drop(child.stdout.take());
    let ended = end_of(child).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert_eq!(job.texts().await, numbered(0..3000));
    assert_eq!(job.status().await, "ready");
}

#[tokio::test]
async fn the_command_gets_the_standard_input() {
    use tokio::io::AsyncWriteExt as _;
    let job = Job::new().await;
    let mut command = job.run(&[], "cat");
    command.stdin(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"typed\n").await.unwrap();
    drop(stdin);
    assert_eq!(end_of(child).await.text(), "typed\n");
    assert_eq!(job.texts().await, ["typed"]);
}

#[tokio::test]
async fn merged_output_is_in_the_exact_order_and_all_of_it_is_standard_output() {
    let job = Job::new().await;
    let script = "echo 1 err >&2; echo 2 out; echo 3 err >&2; echo 4 out";
    let run = ended(job.run(&["--merge"], script)).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    let expected = ["1 err", "2 out", "3 err", "4 out"];
    assert_eq!(run.lines(), expected);
    assert_eq!(job.texts().await, expected);
    let log = job.log().await;
    assert!(
        log[1..].iter().all(|(source, _)| source == "stdout"),
        "{log:?}"
    );
    let help = ended(joblog(&["run", "--help"])).await.text();
    assert!(
        help.contains("Lost is") && help.contains("which output a line came from"),
        "{help}"
    );
}
