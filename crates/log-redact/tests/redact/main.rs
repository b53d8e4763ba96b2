//! What is hidden and what is shown, line by line.

#![expect(
    clippy::unwrap_used,
    reason = "test code: a step that fails is a failed test"
)]

mod across_lines;
mod arguments;
mod fuzz_seeds;
mod key_blocks;
mod named_values;
mod open_lines;
mod page;
mod properties;
mod real_tools;
mod registered;
mod support;
mod tokens;
mod tools;
