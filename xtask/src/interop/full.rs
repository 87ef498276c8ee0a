//! A send buffer that is full, and queues on the route that drop: who waits, and who does not.

use std::fmt::Debug;
use std::fs;
use std::future::{Future, poll_fn};
use std::net::{SocketAddr, UdpSocket};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::{FutureExt as _, SinkExt as _};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use udpair::{DatagramSocket, ErrorKind, Event, OutputStream, SendBatch, SocketErrorStatus};

use super::lan::{Case, Lan, Why, receive};
use super::suite::{Suite, check};

pub(crate) const SUITE: Suite = Suite {
    name: "full send buffers and full queues, in network namespaces",
    needs: &[("ip", "iproute2"), ("tc", "iproute2"), ("nft", "nftables")],
    needs_root: true,
    cases,
};

fn cases() -> Result<(), String> {
    let cases: &[(&str, Case)] = &[
        ("a pending write that nobody polls", unpolled),
        ("the order of first polls", order),
        ("what waits to be sent is known", queue_length),
        ("a write that is dropped", dropped),
        ("a batch that is dropped", dropped_batch),
        ("drain waits for the writes before it", drain),
        ("a sink", sink),
        ("runs, and a socket as a sink", runs),
        ("close and cancel_io end all that wait", ended),
        ("who waits for space only", space),
        ("no descriptor is left", no_descriptor),
        ("the second descriptor is closed", second_descriptor),
        (
            "an executor whose tasks live in their wakers",
            waker_owns_socket,
        ),
        ("a full queue on one route", full_route),
        ("an echo with a full queue to one peer", echo),
        ("the command", command),
        ("a datagram larger than the send buffer", too_large),
        ("a broadcast that one adapter refuses", partial_broadcast),
        ("a firewall that refuses a write", firewall),
    ];
    Lan::run_all("full", cases)
}

/// A link that has come to a standstill, a peer behind it, and a socket whose buffer is full.
struct Jam<'a> {
    lan: &'a Lan,
    peer: UdpSocket,
    socket: DatagramSocket,
    output: OutputStream,
    /// How many datagrams filled the buffer.
    filled: usize,
}

impl<'a> Jam<'a> {
    fn new(lan: &'a Lan) -> Result<Self, Why> {
        lan.home.run(
            "tc",
            &[
                "qdisc", "add", "dev", "e0", "root", "tbf", "rate", "8bit", "burst", "1600",
                "limit", "10mb",
            ],
        )?;
        let peer = lan.peer(&lan.one, "10.80.1.2:0")?;
        let remote = peer.local_addr()?;
        let (socket, output, filled) = lan.on(&lan.home, async || {
            let builder = DatagramSocket::builder().send_buffer_bytes(8192);
            let socket = builder.connect(remote).await?;
            let output = socket.output()?;
            let mut filled = 0;
            while output.try_write(&[b'f'; 1000])? {
                filled += 1;
            }
            Ok((socket, output, filled))
        })?;
        Ok(Self {
            lan,
            peer,
            socket,
            output,
            filled,
        })
    }

    /// Lets everything through from now on.
    fn clear(&self) -> Result<(), Why> {
        self.lan.home.run(
            "tc",
            &[
                "qdisc", "change", "dev", "e0", "root", "tbf", "rate", "1gbit", "burst", "1mb",
                "limit", "10mb",
            ],
        )?;
        // The queue looks at its new rate when the next packet enters.
        let kick = self.lan.peer(&self.lan.home, "0.0.0.0:0")?;
        kick.send_to(b"kick", "10.80.1.3:9")?;
        Ok(())
    }

    /// Returns what the peer receives after the datagrams that filled the buffer.
    fn receive(&self, count: usize) -> Result<Vec<String>, Why> {
        for _ in 0..self.filled {
            receive(&self.peer)?;
        }
        (0..count).map(|_| Ok(receive(&self.peer)?.0)).collect()
    }

    /// Fails if the peer receives anything before the fence.
    fn receives_no_more(&self) -> Result<(), Why> {
        self.lan.on(&self.lan.home, async || {
            Ok(self.output.write(b"fence").await?)
        })?;
        let next = receive(&self.peer)?.0;
        Ok(check(next == "fence", || format!("received {next}"))?)
    }
}

impl Drop for Jam<'_> {
    fn drop(&mut self) {
        let _ = self
            .lan
            .home
            .run("tc", &["qdisc", "del", "dev", "e0", "root"]);
    }
}

/// Polls a future once. It must not be ready.
async fn waits<T: Debug>(future: &mut (impl Future<Output = T> + Unpin)) -> Result<(), Why> {
    match poll_fn(|cx| Poll::Ready(future.poll_unpin(cx))).await {
        Poll::Pending => Ok(()),
        Poll::Ready(output) => Err(format!("it did not wait: {output:?}").into()),
    }
}

/// OUT-13: the write that is polled sends the one before it.
fn unpolled(lan: &Lan) -> Result<String, Why> {
    let jam = Jam::new(lan)?;
    lan.on(&lan.home, async || {
        let mut first = pin!(jam.output.write(b"first"));
        waits(&mut first).await?;
        jam.clear()?;
        // One that does not wait sends it too.
        while !jam.output.try_write(b"second")? {
            tokio::task::yield_now().await;
        }
        first.await?;
        Ok(())
    })?;
    let received = jam.receive(2)?;
    check(received == ["first", "second"], || format!("{received:?}"))?;
    drop(jam);
    let jam = Jam::new(lan)?;
    lan.on(&lan.home, async || {
        let mut first = pin!(jam.output.write(b"first"));
        waits(&mut first).await?;
        jam.clear()?;
        jam.output.write(b"second").await?;
        Ok(())
    })?;
    let received = jam.receive(2)?;
    check(received == ["first", "second"], || format!("{received:?}"))?;
    Ok(received.join(", "))
}

/// OUT-13
fn order(lan: &Lan) -> Result<String, Why> {
    let jam = Jam::new(lan)?;
    let payloads: Vec<_> = (0..40).map(|number| format!("{number}")).collect();
    let task = lan.on(&lan.home, async || {
        let writes: Vec<_> = payloads
            .iter()
            .map(|payload| {
                let (output, payload) = (jam.output.clone(), payload.clone());
                async move { output.write(payload.as_bytes()).await }
            })
            .collect();
        let mut writes = pin!(futures_util::future::join_all(writes));
        waits(&mut writes).await?;
        jam.clear()?;
        for written in writes.await {
            written?;
        }
        Ok(())
    });
    task?;
    let received = jam.receive(payloads.len())?;
    check(received == payloads, || format!("{received:?}"))?;
    Ok(format!("{} writes", received.len()))
}

/// The kernel's share of what waits, and the write queue's.
fn queue_length(lan: &Lan) -> Result<String, Why> {
    let jam = Jam::new(lan)?;
    let (full, waiting) = lan.on(&lan.home, async || {
        let full = jam.socket.send_queue();
        let mut batch = SendBatch::new();
        for _ in 0..3 {
            batch.push(&b"in a batch"[..]);
        }
        let mut first = Box::pin(jam.output.write(b"first"));
        waits(&mut first).await?;
        let mut second = Box::pin(jam.output.write_batch(&mut batch));
        waits(&mut second).await?;
        let waiting = jam.socket.send_queue();
        jam.clear()?;
        second.await?;
        first.await?;
        Ok((full, waiting))
    })?;
    let writes = (waiting.waiting_writes, waiting.waiting_datagrams);
    check(writes == (2, 4), || format!("{waiting:?}"))?;
    check(
        (full.waiting_writes, full.waiting_datagrams) == (0, 0),
        || format!("{full:?}"),
    )?;
    // The payloads are counted, and the kernel's bookkeeping.
    let payloads = u32::try_from(jam.filled * 1000)?;
    let bytes = full.kernel_bytes.unwrap_or(0);
    check(bytes >= payloads, || format!("{payloads} {full:?}"))?;
    check(
        full.kernel_bytes_max
            .is_some_and(|max| bytes + 1000 > max / 2),
        || format!("{full:?}"),
    )?;
    jam.receive(4)?;
    // The kernel notices a moment later that the last one has left.
    lan.on(&lan.home, async || {
        while jam.socket.send_queue().kernel_bytes != Some(0) {
            jam.socket.writable().await?;
            tokio::task::yield_now().await;
        }
        Ok(())
    })?;
    Ok(format!(
        "{bytes} bytes of {} datagrams of 1000, then {} writes",
        jam.filled, writes.0
    ))
}

/// OUT-12, OUT-13
fn dropped(lan: &Lan) -> Result<String, Why> {
    let jam = Jam::new(lan)?;
    lan.on(&lan.home, async || {
        let mut first = Box::pin(jam.output.write(b"first"));
        let mut second = Box::pin(jam.output.write(b"second"));
        let mut third = Box::pin(jam.output.write(b"third"));
        for write in [&mut first, &mut second, &mut third] {
            waits(write).await?;
        }
        drop(second);
        jam.clear()?;
        third.await?;
        first.await?;
        Ok(())
    })?;
    let received = jam.receive(2)?;
    check(received == ["first", "third"], || format!("{received:?}"))?;
    jam.receives_no_more()?;
    Ok("first, third".into())
}

/// OUT-12: a dropped batch holds exactly what was not sent.
fn dropped_batch(lan: &Lan) -> Result<String, Why> {
    let jam = Jam::new(lan)?;
    let mut batch: SendBatch = (0..5).map(|number| format!("b{number}")).collect();
    lan.on(&lan.home, async || {
        let mut first = Box::pin(jam.output.write_batch(&mut batch));
        waits(&mut first).await?;
        drop(first);
        Ok(())
    })?;
    check(batch.len() == 5, || format!("{} left", batch.len()))?;
    lan.on(&lan.home, async || {
        let mut write = Box::pin(jam.output.write_batch(&mut batch));
        waits(&mut write).await?;
        jam.clear()?;
        // It is sent by this one, and the batch learns of it although it is not polled again.
        jam.output.write(b"after").await?;
        drop(write);
        Ok(())
    })?;
    check(batch.is_empty(), || format!("{} left", batch.len()))?;
    let received = jam.receive(6)?;
    check(received == ["b0", "b1", "b2", "b3", "b4", "after"], || {
        format!("{received:?}")
    })?;
    jam.receives_no_more()?;
    Ok("5 datagrams, each once".into())
}

/// OUT-14
fn drain(lan: &Lan) -> Result<String, Why> {
    let jam = Jam::new(lan)?;
    lan.on(&lan.home, async || {
        let mut first = Box::pin(jam.output.write(b"first"));
        waits(&mut first).await?;
        let mut drained = Box::pin(jam.output.drain());
        waits(&mut drained).await?;
        // A later write that is dropped is not its business.
        let mut later = Box::pin(jam.output.write(b"later"));
        waits(&mut later).await?;
        drop(later);
        waits(&mut drained).await?;
        let mut doubtful = Box::pin(jam.output.write(b"doubtful"));
        waits(&mut doubtful).await?;
        let mut second = Box::pin(jam.output.drain());
        waits(&mut second).await?;
        drop(doubtful);
        jam.clear()?;
        // Nobody polls the first write.
        check(drained.await, || "the first drain is false".into())?;
        check(!second.await, || "the second drain is true".into())?;
        check(jam.output.drain().await, || {
            "the last drain is false".into()
        })?;
        first.await?;
        Ok(())
    })?;
    let received = jam.receive(1)?;
    check(received == ["first"], || format!("{received:?}"))?;
    jam.receives_no_more()?;
    Ok("true, false, true".into())
}

/// OUT-13, OUT-16: what is left of a run waits like a batch, and goes before what is fed later.
fn runs(lan: &Lan) -> Result<String, Why> {
    const SEGMENT: usize = 1000;
    let jam = Jam::new(lan)?;
    let remote = jam.peer.local_addr()?;
    let sent = lan.on(&lan.home, async || {
        // A socket of its own, for which no other write has found the buffer full.
        let builder = DatagramSocket::builder().send_buffer_bytes(8192);
        let socket = builder.connect(remote).await?;
        let output = socket.output()?;
        let mut context = Context::from_waker(Waker::noop());
        let is_writable = |context: &mut Context<'_>| socket.poll_writable(context).is_ready();
        check(is_writable(&mut context), || "it began full".into())?;
        let mut sent = 0;
        loop {
            let tried = output.try_write_run(&[b'r'; 3 * SEGMENT], SEGMENT)?;
            sent += tried / SEGMENT;
            check(tried % SEGMENT == 0, || format!("{tried} bytes"))?;
            if tried < 3 * SEGMENT {
                break;
            }
        }
        check(!is_writable(&mut context), || "it is writable".into())?;
        {
            let mut given_up = pin!(output.write_run(b"givenup", 4));
            waits(&mut given_up).await?;
        }
        let mut run = pin!(output.write_run(b"aabbc", 2));
        waits(&mut run).await?;
        let mut sink = socket.sink();
        sink.feed(("fed".into(), remote.into())).await?;
        let mut flush = sink.flush();
        waits(&mut flush).await?;
        jam.clear()?;
        flush.await?;
        run.await?;
        Ok(sent)
    })?;
    let mut received = Vec::new();
    while received.len() < 4 {
        let (text, _) = receive(&jam.peer)?;
        if text.len() < SEGMENT {
            received.push(text);
        }
    }
    check(received == ["aa", "bb", "c", "fed"], || {
        format!("{received:?}")
    })?;
    Ok(format!("{sent} datagrams, then {}", received.join(", ")))
}

/// Whoever feeds and flushes has sent.
fn sink(lan: &Lan) -> Result<String, Why> {
    let jam = Jam::new(lan)?;
    lan.on(&lan.home, async || {
        let mut one = jam.output.clone();
        let mut other = jam.output.clone();
        one.feed("one".into()).await?;
        other.feed("other".into()).await?;
        let mut first = Box::pin(one.flush());
        waits(&mut first).await?;
        let mut second = Box::pin(other.flush());
        waits(&mut second).await?;
        jam.clear()?;
        second.await?;
        first.await?;
        one.feed("last".into()).await?;
        one.flush().await?;
        Ok(())
    })?;
    let received = jam.receive(3)?;
    check(received == ["one", "other", "last"], || {
        format!("{received:?}")
    })?;
    Ok(received.join(", "))
}

/// CAN-01, CLS-02: the write that waits for buffer space and the one behind it.
fn ended(lan: &Lan) -> Result<String, Why> {
    for is_closed in [false, true] {
        let jam = Jam::new(lan)?;
        let kinds = lan.on(&lan.home, async || {
            let waiting: Vec<_> = (0..3)
                .map(|_| {
                    let output = jam.output.clone();
                    tokio::spawn(async move { output.write(b"never").await })
                })
                .collect();
            let drained = tokio::spawn({
                let output = jam.output.clone();
                async move { output.drain().await }
            });
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            for task in &waiting {
                check(!task.is_finished(), || "it did not wait".into())?;
            }
            match is_closed {
                true => jam.socket.close(),
                false => jam.socket.cancel_io()?,
            }
            let mut kinds = Vec::new();
            for task in waiting {
                kinds.extend(task.await?.err().map(|error| error.kind()));
            }
            check(!drained.await?, || "the drain is true".into())?;
            Ok(kinds)
        })?;
        check(kinds == [ErrorKind::Cancelled; 3], || format!("{kinds:?}"))?;
        if !is_closed {
            jam.clear()?;
            jam.receive(0)?;
            jam.receives_no_more()?;
        }
    }
    Ok("Cancelled".into())
}

/// Waiting for space ends when there is space, or with the operation; a batch that is polled
/// arrives once, complete and in order.
fn space(lan: &Lan) -> Result<String, Why> {
    let jam = Jam::new(lan)?;
    let waiting = lan.on(&lan.home, async || {
        let pending = async || {
            let waiting = tokio::spawn({
                let socket = jam.socket.clone();
                async move { socket.writable().await }
            });
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            check(!waiting.is_finished(), || "it is writable".into())?;
            Ok::<_, Why>(waiting)
        };
        let cancelled = pending().await?;
        jam.socket.cancel_io()?;
        let kind = cancelled.await?.err().map(|error| error.kind());
        check(kind == Some(ErrorKind::Cancelled), || format!("{kind:?}"))?;
        let mut batch = SendBatch::new();
        for number in 0..5 {
            batch.push(format!("{number}").into_bytes());
        }
        let tried = jam.socket.try_send_batch(&mut batch)?;
        check(tried == 0 && batch.len() == 5, || format!("{tried} sent"))?;
        let polling = tokio::spawn({
            let socket = jam.socket.clone();
            async move { poll_fn(|cx| socket.poll_send_batch(cx, &mut batch)).await }
        });
        let waiting = pending().await?;
        check(!polling.is_finished(), || "the batch was sent".into())?;
        Ok([waiting, polling])
    })?;
    jam.clear()?;
    lan.on(&lan.home, async || {
        for task in waiting {
            task.await??;
        }
        Ok(())
    })?;
    let received = jam.receive(5)?;
    check(received == ["0", "1", "2", "3", "4"], || {
        format!("{received:?}")
    })?;
    jam.receives_no_more()?;
    Ok(format!("Cancelled; {}", received.join(", ")))
}

/// OUT-16: waiting for buffer space needs no descriptor.
fn no_descriptor(lan: &Lan) -> Result<String, Why> {
    let jam = Jam::new(lan)?;
    lan.on(&lan.home, async || {
        let before = getrlimit(Resource::Nofile);
        let none = Rlimit {
            current: Some(0),
            maximum: before.maximum,
        };
        let mut write = Box::pin(jam.output.write(b"waited"));
        setrlimit(Resource::Nofile, none)?;
        let waiting = waits(&mut write).await;
        setrlimit(Resource::Nofile, before)?;
        waiting?;
        jam.clear()?;
        Ok(write.await?)
    })?;
    let received = jam.receive(1)?;
    check(received == ["waited"], || format!("{received:?}"))?;
    Ok("waited without a second descriptor".into())
}

/// A second descriptor exists only while a write waits.
fn second_descriptor(lan: &Lan) -> Result<String, Why> {
    let jam = Jam::new(lan)?;
    let count = || fs::read_dir("/proc/self/fd").map(Iterator::count);
    let (before, waiting, after) = lan.on(&lan.home, async || {
        let before = count()?;
        let mut write = Box::pin(jam.output.write(b"given up"));
        let mut other = Box::pin(jam.output.write(b"too"));
        waits(&mut write).await?;
        waits(&mut other).await?;
        let waiting = count()?;
        drop(write);
        drop(other);
        Ok((before, waiting, count()?))
    })?;
    check((waiting, after) == (before + 1, before), || {
        format!("{before}, {waiting}, {after} descriptors")
    })?;
    Ok("one more while a write waits".into())
}

/// No lock is held while wakers are called or dropped.
fn waker_owns_socket(lan: &Lan) -> Result<String, Why> {
    /// A waker that uses the socket when it is called and when it is dropped.
    struct Owner(OutputStream, Arc<AtomicUsize>);
    impl Owner {
        fn use_socket(&self) {
            let _ = self.0.try_write(b"from a waker");
            let _ = self.0.drain().now_or_never();
            self.1.fetch_add(1, Ordering::Relaxed);
        }
    }
    impl Wake for Owner {
        fn wake(self: Arc<Self>) {
            self.use_socket();
        }
    }
    impl Drop for Owner {
        fn drop(&mut self) {
            self.use_socket();
        }
    }
    let jam = Jam::new(lan)?;
    let uses = Arc::new(AtomicUsize::new(0));
    let waker = || Waker::from(Arc::new(Owner(jam.output.clone(), uses.clone())));
    lan.on(&lan.home, async || {
        let mut writes: Vec<_> = (0..4).map(|_| Box::pin(jam.output.write(b"x"))).collect();
        for write in &mut writes {
            for _ in 0..2 {
                // A new waker each time replaces the one before.
                let polled = write.poll_unpin(&mut Context::from_waker(&waker()));
                check(polled.is_pending(), || "it did not wait".into())?;
            }
        }
        drop(writes.pop());
        jam.clear()?;
        // This one sends the others, and wakes them.
        jam.output.write(b"fence").await?;
        let first = writes.swap_remove(0).now_or_never();
        check(matches!(first, Some(Ok(()))), || format!("{first:?}"))?;
        jam.socket.cancel_io()?;
        drop(writes);
        jam.socket.close();
        Ok(())
    })?;
    Ok(format!("{} uses", uses.load(Ordering::Relaxed)))
}

/// Makes a queue to `one` that holds two datagrams and drops all others.
fn narrow(lan: &Lan) -> Result<(), Why> {
    Ok(lan.home.run(
        "tc",
        &[
            "qdisc", "add", "dev", "e0", "root", "tbf", "rate", "8bit", "burst", "1600", "limit",
            "3000",
        ],
    )?)
}

fn widen(lan: &Lan) -> Result<(), Why> {
    Ok(lan.home.run("tc", &["qdisc", "del", "dev", "e0", "root"])?)
}

/// OUT-16: drops by a queue are counted, and named by an event. Datagrams to others go at once.
fn full_route(lan: &Lan) -> Result<String, Why> {
    let lost = SocketAddr::new("10.80.1.2".parse()?, 9);
    let other = lan.peer(&lan.two, "10.80.2.2:0")?;
    let to_other = other.local_addr()?;
    narrow(lan)?;
    let seen = lan.on(&lan.home, async || {
        let socket = DatagramSocket::builder().bind("0.0.0.0:0").await?;
        for number in 0..50_u8 {
            socket.send_to(&[b'x'; 1000], lost).await?;
            check(socket.try_send_to(&[number], to_other)?, || "full".into())?;
        }
        let mut batch = SendBatch::new();
        for _ in 0..50 {
            batch.push_to([b'x'; 1000].to_vec(), lost);
        }
        socket.send_batch(&mut batch).await?;
        check(batch.is_empty(), || format!("{} left", batch.len()))?;
        let statistics = socket.statistics();
        let mut reported = 0;
        while let Some(event) = socket.next_event().now_or_never() {
            // The port is closed, so what was not dropped is refused.
            if let Event::SendDropped(dropped) = event? {
                check(dropped.destination == lost, || format!("{dropped:?}"))?;
                reported += dropped.datagrams;
            }
        }
        check(reported == statistics.send_dropped, || {
            format!("{reported} reported of {statistics:?}")
        })?;
        check(statistics.datagrams_sent == 150, || {
            format!("{statistics:?}")
        })?;
        Ok(statistics.send_dropped)
    });
    widen(lan)?;
    let dropped = seen?;
    // All but what the queue holds and what passes at once.
    check((94..=99).contains(&dropped), || {
        format!("{dropped} dropped")
    })?;
    for number in 0..50_u8 {
        let received = receive(&other)?.0;
        check(received.as_bytes() == [number], || format!("{received:?}"))?;
    }
    Ok(format!(
        "{dropped} of 100 dropped, 50 of 50 received elsewhere"
    ))
}

/// OUT-16: one slow client of an echo does not stop the replies to others.
fn echo(lan: &Lan) -> Result<String, Why> {
    let _echo = lan.home.echo(":5019")?;
    narrow(lan)?;
    let answered = (|| -> Result<usize, Why> {
        let slow = lan.peer(&lan.one, "10.80.1.2:0")?;
        let quick = lan.peer(&lan.two, "10.80.2.2:0")?;
        let mut answered = 0;
        for number in 0..10_u8 {
            for _ in 0..20 {
                slow.send_to(&[b's'; 1000], "10.80.1.1:5019")?;
            }
            quick.send_to(&[number], "10.80.2.1:5019")?;
            answered += usize::from(receive(&quick)?.0.as_bytes() == [number]);
        }
        Ok(answered)
    })();
    widen(lan)?;
    let answered = answered?;
    check(answered == 10, || format!("{answered} of 10 answered"))?;
    Ok("10 of 10 answered beside 200 replies to a slow peer".into())
}

/// OUT-16: `send` and `connect` go on, say what was dropped, and end with 7.
fn command(lan: &Lan) -> Result<String, Why> {
    let _peer = lan.peer(&lan.one, "10.80.1.2:9")?;
    narrow(lan)?;
    let arguments = [
        "send",
        "10.80.1.2",
        "9",
        "x",
        "--size",
        "1000",
        "--count",
        "50",
    ];
    let run = lan.home.udpair(&[&arguments as &[_], &["--json"]].concat());
    let text = lan.home.udpair(&arguments);
    let input: String = "y".repeat(1000) + "\n";
    let mut connect = lan.home.command("sh");
    let line = format!(
        "printf '{}' | {} connect 10.80.1.2 9 --linger 10ms --json",
        input.repeat(20),
        super::udpair::program().display()
    );
    let connect = super::udpair::Udpair::of(connect.args(["-c", &line]));
    widen(lan)?;
    let (run, text, connect) = (run?, text?, connect?);
    run.has_code(7)?;
    text.has_code(7)?;
    connect.has_code(7)?;
    for (run, count) in [(&run, 50), (&connect, 20)] {
        let sent = run.events_named("sent")?.len();
        check(sent == count, || run.unlike(&format!("{count} sent")))?;
        let events = run.events_named("send-dropped")?;
        let reported: u64 = events
            .iter()
            .filter_map(|event| event["datagrams"].as_u64())
            .sum();
        check(reported > 10, || run.unlike("drops"))?;
        check(events[0]["destination"] == "10.80.1.2:9", || {
            run.unlike("the destination")
        })?;
        let summary = &run.events_named("summary")?[0];
        check(summary["send_dropped"] == reported, || {
            run.unlike(&format!("{reported} in the summary"))
        })?;
    }
    Ok("all sent, drops reported, exit code 7".into())
}

/// OUT-16: a datagram that can never fit is an error that says so.
fn too_large(lan: &Lan) -> Result<String, Why> {
    lan.on(&lan.home, async || {
        let socket = DatagramSocket::builder()
            .send_buffer_bytes(1)
            .bind("0.0.0.0:0")
            .await?;
        let to: SocketAddr = "10.80.1.2:9".parse()?;
        for length in [20_000, 60_000] {
            let error = socket.send_to(&vec![0; length], to).await.err();
            let seen = error.map(|error| (error.kind(), error.status(), error.to_string()));
            let Some((ErrorKind::PayloadTooLarge, SocketErrorStatus::MessageTooLong, text)) = &seen
            else {
                return Err(format!("{length}: {seen:?}").into());
            };
            check(text.contains(&length.to_string()), || text.clone())?;
        }
        socket.send_to(&[0; 1000], to).await?;
        check(socket.statistics().send_dropped == 0, || {
            format!("{:?}", socket.statistics())
        })?;
        Ok(())
    })?;
    let arguments = [
        "send",
        "10.80.1.2",
        "9",
        "x",
        "--size",
        "60000",
        "--sndbuf",
        "1",
    ];
    let run = lan.home.udpair(&arguments)?;
    run.has_code(1)?;
    Ok("PayloadTooLarge".into())
}

/// Makes the firewall of `home` refuse what leaves through an adapter.
fn refuse(lan: &Lan, adapters: &[&str]) -> Result<(), Why> {
    let add = |arguments: &[&str]| lan.home.run("nft", arguments);
    add(&["add", "table", "inet", "t"])?;
    add(&[
        "add",
        "chain",
        "inet",
        "t",
        "o",
        "{ type filter hook output priority 0; }",
    ])?;
    for adapter in adapters {
        add(&[
            "add", "rule", "inet", "t", "o", "oifname", adapter, "counter", "drop",
        ])?;
    }
    Ok(())
}

fn allow(lan: &Lan) -> Result<(), Why> {
    Ok(lan.home.run("nft", &["delete", "table", "inet", "t"])?)
}

/// BRC-02: sent if one copy was sent.
fn partial_broadcast(lan: &Lan) -> Result<String, Why> {
    let to: SocketAddr = "255.255.255.255:9".parse()?;
    for (adapters, expected) in [
        (&["e0"] as &[_], true),
        (&["e1"], true),
        (&["e0", "e1"], false),
    ] {
        refuse(lan, adapters)?;
        let seen = lan.on(&lan.home, async || {
            let socket = DatagramSocket::builder().bind("0.0.0.0:0").await?;
            let kind = |error: udpair::Error| error.kind();
            let mut batch = SendBatch::new();
            batch.push_to("x", to);
            let try_send = socket.try_send_to(b"x", to);
            // No buffer is full.
            let full = |is_sent: bool| is_sent.then_some(()).ok_or(ErrorKind::Io);
            Ok([
                socket.send_to(b"x", to).await.map_err(kind),
                try_send.map_err(kind).and_then(full),
                socket.send_batch(&mut batch).await.map_err(kind),
            ])
        });
        allow(lan)?;
        let expected = match expected {
            true => Ok(()),
            false => Err(ErrorKind::PermissionDenied),
        };
        let seen = seen?;
        check(seen == [expected; 3], || format!("{adapters:?}: {seen:?}"))?;
    }
    Ok("sent if one copy was sent".into())
}

/// OUT-16: a write that a firewall refuses is tried once.
fn firewall(lan: &Lan) -> Result<String, Why> {
    refuse(lan, &["e0"])?;
    let seen = lan.on(&lan.home, async || {
        let socket = DatagramSocket::builder().bind("0.0.0.0:0").await?;
        let error = socket.send_to(b"x", "10.80.1.2:9".parse::<SocketAddr>()?);
        let kind = error.await.err().map(|error| error.kind());
        check(kind == Some(ErrorKind::PermissionDenied), || {
            format!("{kind:?}")
        })?;
        Ok(())
    });
    let counted = lan
        .home
        .command("nft")
        .args(["list", "table", "inet", "t"])
        .output();
    allow(lan)?;
    seen?;
    let counted = String::from_utf8_lossy(&counted?.stdout).into_owned();
    check(counted.contains("packets 1 "), || counted.clone())?;
    Ok("one packet".into())
}
