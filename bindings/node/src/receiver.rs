//! Reception of a socket: the event loop reports that there is something to read, and JavaScript is given
//! it in batches: one call for each.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use napi::bindgen_prelude::Null;
use udpair_winrt::udpair::{Event, Metadata, RecvBatch, background};
use udpair_winrt::{Error, MessageReceivedEventArgs, Received, Reception, hresult};

use crate::js::{self, Callback, Memory};
use crate::record::{self, Header, Kind};
use crate::runtime::{Receives, State};
use crate::uv::Poll;

/// What receives for a socket, once it is open.
pub(crate) struct Receiver {
    reception: Arc<Reception>,
    batch: RefCell<RecvBatch>,
    on_records: Callback,
    source: RefCell<Option<Source>>,
    keeps_running: Cell<bool>,
    is_paused: Cell<bool>,
    /// Whether what arrives is dropped: nothing in JavaScript wants it.
    discards: Cell<bool>,
    /// How many messages of the kernel the next batch takes at most.
    limit: Cell<usize>,
    failures: Cell<u32>,
    state: Rc<State>,
    number: Cell<u32>,
}

/// What reports that there is something to read.
enum Source {
    /// libuv.
    Poll(Poll),
    /// A thread, in programs without libuv. It waits until JavaScript has taken what there was.
    Thread(Arc<Pump>),
}

/// A thread that waits for something to read.
struct Pump {
    goes_on: AtomicBool,
    taken: flag::Flag,
}

impl Receiver {
    /// Begins to receive. `on_records` is called with the start and the end of records.
    pub(crate) fn begin(
        state: &Rc<State>,
        reception: Reception,
        on_records: Callback,
    ) -> Result<Rc<Self>, Error> {
        let receiver = Rc::new(Self {
            reception: Arc::new(reception),
            batch: RefCell::default(),
            on_records,
            limit: Cell::new(MESSAGES_MIN),
            source: RefCell::default(),
            keeps_running: Cell::new(true),
            is_paused: Cell::new(false),
            discards: Cell::new(false),
            failures: Cell::new(0),
            state: state.clone(),
            number: Cell::new(0),
        });
        let weak: Weak<dyn Receives> = Rc::<Self>::downgrade(&receiver);
        receiver.number.set(state.add_receiver(weak));
        receiver.start()?;
        Ok(receiver)
    }

    fn start(self: &Rc<Self>) -> Result<(), Error> {
        let source = match &self.state.event_loop {
            Some(event_loop) => {
                let Some(socket) = self.reception.socket() else {
                    return Ok(());
                };
                let descriptor = socket.inner().descriptor()?;
                let weak = Rc::downgrade(self);
                let poll = Poll::new(event_loop, descriptor, move || report_to(&weak));
                Source::Poll(poll.map_err(|error| {
                    let text = format!("the event loop cannot watch the socket: {error}");
                    Error::new(hresult::E_FAIL, text)
                })?)
            }
            None => {
                self.state.hold();
                Source::Thread(self.pump())
            }
        };
        *self.source.borrow_mut() = Some(source);
        Ok(())
    }

    /// Starts a thread's task that reports what there is to read by the mailbox.
    fn pump(&self) -> Arc<Pump> {
        let pump = Arc::new(Pump {
            goes_on: AtomicBool::new(true),
            taken: flag::Flag::default(),
        });
        let (running, reception) = (pump.clone(), self.reception.clone());
        let (mailbox, number) = (self.state.mailbox.clone(), self.number.get());
        let _ = background::spawn(async move {
            while running.goes_on.load(Ordering::Acquire) && reception.readable().await.is_ok() {
                mailbox.post(Box::new(move |env| {
                    // JavaScript finds the receiver by its number.
                    let null = js::value(env, Null)?;
                    Ok([js::value(env, -i64::from(number))?, null, null])
                }));
                running.taken.wait().await;
            }
        });
        pump
    }

    /// Hands a batch of what there is to JavaScript; called from the event loop, which gets its turn
    /// before the next batch.
    pub(crate) fn report(&self) {
        if self.is_paused.get() {
            return;
        }
        if self.discards.get() {
            self.discard();
        } else {
            self.deliver();
        }
        if let Some(Source::Thread(pump)) = &*self.source.borrow() {
            pump.taken.set();
        }
    }

    fn deliver(&self) {
        loop {
            let (start, taken) = self
                .state
                .with_memory(|memory, start| (start, self.take(memory, start)));
            if taken.end > start {
                self.state.set_used(taken.end);
                self.on_records.call([word(start), word(taken.end)]);
            }
            // JavaScript may have closed the socket.
            if !taken.has_more || self.source.borrow().is_none() {
                return;
            }
        }
    }

    /// Drops what has arrived.
    fn discard(&self) {
        let mut batch = self.batch.take();
        if matches!(self.reception.try_next(&mut batch), Ok(Received::Ended)) {
            self.stop();
        }
        batch.clear();
        self.batch.replace(batch);
    }

    pub(crate) fn set_discards(&self, discards: bool) {
        self.discards.set(discards);
    }

    /// Writes records of what has arrived into a block.
    fn take(&self, memory: &mut Memory, start: usize) -> Taken {
        let nothing = Taken::until(start);
        let mut batch = self.batch.borrow_mut();
        if batch.is_empty() {
            batch.set_limit(self.limit.get());
            match self.reception.try_next(&mut batch) {
                Ok(Received::Datagrams) => self.adapt(batch.messages()),
                Ok(Received::Event(arguments)) => {
                    return event(memory.bytes_mut(), start, &failure(&arguments));
                }
                Ok(Received::Other(Event::PeerError(error))) => {
                    let header = error.destination.map(header_of);
                    return header
                        .map_or(nothing, |header| event(memory.bytes_mut(), start, &header));
                }
                Ok(Received::Other(_) | Received::Nothing) => return nothing,
                Ok(Received::Ended) => {
                    drop(batch);
                    self.stop();
                    return nothing;
                }
                Err(_) => {
                    self.failures.set(self.failures.get() + 1);
                    if self.failures.get() == FAILURES_MAX {
                        drop(batch);
                        self.stop();
                    }
                    return nothing;
                }
            }
        }
        fill(&mut batch, memory, start)
    }

    /// Adapts how many messages the next batch takes: what is not needed costs, too.
    fn adapt(&self, messages: usize) {
        self.failures.set(0);
        let limit = self.limit.get();
        if messages == limit {
            self.limit.set((limit * 2).min(MESSAGES_MAX));
        } else if messages <= limit / 4 {
            self.limit.set((limit / 2).max(MESSAGES_MIN));
        }
    }

    /// Stops for a while: what arrives stays in the system's buffer.
    pub(crate) fn pause(&self) {
        if self.is_paused.replace(true) {
            return;
        }
        if let Some(Source::Poll(poll)) = &*self.source.borrow() {
            poll.pause();
            // A handle that does not watch does not keep the loop running.
            if self.keeps_running.get() {
                self.state.hold();
            }
        }
    }

    pub(crate) fn resume(&self) {
        if !self.is_paused.replace(false) {
            return;
        }
        match &*self.source.borrow() {
            Some(Source::Poll(poll)) => {
                poll.resume();
                if self.keeps_running.get() {
                    self.state.release();
                }
            }
            // What was reported meanwhile is still there.
            Some(Source::Thread(pump)) => pump.taken.set(),
            None => {}
        }
    }

    /// Sets whether the socket keeps the event loop running.
    pub(crate) fn set_keeps_running(&self, keeps: bool) {
        let was = self.keeps_running.replace(keeps);
        let is_held = match &*self.source.borrow() {
            Some(Source::Poll(poll)) => {
                poll.set_keeps_running(keeps);
                self.is_paused.get()
            }
            Some(Source::Thread(_)) => true,
            None => false,
        };
        if is_held && was != keeps {
            if keeps {
                self.state.hold();
            } else {
                self.state.release();
            }
        }
    }

    /// Ends reception. With libuv, the descriptor is closed when this returns.
    pub(crate) fn stop(&self) {
        let source = self.source.take();
        self.state.remove_receiver(self.number.get());
        let is_held = match &source {
            Some(Source::Poll(_)) => self.is_paused.get(),
            Some(Source::Thread(pump)) => {
                pump.goes_on.store(false, Ordering::Release);
                pump.taken.set();
                true
            }
            None => false,
        };
        if is_held && self.keeps_running.get() {
            self.state.release();
        }
        drop(source);
    }
}

impl Receives for Receiver {
    fn report(&self) {
        Receiver::report(self);
    }

    fn stop(&self) {
        Receiver::stop(self);
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop();
    }
}

fn report_to(receiver: &Weak<Receiver>) {
    if let Some(receiver) = receiver.upgrade() {
        receiver.report();
    }
}

/// What was written to a block.
#[derive(Clone, Copy)]
struct Taken {
    end: usize,
    /// Whether there may be more: for which the block has no space, or which is not a datagram.
    has_more: bool,
}

impl Taken {
    fn until(end: usize) -> Self {
        Self {
            end,
            has_more: false,
        }
    }
}

/// Moves datagrams from a batch into a block.
fn fill(batch: &mut RecvBatch, memory: &mut Memory, start: usize) -> Taken {
    let block = memory.bytes_mut();
    let mut at = start;
    let mut copied = 0;
    let mut is_large = false;
    for datagram in batch.iter() {
        let payload = datagram.payload();
        if payload.len() >= record::EXTERNAL_BYTES_MIN {
            is_large = true;
            break;
        }
        let kind = Kind::Datagram {
            is_truncated: datagram.metadata().is_truncated,
        };
        let header = header(datagram.metadata(), datagram.dropped_before(), kind);
        match record::write(&mut block[at..], &header, payload, payload.len()) {
            Some(bytes) => at += bytes,
            None => break,
        }
        copied += 1;
    }
    if copied == batch.len() {
        batch.clear();
    } else {
        batch.remove(copied);
    }
    if is_large {
        at += move_large(batch, memory, at);
    }
    Taken {
        end: at,
        has_more: !batch.is_empty(),
    }
}

/// Moves a large datagram, whose payload is handed out without a copy where JavaScript allows that.
/// Returns the length of its record; 0 if there is no space.
fn move_large(batch: &mut RecvBatch, memory: &mut Memory, at: usize) -> usize {
    let length = batch.iter().next().map_or(0, |first| first.payload().len());
    // Space for a copy, if the buffer is refused.
    if memory.bytes_mut().len() - at < record::HEADER_BYTES + length.next_multiple_of(4) {
        return 0;
    }
    let Some(datagram) = batch.pop() else {
        return 0;
    };
    let dropped_before = datagram.dropped_before();
    let metadata = *datagram.metadata();
    let is_truncated = metadata.is_truncated;
    let written = match memory.add_external(datagram.into_payload()) {
        Ok(number) => {
            let kind = Kind::External {
                number,
                is_truncated,
            };
            let header = header(&metadata, dropped_before, kind);
            record::write(&mut memory.bytes_mut()[at..], &header, &[], length)
        }
        Err(payload) => {
            let kind = Kind::Datagram { is_truncated };
            let header = header(&metadata, dropped_before, kind);
            record::write(&mut memory.bytes_mut()[at..], &header, &payload, length)
        }
    };
    written.unwrap_or(0)
}

#[inline]
fn header(metadata: &Metadata, dropped_before: u32, kind: Kind) -> Header {
    Header {
        remote: metadata.remote,
        local: metadata.local,
        adapter: metadata.adapter,
        hop_limit: metadata.hop_limit,
        ecn: metadata.ecn,
        dropped_before,
        kind,
    }
}

/// Writes the record of an event that is not a datagram. JavaScript leaves space for one at least.
fn event(block: &mut [u8], start: usize, header: &Header) -> Taken {
    let written = record::write(&mut block[start..], header, &[], 0);
    Taken {
        end: start + written.unwrap_or(0),
        has_more: true,
    }
}

fn failure(arguments: &MessageReceivedEventArgs) -> Header {
    let code = arguments
        .data_reader()
        .map_or_else(|error| error.code(), |_| 0);
    let port = arguments.remote_port().parse().unwrap_or(0);
    let text = arguments.remote_address().canonical_name();
    let remote = text.parse().map(|ip: std::net::IpAddr| (ip, port).into());
    Header {
        kind: Kind::Failure { code },
        ..header_of(remote.unwrap_or_else(|_| ([0, 0, 0, 0], port).into()))
    }
}

fn header_of(remote: std::net::SocketAddr) -> Header {
    Header {
        remote,
        local: None,
        adapter: None,
        hop_limit: None,
        ecn: None,
        dropped_before: 0,
        kind: Kind::Failure { code: 0 },
    }
}

/// Returns a place in a block as a number of JavaScript.
fn word(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// A flag that a task waits for.
mod flag {
    use std::future::poll_fn;
    use std::sync::{Mutex, PoisonError};
    use std::task::{Poll, Waker};

    #[derive(Default)]
    pub(super) struct Flag(Mutex<(bool, Option<Waker>)>);

    impl Flag {
        pub(super) fn set(&self) {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.0 = true;
            let waker = state.1.take();
            drop(state);
            waker.into_iter().for_each(Waker::wake);
        }

        /// Waits until the flag is set, and clears it.
        pub(super) async fn wait(&self) {
            poll_fn(|cx| {
                let waker = cx.waker().clone();
                let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                if std::mem::take(&mut state.0) {
                    return Poll::Ready(());
                }
                let former = state.1.replace(waker);
                drop(state);
                drop(former);
                Poll::Pending
            })
            .await;
        }
    }
}

/// How many messages of the kernel one batch has at most. Each may carry many datagrams, and the event
/// loop waits until JavaScript has seen them all.
const MESSAGES_MAX: usize = 32;

/// How many messages a batch has at most after others that were short.
const MESSAGES_MIN: usize = 1;

/// After how many failures in a row reception ends: the system does not let this socket receive.
const FAILURES_MAX: u32 = 1000;
