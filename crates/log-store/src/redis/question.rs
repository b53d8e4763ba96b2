//! Questions about one key, asked so that the answer to another question is never taken for theirs.
//!
//! Replies have no numbers: the next reply belongs to the oldest question. If one reply is lost, or one is too many, every
//! later question gets a neighbour's answer, and somebody reads what is not theirs. So the answer must name its key:
//!
//! | question | how its answer names the key |
//! |---|---|
//! | [`Session::ask`] | a transaction: `MULTI`, `ECHO <key>`, the command, `EXEC`. One reply holds both answers |
//! | [`Session::ask`], no transaction to be had | the command between two `ECHO <key>`; in [`Session::ask_and_compare`] twice |
//! | [`Session::entries_after`] | `XREAD`, whose reply names the stream |
//! | scripts of ours | they return their first key |
//!
//! Where `ECHO` is not allowed it is `PING` ([`super::token`]). No transaction is to be had where the user may run none, and of
//! a Redis that is full (`OOM`): it takes no command into a transaction, not even one that reads.
//!
//! A reply that cannot be the answer is [`Fault::Garbled`]: the connection is ended, and reads are asked again on the next.

use std::sync::atomic::Ordering;

use fred::clients::{Client, Pipeline};
use fred::error::Error;
use fred::interfaces::{ClientLike, FredResult};
use fred::types::{ClusterHash, CustomCommand, Value};
use log_domain::{EntryId, Span};

use super::fault::{Fault, is_not_offered, is_temporary};
use super::session::{Session, timed_out};
use super::token::{TokenCommand, expect_token};

/// One command.
#[derive(Debug, Clone)]
pub(super) struct Command {
    name: &'static str,
    arguments: Vec<Value>,
}

impl Command {
    pub(super) fn new<V: Into<Value>>(
        name: &'static str,
        arguments: impl IntoIterator<Item = V>,
    ) -> Self {
        Self {
            name,
            arguments: arguments.into_iter().map(Into::into).collect(),
        }
    }

    /// What a server answers with the text.
    fn token(command: TokenCommand, text: &str) -> Self {
        Self::new(command.name(), [text])
    }

    fn bare(name: &'static str) -> Self {
        Self::new(name, [""; 0])
    }

    fn custom(&self) -> CustomCommand {
        CustomCommand::new_static(self.name, ClusterHash::FirstKey, false)
    }
}

impl Session {
    /// Sends one command. The caller must notice by itself when the answer is another's.
    pub(super) async fn call(&self, command: Command) -> Result<Value, Error> {
        if !self.asks {
            return call(&self.client, command).await;
        }
        let mut replies = self.call_together([command]).await;
        // A broken connection is one error for all.
        replies.pop().unwrap_or_else(|| Err(timed_out()))
    }

    /// Asks a read about a key.
    pub(super) async fn ask(&self, key: &str, command: Command) -> Result<Value, Fault> {
        match self.ask_once(key, command.clone()).await {
            // An error names no key. Another question's error must not refuse this one, so it counts if it comes twice.
            Err(Fault::Permanent(_) | Fault::WrongType(_)) => self.ask_once(key, command).await,
            answer => answer,
        }
    }

    /// Asks about a key something that must not be asked twice.
    pub(super) async fn ask_once(&self, key: &str, command: Command) -> Result<Value, Fault> {
        if let Some(answer) = self.ask_in_transaction(key, &command).await {
            return answer;
        }
        let token = || Command::token(self.token_command, key);
        let replies = self.call_together([token(), command, token()]).await;
        let [before, answer, after] = <[_; 3]>::try_from(replies).map_err(too_few)?;
        expect_token(before, key)?;
        expect_token(after, key)?;
        Ok(answer?)
    }

    /// As [`Session::ask`]. Where no transaction is to be had, the command is sent twice.
    pub(super) async fn ask_and_compare(
        &self,
        key: &str,
        command: Command,
    ) -> Result<Value, Fault> {
        match self.ask_in_transaction(key, &command).await {
            Some(Err(Fault::Permanent(_) | Fault::WrongType(_))) => {
                return self.ask(key, command).await;
            }
            Some(answer) => return answer,
            None => {}
        }
        let first = self.ask(key, command.clone()).await?;
        let second = self.ask(key, command.clone()).await?;
        if first == second {
            return Ok(first);
        }
        // It may have changed between the two.
        let third = self.ask(key, command).await?;
        if third == second {
            Ok(third)
        } else {
            Err(Fault::Garbled("the answers to one question differ"))
        }
    }

    /// The answer of a transaction. `None` where none is to be had; nothing was done then.
    async fn ask_in_transaction(
        &self,
        key: &str,
        command: &Command,
    ) -> Option<Result<Value, Fault>> {
        if !self.has_transactions {
            return None;
        }
        match self.run_transaction(key, command.clone()).await {
            Err(fault) if fault.is_out_of_memory() => None,
            answer => Some(answer),
        }
    }

    async fn run_transaction(&self, key: &str, command: Command) -> Result<Value, Fault> {
        let [multi, exec] = ["MULTI", "EXEC"].map(Command::bare);
        let commands = [
            multi,
            Command::token(self.token_command, key),
            command,
            exec,
        ];
        let replies = self.call_together(commands).await;
        let [begun, token, queued, executed] = <[_; 4]>::try_from(replies).map_err(too_few)?;
        // The connection began with transactions; something else answers now.
        let refused = |_| Fault::Garbled("a transaction is refused");
        begun.map_err(Fault::from).map_err(|fault| {
            if fault.is_answer() {
                refused(fault)
            } else {
                fault
            }
        })?;
        token?;
        queued?;
        let Value::Array(answers) = executed? else {
            return Err(Fault::Garbled("a transaction has no answers"));
        };
        let [name, answer] = <[Value; 2]>::try_from(answers)
            .map_err(|_| Fault::Garbled("a transaction has another number of answers"))?;
        if name.as_bytes() != Some(key.as_bytes()) {
            return Err(Fault::Garbled("a transaction answers for another key"));
        }
        Ok(answer)
    }

    /// The entries of a stream after an id; `Null` where there are none.
    pub(super) async fn entries_after(
        &self,
        key: &str,
        id: &str,
        count: u64,
    ) -> Result<Value, Fault> {
        if self.reads_by_name.load(Ordering::Relaxed) {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            let words = [Value::from("COUNT"), count.into(), "STREAMS".into()];
            let command = Command::new("XREAD", words.into_iter().chain([key.into(), id.into()]));
            match self.call(command).await {
                Ok(reply) => return named_entries(reply, key),
                Err(error) if is_not_offered(&error) => {
                    tracing::info!(%error, "XREAD is not allowed; logs are read by XRANGE");
                    self.reads_by_name.store(false, Ordering::Relaxed);
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.ask(key, range(key, &format!("({id}"), "+", count))
            .await
    }

    /// Sends a token, and checks that its answer is the answer to it. It comes after the answers to everything that was
    /// sent before.
    pub(super) async fn ping(&self) -> Result<(), Fault> {
        let token = self.next_token();
        let said = self.call(Command::token(self.token_command, &token)).await;
        expect_token(said, &token)
    }

    /// Finds the command that says a text back and is allowed.
    pub(super) async fn find_token_command(client: &Client) -> Result<TokenCommand, Error> {
        const TOKEN: &str = "token";
        match call(client, Command::token(TokenCommand::Echo, TOKEN)).await {
            Ok(text) if text.as_bytes() == Some(TOKEN.as_bytes()) => Ok(TokenCommand::Echo),
            Ok(_) => Ok(TokenCommand::Ping),
            Err(error) if is_not_offered(&error) => {
                tracing::info!(%error, "ECHO is not allowed; while Redis cannot save, nothing can be read");
                Ok(TokenCommand::Ping)
            }
            Err(error) if !Fault::from(error.clone()).is_answer() => Err(error),
            // An error that passes.
            Err(_) => Ok(TokenCommand::Echo),
        }
    }

    /// Whether the server lets this user run transactions. A refused `EXEC` would leave a transaction open for ever, so it
    /// is tried first.
    pub(super) async fn takes_transactions(
        client: &Client,
        token_command: TokenCommand,
    ) -> Result<bool, Error> {
        const TOKEN: &str = "token";
        let bare = async |name| call(client, Command::bare(name)).await;
        let is_lost = |error: &Error| !Fault::from(error.clone()).is_answer();
        match bare("EXEC").await {
            // `EXEC without MULTI`: allowed.
            Err(error) if error.details().contains("without MULTI") => {}
            Err(error) if is_lost(&error) => return Err(error),
            _ => return Ok(false),
        }
        match bare("MULTI").await {
            Ok(_) => {}
            Err(error) if is_lost(&error) => return Err(error),
            Err(_) => return Ok(false),
        }
        let said = call(client, Command::token(token_command, TOKEN)).await;
        // A full Redis, for example.
        let is_refused_for_now = match said {
            Err(error) if is_lost(&error) => return Err(error),
            Err(error) => is_temporary(&error),
            Ok(_) => false,
        };
        // A proxy may answer a `PING` by itself, and then an answer would not name its key.
        match bare("EXEC").await {
            Ok(Value::Array(answers)) => {
                let answer = answers.first().and_then(Value::as_bytes);
                Ok(answers.len() == 1 && answer == Some(TOKEN.as_bytes()))
            }
            Ok(_) => Ok(false),
            Err(error) if is_lost(&error) => Err(error),
            Err(_) => Ok(is_refused_for_now),
        }
    }

    /// Sends commands with nothing of anybody else between them.
    async fn call_together<const N: usize>(
        &self,
        commands: [Command; N],
    ) -> Vec<FredResult<Value>> {
        let pipeline = self.client.pipeline();
        // In which places answers to an `ASKING` come. One at the beginning of a transaction holds until its end.
        let mut asked = Vec::new();
        let is_transaction = commands[0].name == "MULTI";
        for (place, command) in commands.into_iter().enumerate() {
            let asks = self.asks && (place == 0 || !is_transaction);
            let asking = asks.then(|| Command::bare("ASKING"));
            asked.extend(asks.then_some(true));
            asked.push(false);
            for command in asking.into_iter().chain([command]) {
                if let Err(error) = queue(&pipeline, command).await {
                    return vec![Err(error)];
                }
            }
        }
        let replies = Box::pin(pipeline.try_all::<Value>()).await;
        if replies.len() < asked.len() {
            return replies.into_iter().filter(Result::is_err).collect();
        }
        let replies = replies.into_iter().zip(asked);
        replies
            .filter_map(|(reply, asking)| (!asking).then_some(reply))
            .collect()
    }
}

/// Sends one command over any client.
pub(super) async fn call(client: &Client, command: Command) -> Result<Value, Error> {
    // fred's futures have kilobytes, and every read would hold several of them.
    Box::pin(client.custom(command.custom(), command.arguments)).await
}

async fn queue(pipeline: &Pipeline<Client>, command: Command) -> FredResult<()> {
    let custom = command.custom();
    Box::pin(pipeline.custom(custom, command.arguments)).await
}

/// A script with keys and arguments.
pub(super) fn script<'a, V: Into<Value>>(
    source: &'static str,
    keys: impl IntoIterator<Item = &'a str>,
    arguments: impl IntoIterator<Item = V>,
) -> Command {
    let keys: Vec<Value> = keys.into_iter().map(Value::from).collect();
    let count = Value::from(keys.len().to_string());
    let arguments = arguments.into_iter().map(Into::into);
    let words = [Value::from(source), count].into_iter().chain(keys);
    Command::new("EVAL", words.chain(arguments))
}

/// What a script of ours returns after its first key.
pub(super) fn answer_for(reply: Value, key: &str) -> Result<Value, Fault> {
    let parts = match reply {
        Value::Array(parts) => <[Value; 2]>::try_from(parts).ok(),
        _ => None,
    };
    match parts {
        Some([name, answer]) if name.as_bytes() == Some(key.as_bytes()) => Ok(answer),
        _ => Err(Fault::Garbled("a script answers for another key")),
    }
}

/// `XRANGE`.
pub(super) fn range(key: &str, low: &str, high: &str, count: u64) -> Command {
    let count = count.to_string();
    Command::new("XRANGE", [key, low, high, "COUNT", &count])
}

/// `XREVRANGE`.
pub(super) fn reverse_range(key: &str, low: &str, high: &str, count: u64) -> Command {
    let count = count.to_string();
    Command::new("XREVRANGE", [key, high, low, "COUNT", &count])
}

/// `XINFO STREAM`.
pub(super) fn stream_info(key: &str) -> Command {
    Command::new("XINFO", ["STREAM", key])
}

/// The connection broke, so that there is one error for all commands.
fn too_few(replies: Vec<FredResult<Value>>) -> Fault {
    let error = replies.into_iter().find_map(Result::err);
    error.map_or(Fault::Garbled("answers are missing"), Fault::from)
}

/// The entries of an `XREAD` of one stream: `{key: entries}` in RESP3, `[[key, entries]]` in RESP2.
fn named_entries(reply: Value, key: &str) -> Result<Value, Fault> {
    const ODD: Fault = Fault::Garbled("XREAD answers with another stream");
    let (name, entries) = match reply {
        Value::Null => return Ok(Value::Null),
        Value::Map(streams) => {
            let mut streams = streams.inner().into_iter();
            match (streams.next(), streams.next()) {
                (Some((name, entries)), None) => (Value::from(name), entries),
                _ => return Err(ODD),
            }
        }
        Value::Array(mut streams) if streams.len() == 1 => {
            let pair = streams.pop().and_then(|pair| match pair {
                Value::Array(pair) => <[Value; 2]>::try_from(pair).ok(),
                _ => None,
            });
            let Some([name, entries]) = pair else {
                return Err(ODD);
            };
            (name, entries)
        }
        _ => return Err(ODD),
    };
    if name.as_bytes() == Some(key.as_bytes()) {
        Ok(entries)
    } else {
        Err(ODD)
    }
}

/// The bounds of a span as `XRANGE` takes them.
pub(super) fn ends(span: Span) -> (String, String) {
    if span.after == Some(EntryId::MAX) || span.before == Some(EntryId::ZERO) {
        // No id is there, and Redis takes no such exclusive bound. A range that ends before it begins still reads the key:
        // so an outage is an error, and tracking begins.
        return ("1".into(), "0".into());
    }
    let bound = |id: Option<EntryId>, none: &str| match id {
        Some(id) => format!("({id}"),
        None => none.into(),
    };
    (bound(span.after, "-"), bound(span.before, "+"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_exclusive_and_the_impossible_ones_are_an_empty_range() {
        let id = EntryId::new(5, 1);
        let span = Span {
            after: Some(id),
            before: None,
        };
        assert_eq!(ends(span), ("(5-1".into(), "+".into()));
        assert_eq!(ends(Span::default()), ("-".into(), "+".into()));
        for span in [
            Span::after(EntryId::MAX),
            Span {
                after: None,
                before: Some(EntryId::ZERO),
            },
        ] {
            assert_eq!(ends(span), ("1".into(), "0".into()));
        }
    }
}
