//! The counters of a socket.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use once_cell::race::OnceBox;

use udpair_io::{FilterStats, Sent, Socket};

/// The counts of a socket since it was created, returned by
/// [`DatagramSocket::statistics`](crate::DatagramSocket::statistics).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Statistics {
    /// The number of datagrams that the kernel accepted.
    pub datagrams_sent: u64,
    /// The number of bytes in them, without headers.
    pub bytes_sent: u64,
    /// The number of those datagrams that a full queue on their route dropped at once, as far as
    /// the system reports it; see [`SendDrop`](crate::SendDrop).
    pub send_dropped: u64,
    /// The number of datagrams that were received and passed the filter, whether or not the
    /// application has taken them.
    pub datagrams_received: u64,
    /// The number of bytes in them, without headers.
    pub bytes_received: u64,
    /// The number of datagrams that were dropped because a sender other than the peer sent them.
    pub non_peer_dropped: u64,
    /// The number of datagrams that the kernel dropped because the receive buffer was full; 0 where
    /// the system does not count them.
    pub kernel_dropped: u64,
    /// Whether [`kernel_dropped`](Self::kernel_dropped) is exact. Otherwise it is a lower bound.
    pub kernel_dropped_exact: bool,
    /// The number of messages that [queues](crate::MessageQueue) dropped because they were full.
    pub queue_dropped: u64,
    /// The number of datagrams that the system truncated.
    pub truncated: u64,
    /// The number of errors that the network sent back.
    pub peer_errors: u64,
    /// The number of those errors that were dropped because the application did not take them in
    /// time.
    pub peer_errors_dropped: u64,
    /// The number of system calls that sent datagrams. It is lower than the number of datagrams if
    /// those were sent in batches.
    pub send_calls: u64,
    /// The number of system calls that received datagrams.
    pub receive_calls: u64,
}

impl Statistics {
    /// Returns the counts of a socket that was never open: all are 0, and exact.
    pub(crate) fn before_opening() -> Self {
        Self {
            kernel_dropped_exact: true,
            ..Self::default()
        }
    }

    /// Returns every count with the name under which it is published.
    pub(crate) fn counts(&self) -> [(&'static str, u64); 13] {
        [
            ("udpair_datagrams_sent_total", self.datagrams_sent),
            ("udpair_bytes_sent_total", self.bytes_sent),
            ("udpair_send_dropped_total", self.send_dropped),
            ("udpair_datagrams_received_total", self.datagrams_received),
            ("udpair_bytes_received_total", self.bytes_received),
            ("udpair_non_peer_dropped_total", self.non_peer_dropped),
            ("udpair_kernel_dropped_total", self.kernel_dropped),
            ("udpair_queue_dropped_total", self.queue_dropped),
            ("udpair_truncated_total", self.truncated),
            ("udpair_peer_errors_total", self.peer_errors),
            ("udpair_peer_errors_dropped_total", self.peer_errors_dropped),
            ("udpair_send_calls_total", self.send_calls),
            ("udpair_receive_calls_total", self.receive_calls),
        ]
    }
}

/// The counters behind [`Statistics`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) datagrams_sent: Counter,
    pub(crate) bytes_sent: Counter,
    pub(crate) datagrams_received: Counter,
    pub(crate) bytes_received: Counter,
    pub(crate) non_peer_dropped: Counter,
    pub(crate) send_calls: Counter,
    pub(crate) receive_calls: Counter,
    rare: OnceBox<RareCounters>,
}

/// The counters that most open sockets do not need.
#[derive(Debug, Default)]
pub(crate) struct RareCounters {
    pub(crate) send_dropped: Counter,
    pub(crate) queue_dropped: Counter,
    pub(crate) truncated: Counter,
    pub(crate) peer_errors: Counter,
    pub(crate) peer_errors_dropped: Counter,
    /// The kernel's drops on descriptors that were replaced.
    pub(crate) earlier_drops: Counter,
    /// The kernel's drops when the socket was closed.
    pub(crate) final_drops: OnceLock<Drops>,
}

impl Counters {
    /// Counts what one call sent.
    #[inline]
    pub(crate) fn add_sent(&self, sent: Sent) {
        self.send_calls.add(1);
        self.datagrams_sent.add(sent.datagrams);
        self.bytes_sent.add(sent.bytes);
        if sent.dropped > 0 {
            self.rare().send_dropped.add(sent.dropped);
        }
    }

    /// Counts what one call received, without the datagrams that the filter dropped.
    ///
    /// No other thread may call this at the same time; the caller holds the lock of the queue.
    #[inline]
    pub(crate) fn add_received(&self, datagrams: usize, filtered: FilterStats) {
        self.receive_calls.add_exclusive(1);
        self.datagrams_received.add_exclusive(datagrams);
        self.bytes_received.add_exclusive(filtered.bytes);
        if filtered.truncated > 0 {
            self.rare().truncated.add_exclusive(filtered.truncated);
        }
    }

    /// Returns the rare counters, to add to one of them.
    #[cold]
    pub(crate) fn rare(&self) -> &RareCounters {
        self.rare.get_or_init(Box::default)
    }

    /// Returns one of the rare counters.
    pub(crate) fn rare_count(&self, counter: fn(&RareCounters) -> &Counter) -> u64 {
        self.rare.get().map_or(0, |rare| counter(rare).get())
    }

    /// Returns the kernel's drops when the socket was closed; `None` if they are not known.
    pub(crate) fn final_drops(&self) -> Option<Drops> {
        self.rare.get()?.final_drops.get().copied()
    }

    pub(crate) fn statistics(&self) -> Statistics {
        Statistics {
            datagrams_sent: self.datagrams_sent.get(),
            bytes_sent: self.bytes_sent.get(),
            send_dropped: self.rare_count(|rare| &rare.send_dropped),
            datagrams_received: self.datagrams_received.get(),
            bytes_received: self.bytes_received.get(),
            non_peer_dropped: self.non_peer_dropped.get(),
            kernel_dropped: 0,
            kernel_dropped_exact: false,
            queue_dropped: self.rare_count(|rare| &rare.queue_dropped),
            truncated: self.rare_count(|rare| &rare.truncated),
            peer_errors: self.rare_count(|rare| &rare.peer_errors),
            peer_errors_dropped: self.rare_count(|rare| &rare.peer_errors_dropped),
            send_calls: self.send_calls.get(),
            receive_calls: self.receive_calls.get(),
        }
    }
}

/// The datagrams that the kernel has dropped because the receive buffer was full.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drops {
    pub(crate) datagrams: u32,
    /// Whether the number is exact. It is not if the kernel counts coalesced datagrams as one.
    pub(crate) is_exact: bool,
}

impl Drops {
    /// Queries the kernel; `None` where it does not count drops.
    pub(crate) fn of(socket: &Socket) -> Option<Self> {
        Some(Self {
            datagrams: udpair_io::dropped_datagrams(socket).ok()??,
            is_exact: !udpair_io::receive_offload(socket),
        })
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub(crate) fn add(&self, amount: usize) {
        let amount = u64::try_from(amount).unwrap_or(u64::MAX);
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Like [`add`](Self::add), but cheaper. No other thread may add at the same time.
    #[inline]
    fn add_exclusive(&self, amount: usize) {
        let amount = u64::try_from(amount).unwrap_or(u64::MAX);
        self.0
            .store(self.get().wrapping_add(amount), Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
