//! Work in the background runtime.

use std::future;
use std::sync::mpsc;
use std::task::Poll;
use std::thread;

use udpair::{DatagramSocket, background};

use crate::support::{Peer, TIMEOUT, soon};

#[test]
fn the_first_poll_happens_inside_the_call_and_the_others_in_the_background() {
    let (sender, polls) = mpsc::channel();
    let mut count = 0;
    let polled = future::poll_fn(move |cx| {
        count += 1;
        let place = thread::current();
        sender
            .send((place.id(), place.name() == Some("udpair-handler")))
            .unwrap();
        cx.waker().wake_by_ref();
        if count < 3 {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    });
    background::spawn(polled).unwrap();
    // No wait: the first poll is over when the call returns.
    assert_eq!(polls.try_recv().unwrap(), (thread::current().id(), false));
    let second = polls.recv_timeout(TIMEOUT).unwrap();
    let third = polls.recv_timeout(TIMEOUT).unwrap();
    for later in [second, third] {
        assert_ne!(later.0, thread::current().id());
        assert!(later.1);
    }
    // The future is dropped with its sender, and never polled again.
    assert!(polls.recv_timeout(TIMEOUT).is_err());
}

#[test]
fn what_needs_no_waiting_is_done_when_the_call_returns() {
    let (sender, done) = mpsc::channel();
    background::spawn(async move { sender.send(()).unwrap() }).unwrap();
    done.try_recv().unwrap();
}

/// A runtime that ends takes its sockets with it; those of the background stay.
#[test]
fn sockets_of_background_work_outlive_the_runtime_of_the_caller() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let peer = Peer::new();
    let addr = peer.addr();
    let (sender, opened) = mpsc::channel();
    runtime.block_on(async {
        background::spawn(async move {
            let socket = DatagramSocket::builder().connect(addr).await;
            sender.send(socket).unwrap();
        })
        .unwrap();
    });
    let socket = opened.recv_timeout(TIMEOUT).unwrap().unwrap();
    drop(runtime);
    peer.send(b"still served", socket.local_addr().unwrap());
    let other = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let message = other.block_on(soon(socket.recv())).unwrap();
    assert_eq!(message.payload(), b"still served");
}

/// A task that has used up its budget still gets its first poll through.
#[tokio::test]
async fn the_first_poll_does_not_depend_on_the_budget_of_the_caller() {
    let peer = Peer::new();
    let socket = DatagramSocket::builder()
        .connect(peer.addr())
        .await
        .unwrap();
    let mut left = 1_000;
    while left > 0 && tokio::task::coop::has_budget_remaining() {
        // A channel that is ready uses budget without waiting.
        let (sender, receiver) = tokio::sync::oneshot::channel();
        sender.send(()).unwrap();
        receiver.await.unwrap();
        left -= 1;
    }
    assert!(!tokio::task::coop::has_budget_remaining());
    let (sender, sent) = mpsc::channel();
    background::spawn(async move {
        let result = socket.output().unwrap().write(b"at once").await;
        sender.send(result).unwrap();
    })
    .unwrap();
    sent.try_recv().unwrap().unwrap();
    assert_eq!(peer.recv().0, b"at once");
}

/// More threads wait than the runtime has, and the work that they wait for is done.
#[test]
fn waiting_on_its_threads_does_not_keep_others_from_running() {
    let threads = thread::available_parallelism().map_or(1, usize::from) + 1;
    let (open, opened) = tokio::sync::watch::channel(false);
    let (waits, waiting) = mpsc::channel();
    let (ends, ended) = mpsc::channel();
    for _ in 0..threads * 3 {
        let (mut opened, waits, ends) = (opened.clone(), waits.clone(), ends.clone());
        let wait = async move {
            // The first poll happens on the calling thread.
            tokio::task::yield_now().await;
            waits.send(()).unwrap();
            let is_open = background::wait(opened.wait_for(|is_open| *is_open)).is_ok();
            ends.send(is_open).unwrap();
        };
        background::spawn(wait).unwrap();
    }
    for _ in 0..threads * 3 {
        waiting.recv_timeout(TIMEOUT).expect("all begin to wait");
    }
    background::spawn(async move {
        tokio::task::yield_now().await;
        open.send(true).unwrap();
    })
    .unwrap();
    for _ in 0..threads * 3 {
        assert!(ended.recv_timeout(TIMEOUT).expect("all end"));
    }
}
