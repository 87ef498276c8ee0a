//! `udpair-winrt`: a handler for each datagram.

use std::net::SocketAddr;
use std::sync::mpsc;

use udpair_winrt::{DatagramSocket, EndpointPair, HostName};

use super::mode::{BUFFER_BYTES, Ends, Mode};
use crate::Result;
use crate::measure::{Counter, Idle};

pub(super) const MODES: &[Mode] = &[
    Mode {
        receive: Some(receive),
        idle: Some(idle),
        ..Mode::new(
            "udpair-winrt",
            "MessageReceived, and the bytes of the event",
        )
    },
    Mode {
        receive: Some(receive_with_readers),
        ..Mode::new("udpair-winrt-reader", "MessageReceived, and GetDataReader")
    },
];

fn receive(ends: Ends) -> Result<Counter> {
    let (counters, counter) = mpsc::channel::<Counter>();
    let (ended, end) = mpsc::channel();
    let socket = DatagramSocket::new();
    let mut counting = None;
    socket.on_message_received(move |_, arguments| {
        // The counter begins when the socket is open.
        let count = counting.get_or_insert_with(|| counter.recv().expect("a counter"));
        let payload = arguments.payload().expect("a datagram");
        if count.take(payload).is_break() {
            let _ = ended.send(counting.take());
        }
    })?;
    connect(&socket, ends)?;
    counters.send(Counter::ready()?)?;
    Ok(end.recv()?.ok_or("the counter is gone")?)
}

fn receive_with_readers(ends: Ends) -> Result<Counter> {
    let (counters, counter) = mpsc::channel::<Counter>();
    let (ended, end) = mpsc::channel();
    let socket = DatagramSocket::new();
    let mut counting = None;
    let mut bytes = vec![0; 65_536];
    socket.on_message_received(move |_, arguments| {
        let count = counting.get_or_insert_with(|| counter.recv().expect("a counter"));
        let reader = arguments.data_reader().expect("a datagram");
        let length = reader.unconsumed_buffer_length().expect("a loaded reader");
        let payload = &mut bytes[..length as usize];
        reader.read_bytes(payload).expect("that many bytes");
        if count.take(payload).is_break() {
            let _ = ended.send(counting.take());
        }
    })?;
    connect(&socket, ends)?;
    counters.send(Counter::ready()?)?;
    Ok(end.recv()?.ok_or("the counter is gone")?)
}

/// Opens the sockets with a handler each, which closes its socket.
fn idle(mut idle: Idle) -> Result<Idle> {
    let remote = idle.remote()?;
    let (ran, all) = mpsc::channel();
    let mut sockets = Vec::with_capacity(idle.locals.len());
    for local in &mut idle.locals {
        let socket = DatagramSocket::new();
        let ran = ran.clone();
        socket.on_message_received(move |socket, _| {
            socket.close();
            let _ = ran.send(());
        })?;
        socket
            .connect(&remote.into(), &remote.port().to_string())
            .get()?;
        *local = local_addr(&socket)?;
        sockets.push(socket);
    }
    idle.wake()?;
    for _ in &sockets {
        all.recv()?;
    }
    Ok(idle)
}

fn connect(socket: &DatagramSocket, ends: Ends) -> Result<()> {
    let control = socket.control();
    control.set_inbound_buffer_size_in_bytes(BUFFER_BYTES)?;
    let pair = EndpointPair::new(
        Some(ends.local.into()),
        &ends.local.port().to_string(),
        HostName::from(ends.remote),
        &ends.remote.port().to_string(),
    )?;
    socket.connect_pair(&pair).get()?;
    Ok(())
}

fn local_addr(socket: &DatagramSocket) -> Result<SocketAddr> {
    let information = socket.information();
    let host = information
        .local_address()
        .ok_or("a connected socket is bound")?;
    let address = format!("{}:{}", host.canonical_name(), information.local_port());
    Ok(address.parse()?)
}
