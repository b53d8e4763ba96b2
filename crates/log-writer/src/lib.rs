//! The producer of a build log: bytes in, in any chunks; complete lines out.

mod ansi;
mod cut;
mod lines;
mod utf8;

pub use ansi::Ansi;
pub use cut::{CutMarker, LineLimit};
pub use lines::{Blank, LineAssembler, LineOptions, Progress};
