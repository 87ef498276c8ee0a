//! The npm package: builds its native part, checks its types, and runs its tests by Node.js.

use std::process::{Command, Stdio};

use crate::command::{self, cargo, root, run as run_program};
use crate::suite::Outcome;

/// Builds the package and runs its tests.
pub(crate) fn check() -> Outcome {
    match version() {
        Ok(version) if version < OLDEST => {
            return Outcome::NotRun(format!("Node.js {version} is too old: {OLDEST} is needed"));
        }
        Ok(_) => {}
        Err(why) => return Outcome::NotRun(why),
    }
    if command::find("npm").is_none() {
        return Outcome::NotRun("npm is missing".into());
    }
    npm(&["ci", "--no-audit", "--no-fund"])
        .and_then(|()| npm(&["run", "build"]))
        .and_then(|()| npm(&["run", "check"]))
        .and_then(|()| npm(&["test"]))
        .into()
}

/// Builds the native part with optimizations, and measures it beside `node:dgram`.
pub(crate) fn bench(arguments: &[&str]) -> Result<(), String> {
    npm(&["ci", "--no-audit", "--no-fund"])?;
    npm(&["run", "build:release"])?;
    npm(&[&["run", "bench", "--"], arguments].concat())
}

/// Runs npm in the folder of the package.
fn npm(arguments: &[&str]) -> Result<(), String> {
    let folder = root().join("bindings/node");
    let mut command = Command::new("npm");
    command.arg("--prefix").arg(&folder).args(arguments);
    // The build uses the same cargo.
    command.env("CARGO", cargo(&[]).get_program());
    run_program(&mut command)
}

/// Returns the major version of Node.js.
fn version() -> Result<u32, String> {
    let output = Command::new("node")
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .map_err(|_| "node is missing".to_owned())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let major = text.trim().trim_start_matches('v').split('.').next();
    major
        .and_then(|major| major.parse().ok())
        .ok_or_else(|| format!("node --version prints {text:?}"))
}

/// The oldest version that the package runs with.
const OLDEST: u32 = 20;
