//! The bytes that wait to be written to standard output and standard error, in one order.

use std::io::{self, Write};
use std::mem;
use std::pin::pin;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Where bytes are written to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stream {
    Output,
    Error,
}

/// A queue between a command and the thread that writes what the command prints.
///
/// Both streams share it, so that they are written in the order in which they were filled. What is
/// added while the thread writes is written together.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// There is something to write, or the queue is closed.
    filled: Condvar,
    /// Bytes were written, or standard output failed.
    emptied: Notify,
}

#[derive(Debug, Default)]
struct State {
    chunks: Vec<Chunk>,
    /// The bytes of standard output that are not written yet.
    waiting: usize,
    is_closed: bool,
    /// The error that ended standard output.
    failure: Option<io::Error>,
    /// The memory of a written chunk, for the next one.
    spare: Vec<u8>,
}

#[derive(Debug)]
struct Chunk {
    stream: Stream,
    bytes: Vec<u8>,
}

impl Queue {
    /// Adds bytes, which are dropped if their stream has failed.
    pub(super) fn push(&self, stream: Stream, bytes: &[u8]) {
        let mut state = self.lock();
        if stream == Stream::Output {
            if state.failure.is_some() {
                return;
            }
            state.waiting += bytes.len();
        }
        match state.chunks.last_mut() {
            Some(last) if last.stream == stream => last.bytes.extend_from_slice(bytes),
            _ => {
                let mut chunk = mem::take(&mut state.spare);
                chunk.extend_from_slice(bytes);
                let bytes = chunk;
                state.chunks.push(Chunk { stream, bytes });
            }
        }
        drop(state);
        self.filled.notify_one();
    }

    /// Waits until standard output has space for more, or has failed.
    pub(super) async fn space(&self) {
        self.wait_for(|state| state.waiting < WAITING_BYTES_MAX || state.failure.is_some())
            .await;
    }

    /// Waits until standard output has failed.
    pub(super) async fn failed(&self) {
        self.wait_for(|state| state.failure.is_some()).await;
    }

    async fn wait_for(&self, condition: impl Fn(&State) -> bool) {
        loop {
            let mut emptied = pin!(self.emptied.notified());
            emptied.as_mut().enable();
            if condition(&self.lock()) {
                return;
            }
            emptied.await;
        }
    }

    /// Returns a copy of the error that ended standard output, because several callers need it.
    pub(super) fn failure(&self) -> Option<io::Error> {
        let state = self.lock();
        let failure = state.failure.as_ref()?;
        Some(io::Error::new(failure.kind(), failure.to_string()))
    }

    /// Lets the writer end once everything is written.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.filled.notify_one();
    }

    /// Takes what waits for standard error, behind output that cannot be written.
    pub(super) fn take_errors(&self) -> Vec<u8> {
        let chunks = mem::take(&mut self.lock().chunks);
        let errors = chunks
            .into_iter()
            .filter(|chunk| chunk.stream == Stream::Error);
        errors.flat_map(|chunk| chunk.bytes).collect()
    }

    /// Writes what is added, until the queue is closed and empty. Runs on a thread of its own.
    pub(super) fn write_all(&self, mut output: impl Write, mut error: impl Write) {
        while let Some(chunks) = self.next_chunks() {
            for mut chunk in chunks {
                match chunk.stream {
                    Stream::Output => {
                        let written = output.write_all(&chunk.bytes);
                        self.written(chunk.bytes.len(), written.and_then(|()| output.flush()));
                    }
                    // Nothing could report that standard error fails.
                    Stream::Error => drop(error.write_all(&chunk.bytes)),
                }
                chunk.bytes.clear();
                self.lock().spare = chunk.bytes;
            }
        }
    }

    /// Waits for chunks; `None` once the queue is closed and empty.
    fn next_chunks(&self) -> Option<Vec<Chunk>> {
        let mut state = self.lock();
        while state.chunks.is_empty() {
            if state.is_closed {
                return None;
            }
            let waited = self.filled.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        Some(mem::take(&mut state.chunks))
    }

    fn written(&self, bytes: usize, result: io::Result<()>) {
        let mut state = self.lock();
        state.waiting = state.waiting.saturating_sub(bytes);
        if let Err(error) = result {
            state.failure.get_or_insert(error);
        }
        drop(state);
        self.emptied.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change of the state is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much is queued before a slow reader makes the command wait: what a fast stream of datagrams
/// brings in some 30 ms.
const WAITING_BYTES_MAX: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    /// A writer to a list that two of them share.
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A reader that has gone.
    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn both_streams_are_written_in_the_order_in_which_they_were_filled() {
        let (queue, shared) = (Arc::new(Queue::default()), Shared::default());
        let writer = thread::spawn({
            let (queue, shared) = (queue.clone(), shared.clone());
            move || queue.write_all(shared.clone(), shared)
        });
        let mut expected = Vec::new();
        for number in 0..1000 {
            let stream = [Stream::Output, Stream::Output, Stream::Error][number % 3];
            let text = format!("{number}\n");
            queue.push(stream, text.as_bytes());
            expected.extend(text.into_bytes());
        }
        queue.close();
        writer.join().unwrap();
        assert_eq!(*shared.0.lock().unwrap(), expected);
    }

    #[test]
    fn what_is_queued_together_is_written_together() {
        let queue = Queue::default();
        queue.push(Stream::Output, b"a");
        queue.push(Stream::Output, b"b");
        let chunks = queue.next_chunks().unwrap();
        assert_eq!((chunks.len(), &*chunks[0].bytes), (1, b"ab" as &[_]));
    }

    #[test]
    fn standard_error_outlives_standard_output() {
        let (queue, shared) = (Queue::default(), Shared::default());
        queue.push(Stream::Output, b"lost");
        queue.push(Stream::Error, b"kept");
        queue.close();
        queue.write_all(Closed, shared.clone());
        assert_eq!(*shared.0.lock().unwrap(), b"kept");
        assert_eq!(queue.failure().unwrap().kind(), io::ErrorKind::BrokenPipe);
    }
}
