//! Reads standard input on a separate thread: no system can wait asynchronously for every kind of
//! standard input.

use std::fs::File;
use std::io::{self, Read};
use std::thread;

use tokio::sync::mpsc::{self, Receiver};

use crate::frame::{Frame, FrameError, RAW_BYTES_MAX};

/// Starts reading standard input. The channel closes at the end of the input.
///
/// Only a few datagrams are read ahead. Input that cannot be sent yet stays in the pipe.
pub(crate) fn datagrams(frame: Frame) -> Receiver<Result<Vec<u8>, FrameError>> {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    thread::spawn(move || {
        // As large as a datagram may be, so that one read can return one. Reads of this size bypass
        // the smaller buffer of the handle.
        let mut input = io::BufReader::with_capacity(BUFFER_BYTES, io::stdin());
        loop {
            let next = match frame.read(&mut input) {
                Ok(Some(payload)) => Ok(payload),
                Ok(None) => break,
                Err(error) => Err(error),
            };
            let is_over = matches!(next, Err(FrameError::Io(_)));
            // Sending fails if the receiver was dropped: the command is ending.
            if sender.blocking_send(next).is_err() || is_over {
                break;
            }
        }
    });
    receiver
}

/// Reads standard input to its end, or its first `limit` bytes.
pub(crate) async fn read_to_end(limit: usize) -> io::Result<Vec<u8>> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        let mut input = io::stdin().take(limit as u64);
        input.read_to_end(&mut bytes).map(|_| bytes)
    });
    reading.await.map_err(io::Error::other)?
}

/// Reads a file to its end, or its first `limit` bytes.
pub(crate) async fn read_file(path: String, limit: usize) -> io::Result<Vec<u8>> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        let mut input = File::open(path)?.take(limit as u64);
        input.read_to_end(&mut bytes).map(|_| bytes)
    });
    reading.await.map_err(io::Error::other)?
}

/// Whether standard input is a pipe: somebody may expect that it is read. Only Linux says so.
pub(crate) fn is_piped() -> bool {
    std::fs::read_link("/proc/self/fd/0")
        .is_ok_and(|target| target.to_string_lossy().starts_with("pipe:"))
}

const READ_AHEAD: usize = 16;

const BUFFER_BYTES: usize = RAW_BYTES_MAX;
