//! The page of the repository and that of the package begin with the same program.

use std::fs;

use crate::sources::root;

/// The documentation tests run the program of the package's page.
#[test]
fn both_pages_show_the_program_that_runs() {
    let program = |path: &str| {
        let text = fs::read_to_string(root().join(path)).unwrap();
        let (_, rest) = text.split_once("```rust\n").expect("a program");
        rest.split_once("```\n").expect("its end").0.to_owned()
    };
    assert_eq!(program("README.md"), program("crates/udpair/README.md"));
}
