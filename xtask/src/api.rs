//! `cargo xtask api`: compares the public API of each library with the one that is written down in
//! `docs/api`, so that a change of it is seen in the change itself.
//!
//! The documentation tool lists the API as JSON. That form is not stable, so that a compiler needs
//! `RUSTC_BOOTSTRAP` to write it, and each version has a number. With a compiler whose number
//! differs from that of the library that reads it, nothing is compared, and the summary says so.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Deserialize;

use crate::command::{cargo, root, run as run_program};
use crate::suite::{Outcome, Report};

/// Compares, or writes the API down, and returns whether that worked.
pub(crate) fn run(writes: bool) -> ExitCode {
    let mut report = Report::default();
    report.run("public API", || match writes {
        true => write(),
        false => check(),
    });
    match report.finish(true) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Compares the API of every library with what is written down.
pub(crate) fn check() -> Outcome {
    for name in LIBRARIES {
        let found = match items(name) {
            Ok(found) => found,
            Err(outcome) => return outcome,
        };
        let path = snapshot(name);
        let written = fs::read_to_string(&path).unwrap_or_default();
        let written: Vec<_> = written.lines().skip(1).map(str::to_owned).collect();
        if let Err(why) = compare(name, &written, &found) {
            return Outcome::Failed(why);
        }
        println!("    {name}: {} lines, as written down", found.len());
    }
    Outcome::Passed
}

fn write() -> Outcome {
    for name in LIBRARIES {
        let found = match items(name) {
            Ok(found) => found,
            Err(outcome) => return outcome,
        };
        let text = format!("{}\n{}\n", heading(name), found.join("\n"));
        if let Err(error) = fs::write(snapshot(name), text) {
            return Outcome::Failed(error.to_string());
        }
        println!("    {name}: {} lines written", found.len());
    }
    Outcome::Passed
}

/// Prints what differs.
fn compare(name: &str, written: &[String], found: &[String]) -> Result<(), String> {
    if written == found {
        return Ok(());
    }
    let before: BTreeSet<_> = written.iter().collect();
    let now: BTreeSet<_> = found.iter().collect();
    let removed = before.difference(&now).map(|line| ("-", line));
    let added = now.difference(&before).map(|line| ("+", line));
    let changes: Vec<_> = removed.chain(added).collect();
    for (sign, line) in &changes {
        println!("    {sign} {line}");
    }
    Err(format!(
        "{} lines of the public API of {name} have changed; `cargo xtask api --write` writes them down",
        changes.len()
    ))
}

/// Returns the items of a library's public API with all features, a line each.
///
/// Blanket implementations are left out, and of automatic ones all but `Send` and `Sync`.
fn items(name: &str) -> Result<Vec<String>, Outcome> {
    let json = documentation(name).map_err(Outcome::Failed)?;
    let format = format_of(&json).map_err(Outcome::Failed)?;
    if format != rustdoc_types::FORMAT_VERSION {
        return Err(Outcome::NotRun(format!(
            "this compiler lists APIs in format {format}, and the versions of public-api and \
             rustdoc-types in Cargo.toml read format {}",
            rustdoc_types::FORMAT_VERSION
        )));
    }
    let builder = public_api::Builder::from_rustdoc_json(&json).omit_blanket_impls(true);
    let api = builder
        .build()
        .map_err(|error| Outcome::Failed(format!("cannot read {}: {error}", json.display())))?;
    let lines = api.items().map(ToString::to_string);
    Ok(lines.filter(|line| !is_minor(line)).collect())
}

/// Returns whether a line says that a type has an automatic trait that few programs rely on.
fn is_minor(line: &str) -> bool {
    let minor = [
        "core::marker::Freeze for ",
        "core::marker::Unpin for ",
        "core::marker::UnsafeUnpin for ",
        "core::panic::unwind_safe::RefUnwindSafe for ",
        "core::panic::unwind_safe::UnwindSafe for ",
    ];
    line.starts_with("impl") && minor.iter().any(|name| line.contains(name))
}

/// Lists the API of a library as JSON, and returns the file.
fn documentation(name: &str) -> Result<PathBuf, String> {
    // Keeps what is compiled for this apart from everything else.
    let folder = root().join("target/api");
    let arguments = ["rustdoc", "--package", name, "--lib", "--all-features"];
    let mut command = cargo(&arguments);
    command
        .args(["--locked", "--quiet", "--"])
        .args(["-Zunstable-options", "--output-format", "json"])
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", &folder)
        .env_remove("RUSTDOCFLAGS");
    run_program(&mut command)?;
    let file = name.replace('-', "_");
    Ok(folder.join("doc").join(file).with_extension("json"))
}

/// Returns the number of the format of a list.
fn format_of(json: &Path) -> Result<u32, String> {
    #[derive(Deserialize)]
    struct Head {
        format_version: u32,
    }
    let text = fs::read(json).map_err(|error| format!("{}: {error}", json.display()))?;
    let head: Head = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    Ok(head.format_version)
}

/// Returns the file in which the API of a library is written down.
fn snapshot(name: &str) -> PathBuf {
    root().join("docs/api").join(name).with_extension("txt")
}

fn heading(name: &str) -> String {
    format!(
        "# The public API of {name} with all features on Linux; `cargo xtask api --write` wrote this."
    )
}

/// The libraries that are published.
const LIBRARIES: &[&str] = &["udpair-io", "udpair", "udpair-quinn", "udpair-winrt"];
