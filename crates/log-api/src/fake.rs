//! tmp
pub(crate) type EmbeddedStore = log_store::MemoryStore;
#[derive(Default)]
pub struct EmbeddedOptions;
