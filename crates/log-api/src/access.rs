//! Who a request is from, what they may read, and for how long.
//!
//! * [`Gate`] and [`AuthorizedJob`]: the check that every request for a job passes.
//! * [`WriteGate`]: the check that every request passes that writes: API keys and append tokens.
//! * [`Access`]: what outlives one request: tickets, revocations, and the open streams with their leases.

mod api_key;
mod append_token;
mod authenticate;
mod control;
mod decision;
mod failures;
mod gate;
mod key_entry;
mod key_ring;
mod lease;
mod lease_checks;
mod open_stream;
mod open_streams;
mod principal;
mod request;
mod revocation_feed;
mod revoked;
mod scope;
mod secret;
mod stream_table;
mod tickets;
mod write_gate;

pub use self::api_key::{KeyDigest, generate as generate_key};
#[cfg(feature = "server")]
pub(crate) use self::append_token::MIN_SECRET;
pub use self::append_token::{TOKEN_LIFE, TokenSigner};
pub use self::control::{Access, AccessOptions, AccessStores, TICKET_LIFE};
pub(crate) use self::gate::Gate;
pub use self::gate::{AuthorizedJob, Query, require_readable};
pub use self::key_entry::{KeyEntry, KeyEntryError};
#[cfg(feature = "server")]
pub(crate) use self::key_entry::{expires_of, name_of, prefix_of};
pub use self::key_ring::KeyRing;
pub use self::lease::{LeaseMode, LeaseOptions};
pub(crate) use self::open_stream::StreamSignal;
pub use self::open_streams::AccessStats;
pub(crate) use self::open_streams::StreamPermit;
pub use self::principal::Principal;
pub use self::scope::{Scope, ScopeError};
#[cfg(feature = "server")]
pub(crate) use self::secret::random as random_secret;
pub use self::stream_table::StreamLimits;
pub use self::write_gate::WriteGate;
