//! Other ways of using UDP sockets, measured beside `udpair`, and the workloads they are measured with.
//!
//! `udpair-bench run WORKLOAD MODE` makes one measurement and prints it as a line of JSON; it starts the
//! other roles as processes of their own, each on its core. `udpair-bench list` says what there is.
//! `cargo xtask bench` does this many times over, and compares.
//!
//! It counts and pins with the calls of Linux, and does nothing elsewhere.

#![deny(unsafe_code)]

#[cfg(target_os = "linux")]
mod measure;
#[cfg(target_os = "linux")]
mod name_server;
#[cfg(target_os = "linux")]
mod options;
#[cfg(target_os = "linux")]
mod peer;
#[cfg(target_os = "linux")]
mod role;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod system;
#[cfg(target_os = "linux")]
mod workload;

use std::process::ExitCode;

/// A failure ends the process; nobody tells the reasons apart.
#[cfg(target_os = "linux")]
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[cfg(target_os = "linux")]
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

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("udpair-bench measures on Linux only");
    ExitCode::FAILURE
}
