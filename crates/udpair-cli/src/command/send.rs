//! `send`: datagrams, and no waiting for anything.

use std::cell::Cell;
use std::ops::Range;
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};
use udpair::{DatagramSocket, ErrorKind, Event as SocketEvent, OutputStream, PeerErrorKind};

use super::context::{Context, Exit, Failure, may_pass_later};
use crate::args::Send;
use crate::event::Event;

pub(super) async fn run(context: &Context, arguments: &Send) -> Result<Exit, Failure> {
    let payload = sized(arguments.payload.bytes().await?, arguments.size);
    let hops = arguments.multicast_hops;
    let remote = arguments.remote.endpoint();
    let (socket, output) = context
        .output_to(&remote, |builder| match hops {
            Some(hops) => builder.multicast_hops(hops),
            None => builder,
        })
        .await?;
    context.summarize(&socket);
    let salvo = Salvo {
        context,
        arguments,
        socket: &socket,
        output: &output,
        payload: &payload,
        started: Instant::now(),
        problem: Cell::new(None),
    };
    salvo.fire().await
}

struct Salvo<'a> {
    context: &'a Context,
    arguments: &'a Send,
    socket: &'a DatagramSocket,
    output: &'a OutputStream,
    payload: &'a [u8],
    started: Instant,
    /// The first thing that went wrong with a datagram.
    problem: Cell<Option<ErrorKind>>,
}

impl Salvo<'_> {
    /// Sends everything, and tells what the network says meanwhile.
    async fn fire(&self) -> Result<Exit, Failure> {
        let count = self.arguments.count;
        // The first one binds the socket; before that there is nothing to hear.
        self.send(0..count.min(1)).await?;
        if self.socket.local_addr().is_some() {
            tokio::select! {
                failure = self.hear() => return Err(failure),
                sent = self.send(1..count) => sent?,
            }
            tokio::select! {
                biased;
                failure = self.hear() => return Err(failure),
                // What is here by now is heard; nothing is waited for.
                () = yield_now() => {}
            }
        }
        Ok(match self.problem.get() {
            Some(kind) => Exit::Reported(kind),
            None => Exit::Done,
        })
    }

    async fn send(&self, numbers: Range<u64>) -> Result<(), Failure> {
        for number in numbers {
            if let Some(rate) = self.arguments.rate {
                // From the start, not from the last one, so that lateness does not add up.
                let due = Duration::from_secs_f64(number as f64 / rate);
                sleep_until(self.started + due).await;
            }
            let bytes = self.payload.len();
            match self.output.write(self.payload).await {
                Ok(()) => self.context.say(&Event::Sent { bytes }).await?,
                Err(error) if self.is_of_the_moment(&error) => {
                    self.note(error.kind());
                    self.context.say(&Event::error(&error)).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whether a later datagram of the same kind may fare better.
    fn is_of_the_moment(&self, error: &udpair::Error) -> bool {
        may_pass_later(error)
            && error.kind() != ErrorKind::PayloadTooLarge
            && self.socket.local_addr().is_some()
    }

    /// Tells what the network says of our datagrams; replies are none of our business.
    async fn hear(&self) -> Failure {
        loop {
            match self.socket.next_event().await {
                Ok(SocketEvent::PeerError(error)) => {
                    if error.kind() == PeerErrorKind::PortUnreachable {
                        self.note(ErrorKind::PeerUnreachable);
                    }
                    if let Err(failure) = self.context.say(&Event::peer_error(&error)).await {
                        return failure;
                    }
                }
                Ok(_) => {}
                Err(error) => return error.into(),
            }
        }
    }

    fn note(&self, kind: ErrorKind) {
        self.problem.set(self.problem.get().or(Some(kind)));
    }
}

/// Repeats or cuts `payload` to `size` bytes; an empty one becomes zeros.
fn sized(payload: Vec<u8>, size: Option<u32>) -> Vec<u8> {
    let Some(size) = size else { return payload };
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if payload.is_empty() {
        return vec![0; size];
    }
    payload.into_iter().cycle().take(size).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_repeated_or_cut_to_its_size() {
        assert_eq!(sized(b"abc".to_vec(), Some(7)), b"abcabca");
        assert_eq!(sized(b"abc".to_vec(), Some(2)), b"ab");
        assert_eq!(sized(Vec::new(), Some(2)), [0, 0]);
        assert_eq!(sized(b"abc".to_vec(), None), b"abc");
    }
}
