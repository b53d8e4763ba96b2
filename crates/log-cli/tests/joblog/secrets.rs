//! Which secrets `joblog run` hides, and what it says of those that it does not.

use crate::support::{Job, ended};

const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N";

/// Runs a script with variables. Returns the log, and what joblog said.
async fn run(options: &[&str], variables: &[(&str, &str)], script: &str) -> (Vec<String>, String) {
    let job = Job::new().await;
    let mut command = job.run(options, script);
    command.envs(variables.iter().copied());
    let ended = ended(command).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    (job.texts().await, ended.err)
}

#[tokio::test]
async fn lines_after_a_token_are_whole() {
    let script = "echo $J; sleep 0.3; echo FAILED; echo retrying; echo 'all done'; seq 1 2000";
    let (log, _) = run(&[], &[("J", JWT)], script).await;
    assert_eq!(log[..4], ["[REDACTED]", "FAILED", "retrying", "all done"]);
    assert_eq!(log.len(), 2004);
    assert_eq!(log[2003], "2000");
}

#[tokio::test]
async fn a_short_or_common_secret_is_named_and_not_hidden() {
    let options = ["--secret-env", "S", "--secret-env", "T"];
    let (log, said) = run(
        &options,
        &[("S", "1213"), ("T", "abc")],
        "seq 10 16; echo abc",
    )
    .await;
    assert_eq!(log, ["10", "11", "12", "13", "14", "15", "16", "abc"]);
    assert!(said.contains("the value of S is not hidden"), "{said}");
    assert!(said.contains("the value of T is not hidden"), "{said}");
}

#[tokio::test]
async fn a_secret_is_hidden_as_a_shell_traces_it() {
    let script = "bash -xc ': --password \"$S\"; declare -p S; printf \"%q\\n\" \"$S\"' 2>&1";
    let (log, _) = run(&["--secret-env", "S"], &[("S", "it's-a-Secret9")], script).await;
    let log = log.join("\n");
    assert!(log.contains("[REDACTED]"), "{log}");
    for part in ["it'", "s-a", "Secret9"] {
        assert!(!log.contains(part), "{part} in {log}");
    }
}

#[tokio::test]
async fn variables_whose_names_say_so_are_hidden_unless_told_otherwise() {
    let variables = [
        ("ACME_TOKEN", "zebra-one"),
        ("ACME_KEY", "zebra-two"),
        ("PGPASSWORD", "zebra-three"),
        ("ACME_PLAIN", "zebra-four"),
    ];
    let script = "echo $ACME_TOKEN $ACME_KEY $PGPASSWORD $ACME_PLAIN";
    let (log, said) = run(&[], &variables, script).await;
    assert_eq!(log, ["[REDACTED] [REDACTED] [REDACTED] zebra-four"]);
    assert_eq!(said, "");
    let (log, _) = run(&["--no-default-secrets"], &variables, script).await;
    assert_eq!(log, ["zebra-one zebra-two zebra-three zebra-four"]);
}

#[tokio::test]
async fn the_path_of_a_key_is_no_secret() {
    let script = "echo $TLS_KEY";
    let (log, _) = run(&[], &[("TLS_KEY", "/etc/passwd")], script).await;
    assert_eq!(log, ["/etc/passwd"]);
}

#[tokio::test]
async fn a_pattern_names_several_variables() {
    let variables = [("ACME_A", "zebra-one"), ("ACME_B", "zebra-two")];
    let script = "echo $ACME_A $ACME_B";
    let (log, said) = run(&["--secret-env", "ACME_*"], &variables, script).await;
    assert_eq!(log, ["[REDACTED] [REDACTED]"]);
    assert_eq!(said, "");
    let (log, said) = run(&["--secret-env", "NOBODY_*"], &variables, script).await;
    assert_eq!(log, ["zebra-one zebra-two"]);
    assert!(said.contains("NOBODY_*"), "{said}");
}

#[tokio::test]
async fn the_content_the_lines_and_the_values_of_a_file_are_hidden() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secrets");
    let path = file.to_str().unwrap();
    let content = "first-zebra\nsecond zebra line\nDB_PASSWORD=third\nDEBUG=true\nab\n";
    std::fs::write(&file, content).unwrap();
    let script = "echo first-zebra; echo a second zebra line; echo third; echo DEBUG=true; echo ab";
    let (log, said) = run(&["--secret-file", path], &[], script).await;
    assert_eq!(
        log,
        [
            "[REDACTED]",
            "a [REDACTED]",
            "[REDACTED]",
            "DEBUG=true",
            "ab"
        ]
    );
    assert!(said.contains("line 5 is not hidden"), "{said}");
}
