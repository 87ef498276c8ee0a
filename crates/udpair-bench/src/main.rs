//! Rivals to measure `udpair` against, and the workloads they are measured with.
//!
//! `udpair-bench run WORKLOAD MODE` makes one measurement and prints it as a line of JSON; it starts the
//! other roles as processes of their own, each on its core. `udpair-bench list` says what there is.
//! `cargo xtask bench` does this many times over, and compares.

#![deny(unsafe_code)]

mod measure;
mod name_server;
mod options;
mod peer;
mod role;
mod run;
mod system;
mod workload;

use std::process::ExitCode;

/// Whatever goes wrong ends the process; nobody tells the reasons apart.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().skip(1).collect();
    match role::play(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("udpair-bench {}: {error}", words.join(" "));
            ExitCode::FAILURE
        }
    }
}
