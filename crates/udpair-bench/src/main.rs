//! Measures `udpair` and other ways of using UDP sockets, in the same workloads.
//!
//! `udpair-bench run WORKLOAD MODE` makes one measurement and prints it as a line of JSON. It
//! starts every role as a process of its own, each on its core. `udpair-bench list` prints the
//! workloads and the modes. `cargo xtask bench` repeats the measurements and compares them.
//! `udpair-bench deny` executes a program on a system that refuses some calls, for interop tests.
//!
//! The program counts and pins with Linux system calls. On other systems it does nothing.

#![deny(unsafe_code)]

#[cfg(target_os = "linux")]
mod deny;
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

/// The result of a role. Any error ends the process, so its type does not matter.
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
