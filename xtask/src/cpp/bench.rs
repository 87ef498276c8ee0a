//! `cargo xtask bench cpp`: what it costs to receive through the event of C++, next to a handler of
//! `udpair-winrt`, and how large and how quick to start a program is.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::command::{cargo, root, run as run_program};
use crate::dist::{self, target};

/// Measures, and prints the medians.
///
/// # Errors
///
/// Something cannot be built or started.
pub(crate) fn run() -> Result<(), String> {
    let built = target().join("dist");
    run_program(&mut cargo(&[
        "build",
        "--locked",
        "--profile",
        "dist",
        "--package",
        "udpair-c",
        "--package",
        "udpair-bench",
    ]))?;
    let prefix = target().join("cpp-bench");
    dist::install(&prefix, &built)?;
    let program = prefix.join("receive");
    let mut command = Command::new("g++");
    command
        .args(["-std=c++20", "-O2", "-s", "-I"])
        .arg(prefix.join("include"))
        .arg(root().join("bindings/cpp/bench/receive.cpp"))
        .arg(prefix.join("lib/libudpair.a"))
        .args(["-lpthread", "-ldl", "-lm", "-o"])
        .arg(&program);
    run_program(&mut command)?;

    let harness = built.join("udpair-bench");
    println!("CPU time of a receiver in nanoseconds a datagram, medians of {ROUNDS} runs");
    println!("sender        bytes  reads by   Rust    C++  ratio");
    for sender in ["raw", "udpair-batch"] {
        for bytes in ["64", "1200"] {
            for (kind, mode) in [
                ("payload", "udpair-winrt"),
                ("reader", "udpair-winrt-reader"),
            ] {
                let rust = Receiver::Rust(&harness, mode);
                let cpp = Receiver::Cpp(&program, kind);
                let load = [sender, bytes];
                let mut costs = (Vec::new(), Vec::new());
                for _ in 0..ROUNDS {
                    costs.0.push(rust.cost(&harness, load)?);
                    costs.1.push(cpp.cost(&harness, load)?);
                }
                let (rust, cpp) = (median(costs.0), median(costs.1));
                let ratio = cpp / rust;
                println!("{sender:<13} {bytes:>5}  {kind:<8} {rust:>6.0} {cpp:>6.0}  {ratio:>5.2}");
            }
        }
    }
    report_size_and_start(&prefix, &program)
}

/// Prints the sizes of the libraries and of a program, and the time from its start to a socket that
/// receives.
fn report_size_and_start(prefix: &Path, program: &Path) -> Result<(), String> {
    let kilobytes = |path: PathBuf| match fs::metadata(&path) {
        Ok(metadata) => Ok(metadata.len() / 1024),
        Err(error) => Err(format!("cannot read {}: {error}", path.display())),
    };
    println!(
        "libudpair.so: {} KiB; a program with libudpair.a: {} KiB",
        kilobytes(fs::canonicalize(prefix.join("lib/libudpair.so")).unwrap_or_default())?,
        kilobytes(program.to_owned())?,
    );
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let mut running = Running::start(Command::new(program).args(PORTS).arg("payload"))?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
        running.stop();
    }
    println!("from start to a connected socket: {:.1} ms", median(times));
    Ok(())
}

/// A program that receives.
#[derive(Clone, Copy)]
enum Receiver<'a> {
    Rust(&'a Path, &'a str),
    Cpp(&'a Path, &'a str),
}

impl Receiver<'_> {
    /// Returns the CPU time for each datagram of a load, in nanoseconds.
    fn cost(self, harness: &Path, [sender, bytes]: [&str; 2]) -> Result<f64, String> {
        let [local, remote] = PORTS;
        let address = |port: &str| format!("127.0.0.1:{port}");
        let mut command = match self {
            Self::Rust(program, mode) => {
                let mut command = Command::new(program);
                command.args(["receive", mode]);
                command.args(["--local", &address(local), "--remote", &address(remote)]);
                command
            }
            Self::Cpp(program, kind) => {
                let mut command = Command::new(program);
                command.args([local, remote, kind]);
                command
            }
        };
        let mut running = Running::start(&mut command)?;
        let mut send = Command::new(harness);
        send.args(["send", sender, "--bytes", bytes, "--seconds", "0.5"]);
        send.args(["--local", &address(remote), "--remote", &address(local)]);
        let sent = send.output().map_err(|error| error.to_string())?;
        if !sent.status.success() {
            return Err(String::from_utf8_lossy(&sent.stderr).into_owned());
        }
        let result = running.end(&address(remote), &address(local))?;
        let number = |name: &str| result[name].as_f64().unwrap_or(f64::NAN);
        Ok(number("cpu_seconds") / number("received") * 1e9)
    }
}

/// A receiver that runs.
struct Running {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Running {
    /// Starts a receiver, and waits until it can receive.
    fn start(command: &mut Command) -> Result<Self, String> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start a receiver: {error}"))?;
        let output = child.stdout.take().ok_or("the receiver has no output")?;
        let mut output = BufReader::new(output);
        let mut line = String::new();
        output
            .read_line(&mut line)
            .map_err(|error| error.to_string())?;
        match line.trim() {
            "READY" => Ok(Self { child, output }),
            _ => Err(format!("the receiver says {line:?}")),
        }
    }

    /// Sends the datagram that ends the receiver until it has come, and returns what was counted.
    fn end(&mut self, from: &str, to: &str) -> Result<Value, String> {
        let socket = UdpSocket::bind(from).map_err(|error| error.to_string())?;
        let ends = Instant::now() + Duration::from_secs(10);
        while Instant::now() < ends {
            // The receiver may have gone already.
            let _ = socket.send_to(b"x", to);
            let waited = Instant::now() + Duration::from_millis(100);
            while Instant::now() < waited {
                if let Ok(Some(_)) = self.child.try_wait() {
                    let mut text = String::new();
                    let read = self.output.read_to_string(&mut text);
                    read.map_err(|error| error.to_string())?;
                    let last = text.lines().last().unwrap_or_default();
                    return serde_json::from_str(last).map_err(|error| error.to_string());
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        self.stop();
        Err("the receiver does not end".into())
    }

    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

const ROUNDS: usize = 9;

/// The ports of the receiver and of the sender.
const PORTS: [&str; 2] = ["41001", "41002"];
