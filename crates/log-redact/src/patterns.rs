//! Everything that looks like a secret, in one line.
//!
//! One automaton finds the places where something may begin: a prefix of a token, a secret name, `://`. Each place is
//! then looked at by its rule, which sees the whole line.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::commands::{self, COMMANDS};
use crate::key_block::{self, BEGINNINGS, Begin, KeyBlock};
use crate::kinds::{Alphabet, KINDS, MARKED};
use crate::named;
use crate::ranges::Ranges;
use crate::span::floor;
use crate::tokens::{encoded_key, encoded_login, marked_token, starts_word, token};
use crate::urls;
use crate::value::{Randomness, is_placeholder, randomness};

/// What was found in a line, apart from what to hide.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// A private key that goes on in the next line.
    pub(crate) block: Option<KeyBlock>,
}

/// The meaning of a text that the automaton finds.
#[derive(Debug, Clone, Copy)]
enum Trigger {
    /// The prefix of a token, as an index into [`KINDS`].
    Token(usize),
    /// A text inside of a token, as an index into [`MARKED`].
    Mark(usize),
    /// The name of a program that takes a password, as an index into [`COMMANDS`].
    Command(usize),
    /// `pass:`, as OpenSSL takes a password.
    PassPhrase,
    /// A program that reads a password from a pipe.
    Reader,
    /// `--from-literal`
    Literal,
    /// What makes a secret of the rest of the line: `::add-mask::`.
    Mask,
    /// `thin:`, a database of Oracle.
    Oracle,
    /// A part of a secret name.
    Name,
    /// `://`
    Address,
    /// `@tcp(` behind the login of a database of Go programs.
    Login,
    /// `unseal key` of Vault. What follows is one.
    UnsealKey,
    /// The beginning of a private key.
    KeyBlock,
    /// The beginning of a private key, in base64.
    EncodedKey,
    /// `Bearer `
    Bearer,
    /// `Basic `
    Basic,
    /// The address of a webhook. What follows is its secret.
    Webhook,
}

struct Triggers {
    automaton: AhoCorasick,
    meanings: Vec<Trigger>,
}

/// Parts of the names that [`crate::names`] knows.
const NAME_PARTS: [&str; 14] = [
    "pass",
    "pwd",
    "secret",
    "token",
    "key",
    "credential",
    "dockerc",
    "connectionstring",
    "cookie",
    "auth",
    "sig",
    "_pw",
    "_pat",
    "sonar.login",
];

/// Webhooks: whoever knows the address may write.
pub(crate) const WEBHOOKS: [&str; 7] = [
    "hooks.slack.com/services/",
    "hooks.slack.com/workflows/",
    "hooks.slack.com/triggers/",
    "discord.com/api/webhooks/",
    "discordapp.com/api/webhooks/",
    ".webhook.office.com/webhookb2/",
    "hooks.zapier.com/hooks/catch/",
];

/// Programs that read a password from a pipe.
const READERS: [&str; 9] = [
    "chpasswd",
    "--password-stdin",
    "passwd --stdin",
    "sudo -s ",
    "--passphrase-fd 0",
    "--with-token",
    "--data-file=-",
    "secret put ",
    "docker secret create ",
];

/// What tells the machinery of a build that the rest of the line is a secret.
const MASKS: [&str; 3] = ["::add-mask::", "##vso[task.setsecret]", ";issecret=true]"];

/// How many names of a line may be looked at in vain without a limit. Of the next ones only a part of the line is seen,
/// so that the work is linear.
const MAX_VAIN: usize = 64;

/// How much of the line is seen then, in bytes.
const SHORT_VIEW: usize = 4096;

static TRIGGERS: LazyLock<Triggers> = LazyLock::new(|| {
    let commands = COMMANDS.iter().enumerate();
    let lists: Vec<_> = commands
        .flat_map(|(index, command)| command.in_lists().map(move |text| (text, index)))
        .collect();
    let mut texts = Vec::new();
    let mut meanings = Vec::new();
    let mut add = |text, meaning| {
        texts.push(text);
        meanings.push(meaning);
    };
    for (index, kind) in KINDS.iter().enumerate() {
        add(kind.prefix, Trigger::Token(index));
    }
    for (index, kind) in MARKED.iter().enumerate() {
        add(kind.mark, Trigger::Mark(index));
    }
    for (index, command) in COMMANDS.iter().enumerate() {
        add(command.program, Trigger::Command(index));
    }
    for (text, index) in &lists {
        add(text, Trigger::Command(*index));
    }
    add("pass:", Trigger::PassPhrase);
    READERS.iter().for_each(|text| add(text, Trigger::Reader));
    MASKS.iter().for_each(|text| add(text, Trigger::Mask));
    add("--from-literal", Trigger::Literal);
    add(":thin:", Trigger::Oracle);
    NAME_PARTS.iter().for_each(|part| add(part, Trigger::Name));
    WEBHOOKS
        .iter()
        .for_each(|address| add(address, Trigger::Webhook));
    BEGINNINGS
        .iter()
        .for_each(|text| add(text, Trigger::KeyBlock));
    add("://", Trigger::Address);
    add("@tcp(", Trigger::Login);
    add("@unix(", Trigger::Login);
    add("unseal key", Trigger::UnsealKey);
    add("LS0tLS1CRUdJTi", Trigger::EncodedKey);
    add("bearer ", Trigger::Bearer);
    add("basic ", Trigger::Basic);
    let automaton = AhoCorasick::builder()
        .match_kind(MatchKind::Standard)
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::DFA))
        .build(texts);
    #[expect(
        clippy::expect_used,
        reason = "the texts are constants, and every test compiles them"
    )]
    let automaton = automaton.expect("constant texts compile");
    Triggers {
        automaton,
        meanings,
    }
});

/// Adds everything in a line that looks like a secret. `is_open` says that the line has not ended yet.
pub(crate) fn find(line: &str, is_open: bool, hidden: &mut Ranges) -> Found {
    let mut found = Found::default();
    let mut search = Search {
        line,
        is_open,
        hidden,
        named_until: 0,
        commands_until: 0,
        vain: 0,
        tokens_until: Vec::new(),
        keys_until: 0,
        key_end: None,
    };
    for hit in TRIGGERS.automaton.find_overlapping_iter(line) {
        let (start, end) = (hit.start(), hit.end());
        match TRIGGERS.meanings[hit.pattern().as_usize()] {
            Trigger::Token(index) => search.token(start, index),
            Trigger::Mark(index) => search.add(marked_token(line, start, &MARKED[index])),
            Trigger::Command(index) => search.command(start, end, index),
            Trigger::PassPhrase => search.add(commands::pass_phrase(line, start, end)),
            Trigger::Reader => search.add(commands::piped(line, start)),
            Trigger::Literal => search.add(commands::literal(line, start, end)),
            Trigger::Mask => search.mask(end),
            Trigger::Oracle => search.add(urls::oracle(line, end)),
            Trigger::Name => search.name(start),
            Trigger::Address => search.add(urls::password(line, end, is_open)),
            Trigger::Login => search.add(urls::login(line, start)),
            Trigger::UnsealKey => search.unseal_key(end),
            Trigger::KeyBlock => search.key_block(start, &mut found),
            Trigger::EncodedKey => search.encoded_key(start),
            Trigger::Bearer => search.bearer(start, end),
            Trigger::Basic => {
                let login = encoded_login(&line[end..]).filter(|_| starts_word(line, start, false));
                search.add(login.map(|len| end..end + len));
            }
            Trigger::Webhook => search.webhook(end),
        }
    }
    found
}

/// The state of a search in a line.
struct Search<'a> {
    line: &'a str,
    is_open: bool,
    hidden: &'a mut Ranges,
    /// Names before this place have been looked at, or are hidden.
    named_until: usize,
    /// Before this place no command begins that has not been looked at.
    commands_until: usize,
    /// How many names have been looked at in vain.
    vain: usize,
    /// For each kind of token that was looked at: the end of its characters. A token of that kind before it is a part of
    /// that one.
    tokens_until: Vec<(usize, usize)>,
    /// Before this place no private key begins that has not been looked at.
    keys_until: usize,
    /// The next end of a private key, if it has been looked for: `Some(None)` if there is none.
    key_end: Option<Option<usize>>,
}

/// The place of base64 of a private key among the kinds of tokens.
const ENCODED_KEY: usize = KINDS.len();

impl Search<'_> {
    fn add(&mut self, range: Option<std::ops::Range<usize>>) {
        if let Some(range) = range {
            self.named_until = self.named_until.max(range.end);
            self.hidden.add(range);
        }
    }

    fn token(&mut self, start: usize, index: usize) {
        if !self.is_new_token(start, index) {
            return;
        }
        let kind = &KINDS[index];
        if let Some((range, run_end)) = token(self.line, start, kind, self.is_open) {
            self.saw_token(index, run_end);
            self.add(range);
        }
    }

    fn command(&mut self, start: usize, end: usize, index: usize) {
        if start < self.commands_until {
            return;
        }
        let view = floor(self.line, end + SHORT_VIEW);
        let mut values = Ranges::default();
        let command = &COMMANDS[index];
        self.commands_until =
            commands::hide_password(&self.line[..view], (start, end), command, &mut values);
        for range in values.merged() {
            self.hidden.add(range);
        }
    }

    fn key_block(&mut self, start: usize, found: &mut Found) {
        if start < self.keys_until {
            return;
        }
        let is_known = matches!(self.key_end, Some(end) if end.is_none_or(|end| end >= start));
        if !is_known {
            self.key_end = Some(key_block::find_end(self.line, start));
        }
        match key_block::begin(self.line, start, self.key_end.flatten(), self.hidden) {
            Begin::Nothing(until) => self.keys_until = until,
            Begin::Block(block) => found.block = Some(block),
        }
    }

    fn encoded_key(&mut self, start: usize) {
        if self.is_new_token(start, ENCODED_KEY) {
            let (range, run_end) = encoded_key(self.line, start);
            self.saw_token(ENCODED_KEY, run_end);
            self.add(range);
        }
    }

    fn is_new_token(&self, start: usize, index: usize) -> bool {
        let mut seen = self.tokens_until.iter();
        let same = seen.find(|(known, _)| *known == index);
        same.is_none_or(|(_, until)| start >= *until)
    }

    /// Notes where the characters of a token end. There is one entry for each kind, so that asking takes no longer in a line
    /// of many tokens.
    fn saw_token(&mut self, index: usize, until: usize) {
        let mut seen = self.tokens_until.iter_mut();
        match seen.find(|(known, _)| *known == index) {
            Some((_, end)) => *end = until,
            None => self.tokens_until.push((index, until)),
        }
    }

    fn name(&mut self, at: usize) {
        if at < self.named_until {
            return;
        }
        let mut view = self.line;
        if self.vain >= MAX_VAIN {
            view = &self.line[..floor(self.line, at + SHORT_VIEW)];
        }
        let mut values = Ranges::default();
        let end = named::hide_values(view, at, &mut values);
        self.named_until = self.named_until.max(end);
        let values = values.merged();
        self.vain += usize::from(values.is_empty());
        for range in values {
            self.add(Some(range));
        }
    }

    fn bearer(&mut self, start: usize, end: usize) {
        let rest = &self.line[end..];
        let len = rest
            .bytes()
            .take_while(|b| Alphabet::Base64.has(*b))
            .count();
        let run = rest[..len].trim_end_matches('.');
        let is_cut = self.is_open && end + run.len() == self.line.len() && !run.is_empty();
        let is_token = (run.len() >= 16 && randomness(run) > Randomness::Ordinary) || is_cut;
        if is_token && starts_word(self.line, start, false) {
            self.add(Some(end..end + run.len()));
        }
    }

    fn mask(&mut self, end: usize) {
        if end < self.named_until {
            return;
        }
        let value = self.line[end..].trim_end();
        if !is_placeholder(value) {
            self.add(Some(end..end + value.len()));
        }
    }

    fn unseal_key(&mut self, end: usize) {
        let rest = &self.line[end..];
        let name = rest.bytes().take_while(|b| b" 0123456789:\t".contains(b));
        let at = end + name.count();
        let text = &self.line[at..];
        let len = text
            .bytes()
            .take_while(|b| Alphabet::Base64.has(*b))
            .count();
        if len >= 32 && randomness(&text[..len]) == Randomness::Random {
            self.add(Some(at..at + len));
        }
    }

    fn webhook(&mut self, end: usize) {
        let rest = &self.line[end..];
        let len = rest
            .bytes()
            .take_while(|b| Alphabet::Base64.has(*b) || *b == b'@')
            .count();
        let run = rest[..len].trim_end_matches('.');
        if run.len() >= 10 || (self.is_open && len == rest.len()) {
            self.add(Some(end..end + run.len()));
        }
    }
}
