//! The commands of `joblog`, one file each.

pub(crate) mod cat;
pub(crate) mod create;
pub(crate) mod pages;
pub(crate) mod run;
pub(crate) mod status;
pub(crate) mod tail;
