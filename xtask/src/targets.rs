//! `cargo xtask check-targets`: the workspace compiles for other systems, without a warning.
//!
//! A toolchain that has the standard library of every system is rarely installed. Debian's compiler comes
//! with the library's source instead, from which cargo builds it for each target (`-Zbuild-std`, which the
//! compiler allows with `RUSTC_BOOTSTRAP`). Nothing is linked and nothing runs.

use std::path::Path;
use std::process::Command;

use crate::command::{root, run};
use crate::packages;
use crate::suite::Outcome;

/// What is checked: each system that has an engine, or will have one.
pub(crate) const TARGETS: &[&str] = &[
    FOREIGN[0],
    FOREIGN[1],
    "x86_64-unknown-freebsd",
    "aarch64-linux-android",
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-gnu",
];

/// The two that have least in common with Linux; checked by every run of all tests.
pub(crate) const FOREIGN: &[&str] = &["x86_64-pc-windows-gnu", "aarch64-apple-darwin"];

/// Checks some targets.
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
    cargo
        .args(arguments)
        .env("RUSTC", RUSTC)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-D warnings")
        // Apart from what the other compiler builds.
        .env("CARGO_TARGET_DIR", root().join("target/targets"))
        // Those of the cargo that runs us would lead back to its own toolchain.
        .env_remove("CARGO")
        .env_remove("RUSTUP_TOOLCHAIN");
    run(&mut cargo)
}

const CARGO: &str = "/usr/bin/cargo";
const RUSTC: &str = "/usr/bin/rustc";

/// Files, and the Debian packages that bring them.
const NEEDS: &[(&str, &str)] = &[
    (RUSTC, "rustc-web"),
    (CARGO, "cargo-web"),
    ("/usr/share/doc/rust-web-src/copyright", "rust-web-src"),
];
