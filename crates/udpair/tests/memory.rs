//! How much memory received datagrams hold. A process of its own, because the count and the limit
//! are the process's.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic where it cannot continue"
)]

use std::fs;
use std::net::UdpSocket;
use std::sync::{Mutex, MutexGuard, PoisonError};

use udpair::{DatagramSocket, Endpoint, Message, SendBatch};

/// Lets one test run at a time. The memory limit is the default again when this is dropped.
struct Alone(#[expect(dead_code, reason = "held")] MutexGuard<'static, ()>);

impl Alone {
    fn new() -> Self {
        static LOCK: Mutex<()> = Mutex::new(());
        let alone = Self(LOCK.lock().unwrap_or_else(PoisonError::into_inner));
        assert_eq!(udpair::receive_memory(), 0);
        alone
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        udpair::set_receive_memory_limit(DEFAULT_LIMIT);
    }
}

const DEFAULT_LIMIT: usize = 8 << 20;

fn any_port() -> Endpoint {
    "127.0.0.1:0".parse().unwrap()
}

/// Returns how many KiB of memory this process uses; `None` where the system does not say.
fn resident_kib() -> Option<usize> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// Fails if the process uses more than `kib` KiB more than at `before`.
fn assert_growth(before: Option<usize>, kib: usize, what: &str) {
    if let (Some(before), Some(after)) = (before, resident_kib()) {
        let growth = after.saturating_sub(before);
        println!("{what}: {growth} KiB");
        assert!(growth <= kib, "{what}: {growth} KiB, not {kib}");
    }
}

/// MSG-17: whoever sends them.
#[tokio::test(flavor = "current_thread")]
async fn datagrams_that_wait_hold_little_more_than_their_bytes() {
    const SOCKETS: usize = 50;
    let _alone = Alone::new();
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut sockets = Vec::new();
    let mut before = None;
    for number in 0..=SOCKETS {
        let socket = DatagramSocket::builder().bind(&any_port()).await.unwrap();
        for count in 0..40_u8 {
            peer.send_to(&[count], socket.local_addr().unwrap())
                .unwrap();
        }
        for count in 0..3 {
            assert_eq!(socket.recv().await.unwrap().payload(), [count]);
        }
        sockets.push(socket);
        if number == 0 {
            // The first one has filled the pool.
            before = resident_kib();
        }
    }
    assert_growth(
        before,
        SOCKETS * 20,
        "50 sockets with up to 40 datagrams of 1 byte",
    );
    let held = udpair::receive_memory();
    assert!((1..=SOCKETS * 40).contains(&held), "{held}");
    for socket in &sockets {
        for count in 3..40 {
            assert_eq!(socket.recv().await.unwrap().payload(), [count]);
        }
    }
    assert_eq!(udpair::receive_memory(), 0);
}

/// MSG-17, CON-09: the peer's datagrams are moved out of the kernel, to reach those of others.
#[tokio::test(flavor = "current_thread")]
async fn a_socket_that_connects_with_a_full_buffer_holds_little_more_than_its_bytes() {
    const COUNT: usize = 4000;
    let _alone = Alone::new();
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut sockets = Vec::new();
    for bytes in [0, 1, 100, 1000] {
        let before = resident_kib();
        let builder = DatagramSocket::builder().inbound_buffer_bytes(4 << 20);
        let socket = builder.bind(&any_port()).await.unwrap();
        for number in 0..COUNT {
            let mut payload = number.to_be_bytes().to_vec();
            payload.resize(bytes, 0);
            peer.send_to(&payload, socket.local_addr().unwrap())
                .unwrap();
        }
        let to = peer.local_addr().unwrap();
        socket.connect(to).await.unwrap();
        let what = format!("a socket connected with datagrams of {bytes} bytes");
        assert_growth(before, 3 << 10, &what);
        sockets.push((socket, bytes));
    }
    for (socket, bytes) in sockets {
        // Nothing was lost or changed.
        let mut received = 0_usize;
        while let Some(message) = socket.try_recv().unwrap() {
            assert_eq!(message.payload().len(), bytes);
            if bytes >= 8 {
                assert_eq!(message.payload()[..8], received.to_be_bytes(), "{bytes}");
            }
            received += 1;
        }
        assert!(received > 1024, "{received}");
    }
    assert_eq!(udpair::receive_memory(), 0);
}

/// Receives batches of equal datagrams, and returns the first message of each.
async fn first_of_batches(batches: usize, datagrams: usize, bytes: usize) -> Vec<Message> {
    let sender = DatagramSocket::builder().bind(&any_port()).await.unwrap();
    let receiver = DatagramSocket::builder().bind(&any_port()).await.unwrap();
    let to = receiver.local_addr().unwrap();
    let mut kept = Vec::new();
    for _ in 0..batches {
        let mut batch = SendBatch::new();
        for number in 0..datagrams {
            batch.push_to(vec![u8::try_from(number).unwrap(); bytes], to);
        }
        sender.send_batch(&mut batch).await.unwrap();
        kept.push(receiver.recv().await.unwrap());
        for number in 1..datagrams {
            let message = receiver.recv().await.unwrap();
            assert_eq!(
                message.payload(),
                vec![u8::try_from(number).unwrap(); bytes]
            );
        }
    }
    kept
}

/// MSG-20: a message is valid as long as it is kept, and then holds the datagrams that arrived with
/// it, or a copy.
#[tokio::test(flavor = "current_thread")]
async fn kept_messages_hold_at_most_the_limit_beyond_their_bytes() {
    let _alone = Alone::new();
    let mut all = Vec::new();
    for (datagrams, bytes, limit) in [
        (1, 1000, DEFAULT_LIMIT),
        (16, 1000, DEFAULT_LIMIT),
        (60, 1000, DEFAULT_LIMIT),
        (60, 1000, 1 << 20),
        (7, 9000, 1 << 20),
        (1, 60_000, 1 << 20),
        (60, 1000, 0),
    ] {
        udpair::set_receive_memory_limit(limit);
        assert_eq!(udpair::receive_memory_limit(), limit);
        let before = resident_kib();
        let kept = first_of_batches(300, datagrams, bytes).await;
        assert!(
            udpair::receive_memory() <= limit,
            "{}",
            udpair::receive_memory()
        );
        let what = format!("300 messages of {bytes} bytes in batches of {datagrams}");
        // The last part is what the allocator and the sockets need.
        let expected = 300 * (bytes + 200) + limit.min(300 * 65_536) + (4 << 20);
        assert_growth(before, expected >> 10, &what);
        all.extend(kept.into_iter().map(|message| {
            assert_eq!(message.payload(), vec![0; bytes]);
            let detached = message.detach();
            assert_eq!(detached.payload(), vec![0; bytes]);
            detached
        }));
        assert_eq!(udpair::receive_memory(), 0);
    }
}

/// MSG-17: what is not requested stays in the kernel.
#[tokio::test(flavor = "current_thread")]
async fn beyond_the_limit_one_message_at_a_time_is_received() {
    let _alone = Alone::new();
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    for limit in [DEFAULT_LIMIT, 0] {
        udpair::set_receive_memory_limit(limit);
        let builder = DatagramSocket::builder().receive_offload(false);
        let socket = builder.bind(&any_port()).await.unwrap();
        for number in 0..40_u8 {
            let payload = vec![number; usize::from(number) * 100];
            peer.send_to(&payload, socket.local_addr().unwrap())
                .unwrap();
        }
        let mut has_waited = false;
        for number in 0..40_u8 {
            let message = socket.recv().await.unwrap();
            assert_eq!(message.payload(), vec![number; usize::from(number) * 100]);
            has_waited |= udpair::receive_memory() > 0;
        }
        assert_eq!(has_waited, limit > 0);
        let calls = socket.statistics().receive_calls;
        assert_eq!(calls >= 40, limit == 0, "{calls} calls");
    }
}

/// MSG-20
#[tokio::test(flavor = "current_thread")]
async fn a_detached_message_takes_its_length_and_no_more() {
    const COUNT: usize = 20_000;
    let _alone = Alone::new();
    let mut all = Vec::new();
    for bytes in [1, 70, 300, 1100, 1200] {
        let message = first_of_batches(1, 4, bytes).await.remove(0).detach();
        let before = resident_kib();
        let kept: Vec<_> = (0..COUNT).map(|_| message.clone()).collect();
        // Metadata, the message itself, and what the allocator adds.
        let expected = COUNT * (bytes + 190);
        assert_growth(
            before,
            expected >> 10,
            &format!("{COUNT} messages of {bytes} bytes"),
        );
        // Not dropped yet: otherwise the next ones would take its memory.
        all.push(kept);
    }
}
