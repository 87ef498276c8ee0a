//! A server that runs during a suite, and is stopped by its process id.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::udpair::Udpair;

/// A running server and its log.
pub(crate) struct Daemon {
    name: &'static str,
    child: Child,
    lines: Receiver<String>,
    log: Vec<String>,
}

impl Daemon {
    /// Starts a server, and waits until it logs that it is ready.
    pub(crate) fn start(
        name: &'static str,
        command: &mut Command,
        ready: &str,
    ) -> Result<Self, String> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {name}: {error}"))?;
        let (sender, lines) = mpsc::channel();
        forward(child.stdout.take(), sender.clone());
        forward(child.stderr.take(), sender);
        let mut daemon = Self {
            name,
            child,
            lines,
            log: Vec::new(),
        };
        daemon.wait_for(ready)?;
        Ok(daemon)
    }

    /// Waits until a line with `part` is logged. Lines that an earlier call has read do not count.
    pub(crate) fn wait_for(&mut self, part: &str) -> Result<(), String> {
        let end = Instant::now() + TIMEOUT;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    let is_match = line.contains(part);
                    self.log.push(line);
                    if is_match {
                        return Ok(());
                    }
                }
                Err(_) => {
                    let log = self.log.join("\n      ");
                    return Err(format!("{} did not log {part:?}:\n      {log}", self.name));
                }
            }
        }
    }

    /// Repeats a request until the server answers. It does not answer while it starts.
    pub(crate) fn until_it_answers(
        &self,
        ask: impl Fn() -> Result<Udpair, String>,
    ) -> Result<Udpair, String> {
        let end = Instant::now() + TIMEOUT;
        loop {
            let run = ask()?;
            match run.has_code(0) {
                Ok(()) => return Ok(run),
                // The port is not open yet, and the request fails at once.
                Err(_) if run.has_code(6).is_ok() && Instant::now() < end => {}
                Err(why) => return Err(format!("{}: {why}", self.name)),
            }
        }
    }

    /// Sends the process a signal, in the notation of kill(1).
    pub(crate) fn signal(&self, signal: &str) -> Result<(), String> {
        let status = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        match status {
            Ok(status) if status.success() => Ok(()),
            outcome => Err(format!("cannot send {} {signal}: {outcome:?}", self.name)),
        }
    }

    /// Returns the lines read so far, and clears the log.
    pub(crate) fn take_log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn forward(stream: Option<impl Read + Send + 'static>, sender: Sender<String>) {
    let Some(stream) = stream else { return };
    thread::spawn(move || {
        // Ends with the server, or when the receiver is dropped.
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            if sender.send(line).is_err() {
                break;
            }
        }
    });
}

/// Returns a port that is currently free for both UDP and TCP.
pub(crate) fn free_port() -> Result<u16, String> {
    for _ in 0..16 {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|e| e.to_string())?;
        let address = udp.local_addr().map_err(|e| e.to_string())?;
        if TcpListener::bind(address).is_ok() {
            return Ok(address.port());
        }
    }
    Err("no port is free for both UDP and TCP".into())
}

/// A temporary folder. It is removed when this value is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("udpair-{name}-{}", process::id()));
        fs::create_dir_all(&path).map_err(|error| format!("cannot make {path:?}: {error}"))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file into the folder, and returns its path as text.
    pub(crate) fn write(&self, name: &str, content: &str) -> Result<String, String> {
        let path = self.0.join(name);
        fs::write(&path, content).map_err(|error| format!("cannot write {path:?}: {error}"))?;
        Ok(path.display().to_string())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const TIMEOUT: Duration = Duration::from_secs(60);
