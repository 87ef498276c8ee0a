//! One process of a measurement.

use std::fmt::Display;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::Result;
use crate::peer::Mode;

/// The core, the priority and the time of a part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placement {
    pub(super) core: usize,
    pub(super) is_urgent: bool,
    pub(super) time: Duration,
}

/// A part that has not been started yet.
pub(super) struct Call {
    role: &'static str,
    mode: Option<&'static Mode>,
    placement: Placement,
    options: Vec<String>,
}

impl Call {
    pub(super) fn new(
        role: &'static str,
        mode: Option<&'static Mode>,
        placement: Placement,
    ) -> Self {
        let options = vec!["--seconds".into(), placement.time.as_secs_f64().to_string()];
        Self {
            role,
            mode,
            placement,
            options,
        }
    }

    pub(super) fn with(mut self, name: &str, value: impl Display) -> Self {
        self.options.extend([name.to_owned(), value.to_string()]);
        self
    }

    /// Starts the process.
    pub(super) fn start(self) -> Result<Part> {
        let mut command = self.command()?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().expect("its output is piped");
        Ok(Part {
            name: self.role,
            child,
            output: BufReader::new(output),
        })
    }

    /// Starts the process, and waits until it can receive datagrams.
    pub(super) fn start_ready(self) -> Result<Part> {
        let mut part = self.start()?;
        let line = part.line()?;
        if line != "READY" {
            return Err(format!("{} printed {line:?} instead of READY", part.name).into());
        }
        Ok(part)
    }

    fn command(&self) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        let script = self.mode.and_then(|mode| mode.script.as_ref());
        if let Some(script) = script {
            command.arg("exec").args(self.placement_options());
            command.args([
                "--seconds",
                &self.placement.time.as_secs_f64().to_string(),
                "--",
            ]);
            command.args(script.prepare()?).arg(self.role);
            command.args(&self.options);
        } else {
            command.arg(self.role).args(self.mode.map(|mode| mode.name));
            command.args(self.placement_options()).args(&self.options);
        }
        Ok(command)
    }

    fn placement_options(&self) -> Vec<String> {
        let mut options = vec!["--core".into(), self.placement.core.to_string()];
        if self.placement.is_urgent {
            options.push("--urgent".into());
        }
        options
    }
}

/// A running process. It is killed when this value is dropped.
pub(super) struct Part {
    name: &'static str,
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Part {
    pub(super) fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Waits until the process has ended, and returns its result.
    pub(super) fn finish(mut self) -> Result<Value> {
        let line = self.line()?;
        let status = self.child.wait()?;
        if !status.success() {
            return Err(format!("{} failed: {status}", self.name).into());
        }
        Ok(serde_json::from_str(&line)?)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Neither call does anything if the process has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
