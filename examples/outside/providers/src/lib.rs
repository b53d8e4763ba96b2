//! A host with crypto providers of its own. What it shows is in `tests/`.
