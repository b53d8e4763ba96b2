//! Lines in over HTTP: from a request to numbered lines in the store.
//!
//! The gate has let the request in ([`crate::access::WriteGate`]). Then: what does it say about its body (`head.rs`), the
//! body itself, bounded (`body.rs`), its lines (`lines.rs`), whether the job appends too much at once (`pacing.rs`), and
//! the append (`writes.rs`). A body that lasts as long as the build is appended as it comes (`streamed.rs`).

mod body;
mod head;
mod lines;
mod memory;
mod pacing;
mod streamed;
mod writes;

pub(crate) use self::body::{discard, read_all};
pub(crate) use self::head::{AppendHead, Encoding};
pub(crate) use self::lines::parse;
pub(crate) use self::streamed::append_streamed;
pub(crate) use self::writes::appended_body;
pub use self::writes::{WriteOptions, WriteStores, Writes};
