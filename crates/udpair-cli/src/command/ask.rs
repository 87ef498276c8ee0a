//! `ask`: sends one request, with retries, to one address after the other, and waits for one reply,
//! or collects the replies of all.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, sleep_until, timeout_at};
use udpair::{
    DatagramSocket, Endpoint, Error, ErrorKind, Event as SocketEvent, PeerErrorKind, Request,
    RequestEvent,
};

use super::context::{Context, Exit, Failure, NOTICE_AFTER};
use crate::args::Ask;
use crate::event::{Event, peer_error_kind, with_causes};

pub(super) async fn run(context: &Context, arguments: &Ask) -> Result<Exit, Failure> {
    let payload = arguments.payload.bytes(context).await?;
    let expected = match &arguments.expect {
        Some(text) => arguments
            .payload
            .decoded("--expect", text.as_bytes().to_vec())?,
        None => Vec::new(),
    };
    if arguments.all {
        return ask_all(context, arguments, &payload, &expected).await;
    }
    let (steps, next_step) = mpsc::unbounded_channel();
    let progress = Progress {
        context,
        arguments,
        payload_bytes: payload.len(),
        connected: 0,
        given_up: None,
        refusal: None,
        rejected: Arc::default(),
        times: Arc::default(),
    };
    let request = progress.request(payload, expected, steps);
    progress.run(&request, next_step).await
}

/// Sends the request, and prints every reply until the time is over.
async fn ask_all(
    context: &Context,
    arguments: &Ask,
    payload: &[u8],
    expected: &[u8],
) -> Result<Exit, Failure> {
    let remote = arguments.remote.endpoint();
    let (socket, output) = context.output_to(&remote, |builder| builder).await?;
    context.summarize(&socket);
    let mut senders = BTreeSet::new();
    let mut replies = 0_u64;
    for _ in 0..=arguments.retries() {
        // The first write binds the socket.
        output.write(payload).await?;
        let sent = Instant::now();
        let bytes = payload.len();
        context.print(&Event::Sent { bytes }).await?;
        while let Ok(event) = timeout_at(sent + arguments.wait, socket.next_event()).await {
            match event? {
                SocketEvent::Message(reply) if contains(reply.payload(), expected) => {
                    let rtt = Some(sent.elapsed());
                    context.print_received(&socket, &reply, rtt).await?;
                    senders.insert(reply.remote());
                    replies += 1;
                }
                event => context.print_event(&event).await?,
            }
        }
    }
    if replies == 0 {
        let message = format!("no reply from {remote} within {:?}", arguments.wait);
        return Err(context.no_reply(ErrorKind::NoReply, &remote, message).await);
    }
    context.say(&format!("replies: {replies}, senders: {}", senders.len()));
    Ok(Exit::Done)
}

/// A step of the request.
enum Step {
    Connected(DatagramSocket),
    Sent,
    Socket(SocketEvent),
    GaveUp(SocketAddr, ErrorKind),
}

impl Step {
    fn of(event: RequestEvent<'_>) -> Option<Self> {
        match event {
            RequestEvent::Connected(socket) => Some(Self::Connected(socket.clone())),
            RequestEvent::Sent { .. } => Some(Self::Sent),
            RequestEvent::Socket(event) => Some(Self::Socket(event.clone())),
            RequestEvent::GaveUp { address, error } => Some(Self::GaveUp(address, error.kind())),
            _ => None,
        }
    }
}

/// A request that waits for its reply, and what has happened to it.
struct Progress<'a> {
    context: &'a Context,
    arguments: &'a Ask,
    payload_bytes: usize,
    /// The number of addresses that were asked.
    connected: usize,
    /// The last address that did not reply, and why it was given up.
    given_up: Option<(SocketAddr, ErrorKind)>,
    /// Why the network refused the last address.
    refusal: Option<PeerErrorKind>,
    /// The number of replies of the last address without the expected bytes.
    rejected: Arc<AtomicU64>,
    times: Arc<Mutex<Times>>,
}

/// When the last try was sent, and when the reply arrived.
#[derive(Default)]
struct Times {
    sent: Option<std::time::Instant>,
    replied: Option<std::time::Instant>,
}

impl Progress<'_> {
    /// Returns the request, whose reply must contain `expected`.
    fn request(
        &self,
        payload: Vec<u8>,
        expected: Vec<u8>,
        steps: UnboundedSender<Step>,
    ) -> Request {
        let rejected = self.rejected.clone();
        let of_address = self.rejected.clone();
        let (sent, replied) = (self.times.clone(), self.times.clone());
        Request::new(payload)
            .wait(self.arguments.wait)
            .wait_max(self.arguments.wait)
            .retries(self.arguments.retries())
            .accept(move |message| {
                let is_expected = contains(message.payload(), &expected);
                rejected.fetch_add((!is_expected).into(), Ordering::Relaxed);
                if is_expected {
                    lock(&replied).replied = Some(std::time::Instant::now());
                }
                is_expected
            })
            .on_event(move |event| {
                match event {
                    RequestEvent::Connected(_) => of_address.store(0, Ordering::Relaxed),
                    RequestEvent::Sent { .. } => {
                        lock(&sent).sent = Some(std::time::Instant::now());
                    }
                    _ => {}
                }
                if let Some(step) = Step::of(event) {
                    // The other end is dropped only with the request.
                    let _ = steps.send(step);
                }
            })
    }

    /// Asks one address after the other, and prints each step before the next one is made.
    async fn run(
        mut self,
        request: &Request,
        mut next_step: UnboundedReceiver<Step>,
    ) -> Result<Exit, Failure> {
        let mut asking = pin!(self.context.ask(self.arguments.remote.endpoint(), request));
        let mut resolving_since = Some(Instant::now());
        let outcome = loop {
            let notice = resolving_since.map(|since| since + NOTICE_AFTER);
            tokio::select! {
                biased;
                Some(step) = next_step.recv() => {
                    match &step {
                        Step::Connected(_) => resolving_since = None,
                        Step::GaveUp(..) => resolving_since = Some(Instant::now()),
                        Step::Sent | Step::Socket(_) => {}
                    }
                    self.print(step).await?;
                }
                outcome = &mut asking => break outcome,
                () = sleep_until(notice.unwrap_or_else(Instant::now)), if notice.is_some() => {
                    self.context.say_what_is_waited_for();
                    resolving_since = None;
                }
            }
        };
        while let Ok(step) = next_step.try_recv() {
            self.print(step).await?;
        }
        match outcome {
            Ok((socket, reply)) => {
                let rtt = lock(&self.times).rtt();
                self.context.print_received(&socket, &reply, rtt).await?;
                if let Some(rtt) = rtt {
                    let ms = rtt.as_secs_f64() * 1e3;
                    self.context
                        .say(&format!("{} replied in {ms:.3} ms", reply.remote()));
                }
                Ok(Exit::Done)
            }
            Err(Failure::Error(error)) => Err(self.failure(error).await),
            Err(failure) => Err(failure),
        }
    }

    async fn print(&mut self, step: Step) -> Result<(), Failure> {
        match step {
            Step::Connected(socket) => {
                self.connected += 1;
                self.refusal = None;
                if self.context.global.json || self.context.global.verbose {
                    self.context.summarize(&socket);
                }
                if let (Some((after, kind)), Some(destination)) =
                    (self.given_up.take(), socket.peer_addr())
                {
                    let kind = kind.name();
                    let event = Event::NextTarget {
                        destination,
                        after,
                        kind,
                    };
                    self.context.print(&event).await?;
                }
                let remote = self.arguments.remote.endpoint();
                self.context.report_connected(&socket, &remote).await
            }
            Step::Sent => {
                let bytes = self.payload_bytes;
                self.context.print(&Event::Sent { bytes }).await
            }
            Step::Socket(event) => {
                if let SocketEvent::PeerError(error) = &event
                    && error.unreachable().is_some()
                {
                    self.refusal = Some(error.kind);
                }
                self.context.print_event(&event).await
            }
            Step::GaveUp(address, kind) => {
                self.given_up = Some((address, kind));
                Ok(())
            }
        }
    }

    /// Returns the failure for an error of the request.
    async fn failure(&self, error: Error) -> Failure {
        let remote = self.arguments.remote.endpoint();
        let refusal = self.refusal.map(peer_error_kind);
        let why = match (error.kind(), refusal) {
            (ErrorKind::NoReply, _) => self.silence(&remote),
            (_, Some(refusal)) => {
                let meaning = match &*refusal {
                    "port-unreachable" => ", so the port is closed",
                    "administratively-prohibited" => ", so a firewall refuses it",
                    _ => "",
                };
                let refusal = refusal.replace('-', " ");
                format!("no reply from {remote}: {refusal}{meaning}")
            }
            // Something other than the peer's silence or refusal.
            (_, None) => return error.into(),
        };
        let message = match self.connected {
            1 => why,
            // The error names all addresses.
            _ => with_causes(&error),
        };
        self.context.no_reply(error.kind(), &remote, message).await
    }

    /// Returns how the only address was asked, and what came instead of the reply.
    fn silence(&self, remote: &Endpoint) -> String {
        let tries = self.arguments.retries().saturating_add(1);
        let sent = format!(
            "{tries} {} of {:?} each",
            if tries == 1 { "try" } else { "tries" },
            self.arguments.wait
        );
        match self.rejected.load(Ordering::Relaxed) {
            0 => format!("no reply from {remote} to {sent}"),
            1 => format!("1 reply from {remote} to {sent}; it does not contain the expected data"),
            rejected => format!(
                "{rejected} replies from {remote} to {sent}; none contains the expected data"
            ),
        }
    }
}

impl Times {
    /// Returns the time from the last try to the reply. A reply to an earlier try took longer.
    fn rtt(&self) -> Option<Duration> {
        self.replied?.checked_duration_since(self.sent?)
    }
}

fn lock(times: &Mutex<Times>) -> MutexGuard<'_, Times> {
    times.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns whether `expected` occurs in `payload`, as an empty one does in any.
fn contains(payload: &[u8], expected: &[u8]) -> bool {
    expected.is_empty() || payload.windows(expected.len()).any(|part| part == expected)
}
