//! The developer commands of this project, such as `cargo xtask test`.
//!
//! No product code lives here.

#![forbid(unsafe_code)]

mod api;
mod bench;
mod command;
mod cpp;
mod dist;
mod fuzz;
mod header;
#[cfg(target_os = "linux")]
mod interop;
mod node;
mod package;
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
        ["bench", "cpp"] => match cpp::bench::run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("{why}");
                ExitCode::FAILURE
            }
        },
        ["bench", "node", rest @ ..] => test::run_node_bench(rest),
        ["bench", rest @ ..] => bench::run(rest),
        ["fuzz"] => fuzz::run("600", ""),
        ["fuzz", seconds] => fuzz::run(seconds, ""),
        ["fuzz", seconds, word] => fuzz::run(seconds, word),
        #[cfg(target_os = "linux")]
        ["inside", what] => match interop::inside(what) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("{why}");
                ExitCode::FAILURE
            }
        },
        ["api"] => api::run(false),
        ["api", "--write"] => api::run(true),
        ["cpp"] => test::run_cpp(),
        ["dist", "--prefix", prefix] => dist::run(prefix),
        ["header"] => header::run(false),
        ["header", "--write"] => header::run(true),
        ["node"] => test::run_node(),
        ["package"] => test::run_package(),
        ["spec"] => spec::run(false),
        ["spec", "--write"] => spec::run(true),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

const USAGE: &str = "usage: cargo xtask COMMAND [--no-install]

  test            runs every check: format, lints, documentation, tests, other
                  systems, and interop
  interop [WORD]  runs only the suites that use real servers and network namespaces;
                  with WORD, only those with WORD in their name
  check-targets [TARGET ...]
                  checks that the workspace compiles for other systems without a warning
  fuzz [SECONDS [WORD]]
                  runs every fuzz target for 600 seconds, or SECONDS, with cargo-fuzz and a
                  nightly compiler; with WORD, only those with WORD in their name
  api             compares the public API of the libraries with docs/api; --write
                  writes it down there
  cpp             runs only the suite for C and C++
  bench cpp       measures receiving through the event of C++
  dist --prefix DIR
                  builds the libraries for C and C++ and installs them below DIR
  header          compares the header of the C ABI with its sources; --write writes it
  node            builds the npm package and runs its tests, with Node.js 20 or newer
  package         checks that every published crate can be packaged without a warning
  spec            checks that every rule of MODEL.md has a test, and that tests cite
                  only rules that exist; --write updates the test names in MODEL.md
  bench           compares udpair with other ways of using UDP; see
                  cargo xtask bench --help. `bench node` compares the npm package
                  with node:dgram

As root on Debian, a suite installs the packages that it needs. With --no-install
nothing is installed, and the summary names the suites that cannot run.";
