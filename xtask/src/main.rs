//! What developers of this project run: `cargo xtask test`.
//!
//! No product code lives here.

#![forbid(unsafe_code)]

mod bench;
mod command;
mod interop;
mod packages;
mod spec;
mod suite;
mod test;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["test"] => test::run(),
        ["interop"] => test::run_interop(""),
        ["interop", name] => test::run_interop(name),
        ["bench", rest @ ..] => bench::run(rest),
        ["spec"] => spec::run(false),
        ["spec", "--write"] => spec::run(true),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

const USAGE: &str = "usage: cargo xtask COMMAND

  test      every check there is: format, lints, documentation, tests, and the
            programs of others that we must get along with
  interop   that last part alone; with a word behind it, the suites that have
            it in their name
  spec      every rule of MODEL.md has a test, and every test cites a rule;
            --write brings the tests named there up to date
  bench     our socket beside its rivals; see cargo xtask bench --help";
