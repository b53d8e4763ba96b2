//! Help, completions and manual pages.

use crate::support::{ended, joblog};

#[tokio::test]
async fn help_has_examples_and_all_exit_codes() {
    for (command, parts) in [
        (
            &["--help"][..],
            &["joblog run", "Exit codes", "REDIS_URL"][..],
        ),
        (
            &["run", "--help"],
            &["-- cargo build", "127", "--secret-env"],
        ),
        (
            &["tail", "--help"],
            &["--since 10m", "ended `failed`", "--json"],
        ),
        (&["cat", "--help"], &["| less", "Exit codes"]),
        (&["create", "--help"], &["--user user_ann", "Exit codes"]),
        (&["status", "--help"], &["`running`", "Exit codes"]),
    ] {
        let help = ended(joblog(command)).await;
        assert_eq!(help.code, Some(0));
        for part in parts {
            assert!(help.text().contains(part), "{part} in {}", help.text());
        }
    }
    assert_eq!(ended(joblog(&["tail", "--nonsense"])).await.code, Some(2));
}

#[tokio::test]
async fn help_shows_no_value_of_the_environment() {
    let mut command = joblog(&["tail", "--help"]);
    command
        .env("REDIS_URL", "redis://ann:hunter22@db")
        .env("JOBLOG_TOKEN", "hunter22");
    assert!(!ended(command).await.text().contains("hunter22"));
}

#[tokio::test]
async fn all_commands_have_completions_and_manual_pages() {
    for shell in ["bash", "zsh", "fish"] {
        let script = ended(joblog(&["completions", shell])).await;
        assert_eq!((script.code, script.err.as_str()), (Some(0), ""));
        assert!(script.text().contains("secret-env"), "{shell}");
    }
    let man = ended(joblog(&["man"])).await;
    assert!(man.text().contains(".TH joblog 1"), "{}", man.text());
    let run = ended(joblog(&["man", "run"])).await;
    assert!(run.text().contains(".TH joblog-run 1"), "{}", run.text());
    assert!(run.text().contains("secret\\-env"));
    assert_eq!(ended(joblog(&["man", "nonsense"])).await.code, Some(2));
}
