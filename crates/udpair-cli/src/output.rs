//! Writes the output of a command: results to standard output, everything else to standard error.
//!
//! A separate thread writes to standard output. A reader that is slow or has stopped reading delays
//! neither the network nor an interruption.

use std::cell::RefCell;
use std::future;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::coop::unconstrained;

use crate::event::Event;
use crate::render::{Rendered, Renderer};

/// The standard output and standard error of a command.
#[derive(Debug)]
pub(crate) struct Output {
    renderer: Renderer,
    /// `None` once standard output is closed or finished.
    lines: RefCell<Option<Sender<Vec<u8>>>>,
    writer: RefCell<Option<JoinHandle<()>>>,
    /// The error that ended the writer thread.
    failure: Arc<OnceLock<io::Error>>,
    /// Whether the command has no purpose without a reader of its output.
    ends_with_reader: bool,
    diagnostics: RefCell<Diagnostics>,
}

/// Writes diagnostics to standard error, and counts repetitions of the last one instead of writing
/// them.
#[derive(Debug, Default)]
struct Diagnostics {
    last: String,
    repeated: u64,
}

impl Output {
    pub(crate) fn new(renderer: Renderer, ends_with_reader: bool) -> Self {
        let (sender, receiver) = mpsc::channel(LINES_AHEAD);
        let failure = Arc::new(OnceLock::new());
        let writer = {
            let failure = failure.clone();
            thread::spawn(move || write_all(receiver, &failure))
        };
        Self {
            renderer: renderer.for_terminal(io::stdout().is_terminal()),
            lines: RefCell::new(Some(sender)),
            writer: RefCell::new(Some(writer)),
            failure,
            ends_with_reader,
            diagnostics: RefCell::default(),
        }
    }

    /// Prints `event`.
    ///
    /// # Errors
    ///
    /// Standard output cannot be written, or its reader closed it and the command has no purpose
    /// without a reader.
    pub(crate) async fn print(&self, event: &Event) -> io::Result<()> {
        match self.renderer.render(event)? {
            Rendered::Nothing => Ok(()),
            Rendered::Result(bytes) => self.write(bytes).await,
            Rendered::Diagnostic(text) => {
                self.diagnostics.borrow_mut().write(&text);
                Ok(())
            }
        }
    }

    async fn write(&self, bytes: Vec<u8>) -> io::Result<()> {
        let Some(lines) = self.lines.borrow().clone() else {
            return Ok(());
        };
        if lines.send(bytes).await.is_ok() {
            return Ok(());
        }
        self.lines.replace(None);
        self.loss().map_or(Ok(()), Err)
    }

    /// Waits until the command should end: standard output cannot be written, or its reader closed
    /// it and the command has no purpose without a reader.
    pub(crate) async fn lost(&self) -> io::Error {
        let lines = self.lines.borrow().clone();
        if let Some(lines) = lines {
            // The command runs in the same task and may use up its cooperative budget on every
            // poll. Without `unconstrained` this future would then never be ready.
            unconstrained(lines.closed()).await;
            if let Some(error) = self.loss() {
                return error;
            }
        }
        future::pending().await
    }

    /// Returns the error that ends the command after the writer thread ended; `None` if the command
    /// continues without standard output.
    fn loss(&self) -> Option<io::Error> {
        match self.failure() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Some(error),
            // The reader closed the pipe. Other commands continue for their exit code.
            _ if !self.ends_with_reader => None,
            _ => Some(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Writes a warning to standard error. Neither `-q` nor `--json` suppresses it.
    pub(crate) fn warn(&self, problem: &str) {
        self.diagnostics
            .borrow_mut()
            .write(&format!("udpair: {problem}\n"));
    }

    /// Waits until all output is written.
    ///
    /// # Errors
    ///
    /// Standard output could not be written.
    pub(crate) async fn finish(&self) -> io::Result<()> {
        self.diagnostics.borrow_mut().write_repeated();
        self.lines.replace(None);
        if let Some(writer) = self.writer.replace(None) {
            // A panic in the thread has already been printed.
            let _ = tokio::task::spawn_blocking(move || writer.join()).await;
        }
        match self.failure() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns a copy of the writer thread's error, because several callers need it.
    fn failure(&self) -> Option<io::Error> {
        let failure = self.failure.get()?;
        Some(io::Error::new(failure.kind(), failure.to_string()))
    }
}

impl Diagnostics {
    /// Writes `text` unless it repeats the last one.
    fn write(&mut self, text: &str) {
        if self.last == text {
            self.repeated += 1;
            return;
        }
        self.write_repeated();
        text.clone_into(&mut self.last);
        let _ = io::stderr().write_all(text.as_bytes());
    }

    /// Writes how many repetitions were left out.
    fn write_repeated(&mut self) {
        if self.repeated > 0 {
            let _ = writeln!(
                io::stderr(),
                "(last message repeated {} times)",
                self.repeated
            );
            self.repeated = 0;
        }
    }
}

/// Writes each received line until the channel is closed. Stores the error that ends it earlier.
fn write_all(mut lines: Receiver<Vec<u8>>, failure: &OnceLock<io::Error>) {
    let mut stdout = io::stdout().lock();
    while let Some(bytes) = lines.blocking_recv() {
        let written = stdout.write_all(&bytes).and_then(|()| stdout.flush());
        if let Err(error) = written {
            // Only this thread sets it.
            let _ = failure.set(error);
            return;
        }
    }
}

/// How many events are buffered before a slow reader makes the command wait.
const LINES_AHEAD: usize = 64;
