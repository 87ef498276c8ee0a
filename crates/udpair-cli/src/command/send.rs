//! `send`: sends datagrams without waiting for replies.

use std::cell::Cell;
use std::ops::Range;
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};
use udpair::{DatagramSocket, ErrorKind, Event as SocketEvent, OutputStream, PeerErrorKind};

use super::context::{Context, Exit, Failure, may_pass_later, sent_all};
use crate::args::Send;
use crate::event::Event;

pub(super) async fn run(context: &Context, arguments: &Send) -> Result<Exit, Failure> {
    let payload = sized(arguments.payload.bytes(context).await?, arguments.size);
    let hops = arguments.multicast_hops;
    let remote = arguments.remote.endpoint();
    let (socket, output) = context
        .output_to(&remote, |builder| match hops {
            Some(hops) => builder.multicast_hops(hops),
            None => builder,
        })
        .await?;
    context.summarize(&socket);
    let burst = Burst {
        context,
        arguments,
        socket: &socket,
        output: &output,
        payload: &payload,
        started: Instant::now(),
        problem: Cell::new(None),
    };
    burst.send_all().await
}

/// The datagrams to send, and the first error so far.
struct Burst<'a> {
    context: &'a Context,
    arguments: &'a Send,
    socket: &'a DatagramSocket,
    output: &'a OutputStream,
    payload: &'a [u8],
    started: Instant,
    /// The first error of a datagram.
    problem: Cell<Option<ErrorKind>>,
}

impl Burst<'_> {
    /// Sends all datagrams, and reports network errors that arrive meanwhile.
    async fn send_all(&self) -> Result<Exit, Failure> {
        let count = self.arguments.count;
        // The first datagram binds the socket. An unbound socket receives nothing.
        self.send(0..count.min(1)).await?;
        if self.socket.local_addr().is_some() {
            tokio::select! {
                failure = self.report_peer_errors() => return Err(failure),
                sent = self.send(1..count) => sent?,
            }
            tokio::select! {
                biased;
                failure = self.report_peer_errors() => return Err(failure),
                // Errors that have arrived by now are reported. The command waits for no others.
                () = yield_now() => {}
            }
        }
        Ok(match self.problem.get() {
            Some(kind) => Exit::Reported(kind),
            None => sent_all(self.socket),
        })
    }

    async fn send(&self, numbers: Range<u64>) -> Result<(), Failure> {
        for number in numbers {
            if let Some(rate) = self.arguments.rate {
                // Relative to the start, not to the previous datagram: delays do not accumulate.
                let due = Duration::from_secs_f64(number as f64 / rate);
                sleep_until(self.started + due).await;
            }
            let bytes = self.payload.len();
            match self.output.write(self.payload).await {
                Ok(()) => self.context.print(&Event::Sent { bytes }).await?,
                Err(error) if self.may_pass_later(&error) => {
                    self.note(error.kind());
                    self.context.print(&Event::error(&error)).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whether a later datagram of the same size may succeed.
    fn may_pass_later(&self, error: &udpair::Error) -> bool {
        may_pass_later(error)
            && error.kind() != ErrorKind::PayloadTooLarge
            && self.socket.local_addr().is_some()
    }

    /// Reports network errors until an operation fails. Replies are ignored.
    async fn report_peer_errors(&self) -> Failure {
        loop {
            match self.socket.next_event().await {
                Ok(event) => {
                    if let SocketEvent::PeerError(error) = &event
                        && error.kind == PeerErrorKind::PortUnreachable
                    {
                        self.note(ErrorKind::PeerUnreachable);
                    }
                    if let Err(failure) = self.context.print_event(&event).await {
                        return failure;
                    }
                }
                Err(error) => return error.into(),
            }
        }
    }

    fn note(&self, kind: ErrorKind) {
        self.problem.set(self.problem.get().or(Some(kind)));
    }
}

/// Repeats or truncates `payload` to `size` bytes. An empty payload becomes zeros.
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
    fn a_payload_is_repeated_or_truncated_to_its_size() {
        assert_eq!(sized(b"abc".to_vec(), Some(7)), b"abcabca");
        assert_eq!(sized(b"abc".to_vec(), Some(2)), b"ab");
        assert_eq!(sized(Vec::new(), Some(2)), [0, 0]);
        assert_eq!(sized(b"abc".to_vec(), None), b"abc");
    }
}
