//! The command under test, as its users run it.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::check;
use crate::command::root;

/// A finished run of the command.
#[derive(Debug)]
pub(crate) struct Udpair {
    arguments: String,
    code: Option<i32>,
    pub(crate) stdout: String,
    stderr: String,
}

impl Udpair {
    /// Runs the command to its end.
    pub(crate) fn run(arguments: &[&str]) -> Result<Self, String> {
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root().join("target"), |folder| root().join(folder));
        let program = target.join("debug").join("udpair");
        let output = Command::new(&program)
            .args(arguments)
            .env_remove("UDPAIR_DNS")
            .env_remove("UDPAIR_SERVICES")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        Ok(Self {
            arguments: arguments.join(" "),
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Fails unless the command ended with this code.
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

    /// Returns the events of one name.
    pub(crate) fn events_named(&self, name: &str) -> Result<Vec<Value>, String> {
        let mut events = self.events()?;
        events.retain(|event| event["event"] == name);
        Ok(events)
    }

    /// Returns the text for a run that was not as expected.
    pub(crate) fn unlike(&self, expected: &str) -> String {
        format!(
            "udpair {}: expected {expected}\n      exit code: {:?}\n      stdout: {}\n      stderr: {}",
            self.arguments, self.code, self.stdout, self.stderr
        )
    }
}
