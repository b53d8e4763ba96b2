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
mod open_streams;
mod principal;
mod revocation_feed;
mod revoked;
mod secret;
mod tickets;

pub use self::control::{Access, AccessOptions, AccessStores, TICKET_LIFE};
pub(crate) use self::gate::Gate;
pub use self::gate::{AuthorizedJob, Query, require_readable};
pub use self::lease::{LeaseMode, LeaseOptions};
pub use self::open_streams::{AccessStats, StreamLimits};
pub(crate) use self::open_streams::{StreamPermit, StreamSignal};
pub use self::principal::Principal;
