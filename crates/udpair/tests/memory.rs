//! How much memory received datagrams hold. A process of its own, because the count and the limit
//! are the process's.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic where it cannot continue"
)]

use std::env;
use std::fs;
use std::net::UdpSocket;
use std::process::Command;
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

/// MSG-20: how many bytes a kept message holds with the datagrams that arrived with it, exactly.
#[tokio::test(flavor = "current_thread")]
async fn a_kept_message_holds_the_buffer_that_it_shares_until_it_is_detached() {
    /// 64 KiB, less the byte that no datagram needs.
    const BUFFER: usize = 65_535;
    let _alone = Alone::new();
    let coalesces = udpair::engines()[0].capabilities().receive_offload;
    for (datagrams, bytes, held) in [
        (1, 1, 0),
        (1, 1200, 0),
        (1, 16 << 10, 0),
        (1, (16 << 10) + 1, BUFFER),
        (1, 60_000, BUFFER),
        (4, 1000, 4000),
        (2, 8 << 10, 16 << 10),
        (16, 1 << 10, 16 << 10),
        (17, 1 << 10, BUFFER),
        (60, 1000, BUFFER),
    ] {
        if datagrams > 1 && !coalesces {
            continue;
        }
        let kept = first_of_batches(9, datagrams, bytes).await;
        let case = format!("{datagrams} of {bytes} bytes");
        assert_eq!(udpair::receive_memory(), 9 * held, "{case}");
        let detached: Vec<_> = kept.into_iter().map(Message::detach).collect();
        assert_eq!(udpair::receive_memory(), 0, "{case}");
        for message in detached {
            assert_eq!(message.payload(), vec![0; bytes], "{case}");
        }
    }
}

/// Runs a test of this file in a process of its own, where no other test has left free memory that
/// would hide how much more it takes.
fn run_by_itself(test: &str) {
    let status = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(BY_ITSELF, "")
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}

/// The environment variable of that process.
const BY_ITSELF: &str = "UDPAIR_TEST_BY_ITSELF";

/// MSG-20: one that arrived alone, and one that was detached from those that arrived with it.
#[tokio::test(flavor = "current_thread")]
async fn a_message_of_its_own_takes_its_length_and_no_more() {
    if env::var_os(BY_ITSELF).is_none() {
        return run_by_itself("a_message_of_its_own_takes_its_length_and_no_more");
    }
    const BYTES: usize = 4 << 20;
    // Not dropped before the end: otherwise the next ones would take its memory.
    let mut all = Vec::new();
    for bytes in [1, 65, 300, 1025, 1200, 2049, 9000] {
        for datagrams in [1, 4] {
            // The metadata, the message itself, and what the allocator adds.
            let each = bytes + 190;
            let count = BYTES / each;
            let sender = DatagramSocket::builder().bind(&any_port()).await.unwrap();
            let receiver = DatagramSocket::builder().bind(&any_port()).await.unwrap();
            let to = receiver.local_addr().unwrap();
            let mut batch = SendBatch::new();
            let mut kept = Vec::with_capacity(count);
            let mut before = None;
            for number in 0..count + WARM_UP {
                if number == WARM_UP {
                    // The buffers are there.
                    before = resident_kib();
                }
                for _ in 0..datagrams {
                    batch.push_to(vec![7; bytes], to);
                }
                sender.send_batch(&mut batch).await.unwrap();
                let first = receiver.recv().await.unwrap();
                for _ in 1..datagrams {
                    receiver.recv().await.unwrap();
                }
                kept.push(match datagrams {
                    1 => first,
                    _ => first.detach(),
                });
            }
            let what = format!("{count} of {datagrams} messages of {bytes} bytes");
            assert_growth(before, (count * each + SLACK) >> 10, &what);
            assert!(
                kept.iter()
                    .all(|message| message.payload() == vec![7; bytes])
            );
            all.push(kept);
        }
    }
}

/// How many messages are received before memory is measured.
const WARM_UP: usize = 100;

/// How many bytes the allocator may take ahead of need.
const SLACK: usize = 256 << 10;

/// MSG-20: so does every copy.
#[tokio::test(flavor = "current_thread")]
async fn a_copy_of_a_detached_message_takes_its_length_and_no_more() {
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
