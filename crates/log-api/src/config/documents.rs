//! The texts that are made from the catalog: `.env.example` and `docs/SETTINGS.md`.

use std::fmt::Write as _;

use super::catalog::{COMPOSE_ONLY, GROUPS};
use super::setting::{DefaultValue, Group, Setting};

/// The longest line of `.env.example`.
const WIDTH: usize = 110;

/// The text of `.env.example`: every setting, commented out with its default unless it is needed.
#[must_use]
pub fn env_example() -> String {
    let mut text = String::from(
        "# Settings of the API. Copy this file to `.env`, which git ignores; `cargo xtask dev` and compose read it.\n\
         # This file is made by `log-api config --format env`. docs/SETTINGS.md shows the same as tables.\n\
         # A line that is commented out shows the default. `log-api config` prints the values in use.\n",
    );
    for Group { title, settings } in GROUPS {
        push(&mut text, format_args!("\n# ---- {title} ----\n"));
        for setting in *settings {
            comment(&mut text, &explanation(setting));
            let name = setting.name;
            match setting.default {
                DefaultValue::Value(value) => push(&mut text, format_args!("#{name}={value}\n")),
                DefaultValue::Unset(_) => push(&mut text, format_args!("#{name}=\n")),
                DefaultValue::Required { example } => {
                    push(&mut text, format_args!("{name}={example}\n"));
                }
            }
        }
    }
    text.push_str("\n# ---- Only for compose: the ports on 127.0.0.1 of this machine ----\n");
    for (name, default, about) in COMPOSE_ONLY {
        push(&mut text, format_args!("# {about}\n#{name}={default}\n"));
    }
    text
}

/// The text of `docs/SETTINGS.md`.
#[must_use]
pub fn settings_page() -> String {
    let mut text = String::from(
        "# Settings\n\n\
         The API is configured by environment variables. This page is made from the one list of all settings\n\
         (`log-api config --format markdown`); a test fails if it is out of date.\n\n\
         - `log-api config` prints the values in use; secrets are hidden.\n\
         - A value of white space alone counts as not set.\n\
         - A wrong value, or a `LOG_API_…` or `CLERK_…` name that does not exist, stops the start. One message names\n  \
           all mistakes, with the nearest name that exists. Names that only Clerk's own SDKs read, and those that\n  \
           Kubernetes sets for a service called `log-api`, are ignored.\n\
         - Docker Compose reads three more names from the same `.env`, for the ports on this machine:\n",
    );
    let ports = COMPOSE_ONLY
        .iter()
        .map(|(name, default, _)| format!("`{name}` ({default})"));
    let ports: Vec<_> = ports.collect();
    push(&mut text, format_args!("  {}.\n", ports.join(", ")));
    for Group { title, settings } in GROUPS {
        push(
            &mut text,
            format_args!(
                "\n## {title}\n\n| name | default | value | meaning |\n|---|---|---|---|\n"
            ),
        );
        for setting in *settings {
            let (name, about) = (setting.name, setting.about);
            let default = match setting.default {
                DefaultValue::Value(value) => format!("`{value}`"),
                DefaultValue::Unset(meaning) => format!("not set: {meaning}"),
                DefaultValue::Required { .. } => "**needed**".into(),
            };
            let secret = if setting.secret { "; secret" } else { "" };
            let rule = setting.rule.words();
            push(
                &mut text,
                format_args!("| `{name}` | {default} | {rule}{secret} | {about} |\n"),
            );
        }
    }
    text
}

fn explanation(setting: &Setting) -> String {
    let rule = setting.rule.words();
    let default = match setting.default {
        DefaultValue::Value(_) => String::new(),
        DefaultValue::Unset(meaning) => format!(" If not set: {meaning}."),
        DefaultValue::Required { .. } => " Needed.".into(),
    };
    format!("{} Value: {rule}.{default}", setting.about)
}

/// Appends comment lines that break between words.
fn comment(text: &mut String, words: &str) {
    let mut line = String::from("#");
    for word in words.split(' ') {
        if line.len() + 1 + word.len() > WIDTH {
            push(text, format_args!("{line}\n"));
            line = "#".into();
        }
        line.push(' ');
        line.push_str(word);
    }
    push(text, format_args!("{line}\n"));
}

fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    // A string takes everything.
    let _ = text.write_fmt(more);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use super::*;
    use crate::config::catalog;

    fn workspace_file(name: &str) -> (PathBuf, String) {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        (path, text)
    }

    #[test]
    fn the_env_example_is_up_to_date() {
        let (_, text) = workspace_file(".env.example");
        let made = env_example();
        assert!(
            text == made,
            "run `log-api config --format env > .env.example`; it must be:\n{made}"
        );
    }

    #[test]
    fn the_settings_page_is_up_to_date() {
        let (_, text) = workspace_file("docs/SETTINGS.md");
        let made = settings_page();
        assert!(
            text == made,
            "run `log-api config --format markdown > docs/SETTINGS.md`; it must be:\n{made}"
        );
    }

    #[test]
    fn compose_hands_on_every_setting_and_no_other() {
        let (path, text) = workspace_file("docker-compose.yml");
        let api = text.split_once("\n  api:\n").unwrap().1;
        let environment = api.split_once("    environment:\n").unwrap().1;
        let lines = environment
            .lines()
            .take_while(|line| line.starts_with("      "))
            .map(str::trim)
            .filter(|line| !line.starts_with('#'));
        let passed: BTreeSet<_> = lines.map(|line| line.split(':').next().unwrap()).collect();
        let all: BTreeSet<_> = catalog::all().map(|setting| setting.name).collect();
        assert_eq!(passed, all, "{}", path.display());
        for (name, default, _) in COMPOSE_ONLY {
            assert!(text.contains(&format!("${{{name}:-{default}}}")), "{name}");
        }
    }
}
