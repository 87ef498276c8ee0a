//! Standard input, read by a thread of its own: no system can wait for every kind of it.

use std::io::{self, Read};
use std::thread;

use tokio::sync::mpsc::{self, Receiver};

use crate::frame::{Frame, FrameError, RAW_BYTES_MAX};

/// Starts reading standard input; the channel ends with it.
///
/// At most a few datagrams are read ahead: what the network does not take stays in the pipe.
pub(crate) fn datagrams(frame: Frame) -> Receiver<Result<Vec<u8>, FrameError>> {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    thread::spawn(move || {
        // As large as a datagram may be, so that one read brings as much; the handle's own buffer, which
        // is smaller, is passed by.
        let mut input = io::BufReader::with_capacity(BUFFER_BYTES, io::stdin());
        loop {
            let next = match frame.read(&mut input) {
                Ok(Some(payload)) => Ok(payload),
                Ok(None) => break,
                Err(error) => Err(error),
            };
            let is_over = matches!(next, Err(FrameError::Io(_)));
            // Nobody listens any more: the command is ending.
            if sender.blocking_send(next).is_err() || is_over {
                break;
            }
        }
    });
    receiver
}

/// Reads standard input to its end, or `most` bytes of it.
pub(crate) async fn read_to_end(most: usize) -> io::Result<Vec<u8>> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        let mut input = io::stdin().take(most as u64);
        input.read_to_end(&mut bytes).map(|_| bytes)
    });
    reading.await.map_err(io::Error::other)?
}

const READ_AHEAD: usize = 16;

const BUFFER_BYTES: usize = RAW_BYTES_MAX;
