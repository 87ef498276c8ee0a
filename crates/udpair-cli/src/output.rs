//! Where a command's words go: results to standard output, all else to standard error.
//!
//! A thread of its own writes to standard output, so that a reader who is slow, or has stopped reading,
//! holds up neither the network nor an interruption.

use std::cell::RefCell;
use std::future;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::coop::unconstrained;

use crate::event::Event;
use crate::render::{Rendered, Renderer};

/// The way out.
#[derive(Debug)]
pub(crate) struct Output {
    renderer: Renderer,
    /// `None` once nobody reads any more.
    lines: RefCell<Option<Sender<Vec<u8>>>>,
    writer: RefCell<Option<JoinHandle<()>>>,
    /// What ended the thread that writes.
    failure: Arc<OnceLock<io::Error>>,
    /// Whether the command has no purpose without its reader.
    ends_with_reader: bool,
    asides: RefCell<Diagnostics>,
}

/// What goes to standard error, without saying the same again and again.
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
            asides: RefCell::default(),
        }
    }

    /// Says `event`.
    ///
    /// # Errors
    ///
    /// Standard output cannot be written, or nobody reads it and there is nothing else to do.
    pub(crate) async fn say(&self, event: &Event) -> io::Result<()> {
        match self.renderer.render(event)? {
            Rendered::Nothing => Ok(()),
            Rendered::Result(bytes) => self.write(bytes).await,
            Rendered::Diagnostic(text) => {
                self.aside(&text);
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

    /// Waits until there is no sense in going on: standard output cannot be written, or nobody reads it
    /// and there is nothing else to do.
    pub(crate) async fn lost(&self) -> io::Error {
        let lines = self.lines.borrow().clone();
        if let Some(lines) = lines {
            // The work beside this may use up the task's share of the thread every time; this needs none.
            unconstrained(lines.closed()).await;
            if let Some(error) = self.loss() {
                return error;
            }
        }
        future::pending().await
    }

    /// Returns what is lost with the thread that wrote; `None` where the command goes on without it.
    fn loss(&self) -> Option<io::Error> {
        match self.failure() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Some(error),
            // Whoever read our output has gone. Who asked something still wants to know the outcome.
            _ if !self.ends_with_reader => None,
            _ => Some(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Says something that is no result; only the first of several that are the same.
    fn aside(&self, text: &str) {
        let mut asides = self.asides.borrow_mut();
        if asides.last == text {
            asides.repeated += 1;
            return;
        }
        asides.tell_repeated();
        text.clone_into(&mut asides.last);
        let _ = io::stderr().write_all(text.as_bytes());
    }

    /// Says that something is wrong with the output itself.
    pub(crate) fn complain(&self, problem: &str) {
        self.aside(&format!("udpair: {problem}\n"));
    }

    /// Waits until all is written.
    ///
    /// # Errors
    ///
    /// Standard output could not be written.
    pub(crate) async fn finish(&self) -> io::Result<()> {
        self.asides.borrow_mut().tell_repeated();
        self.lines.replace(None);
        if let Some(writer) = self.writer.replace(None) {
            // A thread that panicked has said so itself.
            let _ = tokio::task::spawn_blocking(move || writer.join()).await;
        }
        match self.failure() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns a copy, because it comes up in several places.
    fn failure(&self) -> Option<io::Error> {
        let failure = self.failure.get()?;
        Some(io::Error::new(failure.kind(), failure.to_string()))
    }
}

impl Diagnostics {
    fn tell_repeated(&mut self) {
        if self.repeated > 0 {
            let _ = writeln!(io::stderr(), "(and {} more like that)", self.repeated);
            self.repeated = 0;
        }
    }
}

/// Writes what comes until nothing more does; keeps the error that ends it before that.
fn write_all(mut lines: Receiver<Vec<u8>>, failure: &OnceLock<io::Error>) {
    let mut stdout = io::stdout().lock();
    while let Some(bytes) = lines.blocking_recv() {
        let written = stdout.write_all(&bytes).and_then(|()| stdout.flush());
        if let Err(error) = written {
            // Nobody else sets it.
            let _ = failure.set(error);
            return;
        }
    }
}

/// How many events wait for a slow reader before the network has to.
const LINES_AHEAD: usize = 64;
