//! Writes the output of a command: results to standard output, everything else to standard error.
//!
//! A separate thread writes both, in the order in which the command printed. A reader that is slow
//! or has stopped reading delays neither the network nor an interruption.

mod queue;

use std::cell::RefCell;
use std::future;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use tokio::task::coop::unconstrained;

use crate::color;
use crate::event::{Event, Received};
use crate::render::{Colors, Layout, Rendered, Renderer};
use queue::{Queue, Stream};

/// The standard output and standard error of a command.
#[derive(Debug)]
pub(crate) struct Output {
    renderer: Renderer,
    queue: Arc<Queue>,
    writer: RefCell<Option<JoinHandle<()>>>,
    /// Whether the command has no purpose without a reader of its output.
    ends_with_reader: bool,
    diagnostics: RefCell<Diagnostics>,
    /// The memory in which results become text.
    scratch: RefCell<Vec<u8>>,
}

/// Counts repetitions of the last diagnostic instead of writing them.
#[derive(Debug, Default)]
struct Diagnostics {
    last: String,
    repeated: u64,
}

impl Output {
    pub(crate) fn new(renderer: Renderer, ends_with_reader: bool) -> Self {
        let queue = Arc::new(Queue::default());
        let writer = {
            let queue = queue.clone();
            thread::spawn(move || queue.write_all(io::stdout(), io::stderr()))
        };
        Self {
            renderer: renderer
                .for_terminal(io::stdout().is_terminal(), columns())
                .with_colors(Colors {
                    output: color::is_wanted(io::stdout().is_terminal()),
                    error: color::is_wanted(io::stderr().is_terminal()),
                }),
            queue,
            writer: RefCell::new(Some(writer)),
            ends_with_reader,
            diagnostics: RefCell::default(),
            scratch: RefCell::default(),
        }
    }

    /// Prints `event`.
    ///
    /// # Errors
    ///
    /// Standard output cannot be written, or its reader closed it and the command has no purpose
    /// without a reader.
    pub(crate) async fn print(&self, event: &Event) -> io::Result<()> {
        match self.renderer.render(event, SystemTime::now())? {
            Rendered::Nothing => Ok(()),
            Rendered::Result(bytes) => {
                self.queue.push(Stream::Output, &bytes);
                self.space().await
            }
            Rendered::Diagnostic(text) => {
                self.diagnose(&text);
                Ok(())
            }
        }
    }

    /// Returns how lists are laid out.
    pub(crate) fn layout(&self) -> Layout {
        self.renderer.layout()
    }

    /// Prints a datagram. The caller waits for [`space`](Self::space) after those that arrived
    /// together.
    ///
    /// # Errors
    ///
    /// The datagram cannot be serialized as JSON.
    pub(crate) fn add(&self, received: &Received<'_>) -> io::Result<()> {
        let mut scratch = self.scratch.borrow_mut();
        scratch.clear();
        self.renderer.received(received, &mut scratch)?;
        self.queue.push(Stream::Output, &scratch);
        Ok(())
    }

    /// Waits until standard output has space for more.
    ///
    /// # Errors
    ///
    /// Those of [`print`](Self::print).
    pub(crate) async fn space(&self) -> io::Result<()> {
        self.queue.space().await;
        self.loss().map_or(Ok(()), Err)
    }

    /// Waits until the command should end: standard output cannot be written, or its reader closed
    /// it and the command has no purpose without a reader.
    pub(crate) async fn lost(&self) -> io::Error {
        // The command runs in the same task and may use up its cooperative budget on every poll.
        // Without `unconstrained` this future would then never be ready.
        unconstrained(self.queue.failed()).await;
        match self.loss() {
            Some(error) => error,
            None => future::pending().await,
        }
    }

    /// Returns the error that ends the command if standard output has failed; `None` if the command
    /// continues without it.
    fn loss(&self) -> Option<io::Error> {
        let error = self.queue.failure()?;
        // The reader closed the pipe. Other commands continue for their exit code.
        let is_fatal = error.kind() != io::ErrorKind::BrokenPipe || self.ends_with_reader;
        is_fatal.then_some(error)
    }

    /// Writes a warning to standard error. Neither `-q` nor `--json` suppresses it.
    pub(crate) fn warn(&self, problem: &str) {
        self.diagnose(&self.renderer.problem(problem));
    }

    /// Writes `text` to standard error, unless it repeats the last one.
    pub(crate) fn diagnose(&self, text: &str) {
        let Some(text) = self.diagnostics.borrow_mut().next(text) else {
            return;
        };
        match *self.writer.borrow() {
            Some(_) => self.queue.push(Stream::Error, text.as_bytes()),
            // Everything else is written.
            None => drop(io::stderr().write_all(text.as_bytes())),
        }
    }

    /// Waits until all output is written.
    ///
    /// # Errors
    ///
    /// Standard output could not be written.
    pub(crate) async fn finish(&self) -> io::Result<()> {
        let repeated = self.diagnostics.borrow_mut().repetitions();
        self.queue.push(Stream::Error, repeated.as_bytes());
        self.queue.close();
        if let Some(writer) = self.writer.replace(None) {
            // A panic in the thread has already been printed.
            let _ = tokio::task::spawn_blocking(move || writer.join()).await;
        }
        match self.queue.failure() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }

    /// Writes the diagnostics that wait behind results which nobody reads, unless nobody reads them
    /// either.
    pub(crate) fn abandon(&self) {
        let errors = self.queue.take_errors();
        let (written, is_written) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let _ = written.send(io::stderr().write_all(&errors));
        });
        let _ = is_written.recv_timeout(ABANDON_TIMEOUT);
    }
}

/// Returns the columns of the terminal; `None` if standard output is none.
fn columns() -> Option<u16> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0)
}

impl Diagnostics {
    /// Returns what to write for `text`; `None` if it repeats the last one.
    fn next(&mut self, text: &str) -> Option<String> {
        if self.last == text {
            self.repeated += 1;
            return None;
        }
        let repetitions = self.repetitions();
        text.clone_into(&mut self.last);
        Some(repetitions + text)
    }

    /// Returns the line that says how many repetitions were left out, if any.
    fn repetitions(&mut self) -> String {
        match std::mem::take(&mut self.repeated) {
            0 => String::new(),
            repeated => format!("(last message repeated {repeated} times)\n"),
        }
    }
}

/// How long an abandoned command tries to write its last diagnostics.
const ABANDON_TIMEOUT: Duration = Duration::from_millis(100);
