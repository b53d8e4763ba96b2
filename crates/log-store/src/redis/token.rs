//! Commands whose answer is their own text. They show which question an answer belongs to.
//!
//! `ECHO` does that and nothing else. `PING` with a text does it too, but Redis refuses a `PING` while it cannot save its
//! database (`MISCONF`), so that whoever watches over it notices. Reads that need a `PING` would be refused as well. So `PING`
//! is used only where `ECHO` is not allowed.

use fred::interfaces::FredResult;
use fred::types::Value;

use super::fault::{Fault, is_not_offered};

/// The command that says a text back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenCommand {
    Echo,
    Ping,
}

impl TokenCommand {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Echo => "ECHO",
            Self::Ping => "PING",
        }
    }
}

/// Checks that an answer is the answer to a token.
pub(super) fn expect_token(reply: FredResult<Value>, token: &str) -> Result<(), Fault> {
    match reply {
        Ok(value) if value.as_bytes() == Some(token.as_bytes()) => Ok(()),
        // Some proxies answer a PING by themselves, whatever the text.
        Ok(value) if value.as_bytes() == Some(b"PONG") => Ok(()),
        Ok(_) => Err(Fault::Garbled("the answer to a token is not its own")),
        // Some proxies answer a PING only without a text.
        Err(error) if is_not_offered(&error) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
