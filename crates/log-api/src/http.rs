//! The routes, and what every answer has in common.

mod catch_panic;
mod cors;
mod envelope;
mod problem;
mod query;
mod request_id;
mod routes;
mod unread_body;
mod whole_log_query;

pub use self::envelope::envelope;
pub(crate) use self::problem::sealed;
pub use self::query::{NoQuery, StreamQuery};
pub use self::request_id::RequestId;
pub use self::routes::{
    configure, configure_health, configure_logs, configure_page, configure_webhook, unknown_route,
};
