//! What developers of this project run: `cargo xtask test`.
//!
//! No product code lives here.

#![forbid(unsafe_code)]

mod bench;
mod command;
#[cfg(target_os = "linux")]
mod interop;
mod packages;
mod spec;
mod suite;
mod targets;
mod test;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let (switches, arguments): (Vec<_>, Vec<_>) = arguments
        .into_iter()
        .partition(|argument| *argument == "--no-install");
    if !switches.is_empty() {
        packages::install_nothing();
    }
    match arguments.as_slice() {
        ["test"] => test::run(),
        ["interop"] => test::run_interop(""),
        ["interop", name] => test::run_interop(name),
        ["check-targets"] => test::run_targets(targets::TARGETS),
        ["check-targets", chosen @ ..] => test::run_targets(chosen),
        ["bench", rest @ ..] => bench::run(rest),
        ["spec"] => spec::run(false),
        ["spec", "--write"] => spec::run(true),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

const USAGE: &str = "usage: cargo xtask COMMAND [--no-install]

  test            every check there is: format, lints, documentation, tests, other
                  systems, and interop
  interop [WORD]  only the suites that run real servers and network namespaces;
                  with WORD, those that have it in their name
  check-targets [TARGET ...]
                  the workspace compiles for other systems without a warning
  spec            every rule of MODEL.md has a test, and every test cites a rule;
                  --write brings the tests named there up to date
  bench           our socket beside other ways of using UDP; see
                  cargo xtask bench --help

As root on Debian, missing packages are installed by the suite that needs them;
with --no-install nothing is, and a suite that cannot run is named instead.";
