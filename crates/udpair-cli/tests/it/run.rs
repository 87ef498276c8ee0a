//! Runs the command, and reads its output.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Output, Stdio};

use serde_json::Value;

/// The exit code and the output of a finished command.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// Returns the events of a `--json` run.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.stdout.lines().map(event).collect()
    }

    /// Returns the events with this name.
    pub(crate) fn events_named(&self, name: &str) -> Vec<Value> {
        self.events()
            .into_iter()
            .filter(|event| event["event"] == name)
            .collect()
    }

    /// Returns the only error event.
    pub(crate) fn error(&self) -> Value {
        let errors = self.events_named("error");
        assert_eq!(errors.len(), 1, "{self:?}");
        errors[0].clone()
    }
}

impl From<Output> for Finished {
    fn from(output: Output) -> Self {
        Self {
            code: code(output.status),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

fn code(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| panic!("it was killed: {status}"))
}

fn event(line: &str) -> Value {
    let event: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line:?}: {e}"));
    assert!(event["event"].is_string(), "{line}");
    event
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_udpair"));
    command
        .args(arguments)
        .env_remove("UDPAIR_DNS")
        .env_remove("UDPAIR_SERVICES");
    command
}

/// Runs the command with at most this many descriptors.
pub(crate) fn udpair_with_descriptors(most: usize, arguments: &[&str]) -> Finished {
    let program = command(arguments);
    let output = Command::new("sh")
        .arg("-c")
        .arg(format!("ulimit -n {most}; exec \"$@\""))
        .arg("sh")
        .arg(program.get_program())
        .args(program.get_args())
        .env_remove("UDPAIR_DNS")
        .env_remove("UDPAIR_SERVICES")
        .output()
        .unwrap();
    output.into()
}

/// Runs the command without input.
pub(crate) fn udpair(arguments: &[&str]) -> Finished {
    udpair_with(arguments, b"")
}

/// Runs the command with all of this input.
pub(crate) fn udpair_with(arguments: &[&str], input: &[u8]) -> Finished {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // The write fails if the command ends before it has read all input.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().unwrap().into()
}

/// A command that runs concurrently with the test.
pub(crate) struct Running {
    child: KillOnDrop,
    pub(crate) stdin: Option<ChildStdin>,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Running {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            stdin: child.stdin.take(),
            stdout: BufReader::new(child.stdout.take().unwrap()).lines(),
            child: KillOnDrop(child),
        }
    }

    /// Starts an echo peer on loopback, and returns it and its address.
    pub(crate) fn echo() -> (Self, String) {
        let mut echo = Self::start(&["listen", "127.0.0.1:0", "--echo", "--json"]);
        let listening = echo.next_event();
        assert_eq!(listening["event"], "listening");
        let address = listening["local"].as_str().unwrap().to_owned();
        (echo, address)
    }

    /// Waits for the next line of output.
    pub(crate) fn next_line(&mut self) -> String {
        self.stdout.next().expect("another line").unwrap()
    }

    pub(crate) fn next_event(&mut self) -> Value {
        event(&self.next_line())
    }

    pub(crate) fn write(&mut self, input: &[u8]) {
        self.stdin.as_mut().unwrap().write_all(input).unwrap();
    }

    /// Sends the signal of Ctrl-C.
    pub(crate) fn interrupt(&self) {
        let status = Command::new("kill")
            .args(["-INT", &self.child.0.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    /// Closes standard input, waits for the end, and returns the rest of the output and the exit
    /// code.
    pub(crate) fn finish(mut self) -> (Vec<Value>, i32) {
        self.stdin = None;
        let mut rest = Vec::new();
        for line in self.stdout.by_ref() {
            rest.push(event(&line.unwrap()));
        }
        (rest, code(self.child.0.wait().unwrap()))
    }

    /// Waits for the end with standard input open, and returns the exit code.
    pub(crate) fn wait(mut self) -> i32 {
        code(self.child.0.wait().unwrap())
    }

    /// Closes the read end of the command's standard output.
    pub(crate) fn close_stdout(self) -> WithoutReader {
        let Self {
            child,
            stdin,
            stdout,
        } = self;
        drop(stdout);
        WithoutReader {
            child,
            _stdin: stdin,
        }
    }
}

/// A running command whose standard output is closed.
pub(crate) struct WithoutReader {
    child: KillOnDrop,
    _stdin: Option<ChildStdin>,
}

impl WithoutReader {
    /// Whether the command has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.0.try_wait().unwrap().is_some()
    }

    pub(crate) fn wait(mut self) -> i32 {
        code(self.child.0.wait().unwrap())
    }
}

/// Splits "host:port" into host and port.
pub(crate) fn split(address: &str) -> [&str; 2] {
    let (host, port) = address.rsplit_once(':').unwrap();
    [host, port]
}

/// A process that is killed when dropped.
struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
