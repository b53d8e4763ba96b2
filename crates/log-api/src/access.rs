//! Who a request is from, what they may read, and for how long.
//!
//! * [`Gate`] and [`AuthorizedJob`]: the check that every request for a job passes.
//! * [`Access`]: what outlives one request: tickets, revocations, and the open streams with their leases.

mod authenticate;
mod control;
mod decision;
mod gate;
mod lease;
mod lease_checks;
mod open_stream;
mod open_streams;
mod principal;
mod revocation_feed;
mod revoked;
mod secret;
mod stream_table;
mod tickets;

pub use self::control::{Access, AccessOptions, AccessStores, TICKET_LIFE};
pub(crate) use self::gate::Gate;
pub use self::gate::{AuthorizedJob, Query, require_readable};
pub use self::lease::{LeaseMode, LeaseOptions};
pub(crate) use self::open_stream::StreamSignal;
pub use self::open_streams::AccessStats;
pub(crate) use self::open_streams::StreamPermit;
pub use self::principal::Principal;
pub use self::stream_table::StreamLimits;
