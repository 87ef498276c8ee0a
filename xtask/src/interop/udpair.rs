//! The command under test, as its users run it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::suite::check;
use crate::command::root;

/// Returns the path of the built command.
pub(crate) fn program() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |folder| root().join(folder));
    target.join("debug").join("udpair")
}

/// A finished run of the command.
#[derive(Debug)]
pub(crate) struct Udpair {
    arguments: String,
    code: Option<i32>,
    pub(crate) stdout: String,
    stderr: String,
}

impl Udpair {
    /// Runs the command, and waits for its end.
    pub(crate) fn run(arguments: &[&str]) -> Result<Self, String> {
        Self::of(Command::new(program()).args(arguments))
    }

    /// Runs a command that starts `udpair`, and waits for its end.
    pub(crate) fn of(command: &mut Command) -> Result<Self, String> {
        let output = command
            .env_remove("UDPAIR_DNS")
            .env_remove("UDPAIR_SERVICES")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("cannot start {command:?}: {error}"))?;
        let words = command.get_args().map(|word| word.to_string_lossy());
        Ok(Self {
            arguments: words.collect::<Vec<_>>().join(" "),
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Fails unless the command exited with this code.
    pub(crate) fn has_code(&self, code: i32) -> Result<(), String> {
        check(self.code == Some(code), || {
            self.unlike(&format!("exit code {code}"))
        })
    }

    /// Returns the events of a `--json` run.
    pub(crate) fn events(&self) -> Result<Vec<Value>, String> {
        let events = self.stdout.lines().map(serde_json::from_str);
        events
            .collect::<Result<_, _>>()
            .map_err(|error| self.unlike(&error.to_string()))
    }

    /// Returns the events of a `--json` run that have this name.
    pub(crate) fn events_named(&self, name: &str) -> Result<Vec<Value>, String> {
        let mut events = self.events()?;
        events.retain(|event| event["event"] == name);
        Ok(events)
    }

    /// Returns the error text for a run that was not as expected.
    pub(crate) fn unlike(&self, expected: &str) -> String {
        format!(
            "udpair {}: expected {expected}\n      exit code: {:?}\n      stdout: {}\n      stderr: {}",
            self.arguments, self.code, self.stdout, self.stderr
        )
    }
}
