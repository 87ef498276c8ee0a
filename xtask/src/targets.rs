//! `cargo xtask check-targets`: checks that the workspace compiles for other systems without a
//! warning.
//!
//! Few machines have a toolchain with the standard library of every system. Debian's compiler comes
//! with the library's source instead. From that, cargo builds the library for each target
//! (`-Zbuild-std`, which the compiler allows with `RUSTC_BOOTSTRAP`). Nothing is linked and nothing
//! runs.

use std::path::Path;
use std::process::Command;

use crate::command::{root, run};
use crate::packages;
use crate::suite::Outcome;

/// The targets that are checked: every system that has an engine or will have one.
pub(crate) const TARGETS: &[&str] = &[
    FOREIGN[0],
    FOREIGN[1],
    "x86_64-unknown-freebsd",
    "aarch64-linux-android",
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-gnu",
];

/// The two targets that have least in common with Linux. Every run of all tests checks them.
pub(crate) const FOREIGN: &[&str] = &["x86_64-pc-windows-gnu", "aarch64-apple-darwin"];

/// Checks that the workspace compiles for each of `targets`.
pub(crate) fn check(targets: &[&str]) -> Outcome {
    for (file, package) in NEEDS {
        if let Err(why) = packages::need_file(Path::new(file), package) {
            return Outcome::NotRun(why);
        }
    }
    let failed: Vec<_> = targets
        .iter()
        .copied()
        .filter(|target| {
            let checked = check_one(target);
            match &checked {
                Ok(()) => println!("    {target}: compiles without a warning"),
                Err(why) => println!("    {target}: {why}"),
            }
            checked.is_err()
        })
        .collect();
    match failed.as_slice() {
        [] => Outcome::Passed,
        failed => Outcome::Failed(failed.join(", ")),
    }
}

fn check_one(target: &str) -> Result<(), String> {
    let arguments = [
        "check",
        "--workspace",
        "--locked",
        "--quiet",
        "--target",
        target,
        "-Zbuild-std=std,panic_abort",
    ];
    let mut cargo = Command::new(CARGO);
    cargo.args(arguments);
    if target.ends_with("windows-gnu") {
        // Its build script wants a library of Node.js, which only the other toolchain of Windows does
        // without.
        cargo.args(["--exclude", "udpair-node"]);
    }
    cargo
        .env("RUSTC", RUSTC)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-D warnings")
        // Keeps the output of this compiler apart from that of the other one.
        .env("CARGO_TARGET_DIR", root().join("target/targets"))
        // The cargo that started this program sets these. They would select its own toolchain.
        .env_remove("CARGO")
        .env_remove("RUSTUP_TOOLCHAIN");
    run(&mut cargo)
}

const CARGO: &str = "/usr/bin/cargo";
const RUSTC: &str = "/usr/bin/rustc";

/// The files that are needed, and the Debian packages that contain them.
const NEEDS: &[(&str, &str)] = &[
    (RUSTC, "rustc-web"),
    (CARGO, "cargo-web"),
    ("/usr/share/doc/rust-web-src/copyright", "rust-web-src"),
];
