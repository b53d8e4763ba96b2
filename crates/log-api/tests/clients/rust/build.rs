//! Takes the programs that docs/CLIENTS.md prints, with what it leaves to its reader in the place of a comment.

use std::path::Path;
use std::{env, fs};

const PAGE: &str = "../../../../../docs/CLIENTS.md";

/// The headings, and the comment and its replacement.
const PROGRAMS: [(&str, &str, &str); 2] = [
    (
        "eventsource-client",
        "/* stop at `done`; see below for errors */",
        "if is_done(next, &mut cursor) { break; }",
    ),
    (
        "reqwest-eventsource",
        "/* stop at `done` */",
        "if event.event == \"done\" { break; }",
    ),
];

fn main() {
    println!("cargo::rerun-if-changed={PAGE}");
    let page = fs::read_to_string(PAGE).expect("the page is there");
    let folder = env::var("OUT_DIR").expect("cargo names a folder");
    for (heading, comment, replacement) in PROGRAMS {
        let (_, section) = page.split_once(&format!("### {heading}\n")).expect(heading);
        let (_, program) = section.split_once("```rust\n").expect(heading);
        let (program, _) = program.split_once("```").expect(heading);
        assert!(program.contains(comment), "{heading} has no {comment}");
        let program = format!("{{\n{}}}\n", program.replace(comment, replacement));
        let file = Path::new(&folder).join(heading.replace('-', "_") + ".rs");
        fs::write(file, program).expect("the folder can be written to");
    }
}
