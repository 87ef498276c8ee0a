//! Options that are set on a socket that exists already.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use udpair::{
    Adapter, Builder, DatagramSocket, Ecn, Error, ErrorKind, OptionValue, QualityOfService,
    SocketOption,
};

#[cfg(feature = "dns")]
use crate::support::dns::{DnsServer, Reply, Zone};
use crate::support::{Peer, builders, endpoint, soon, unused_addr};

fn loopback() -> Adapter {
    let mut adapters = udpair::adapters().unwrap().into_iter();
    adapters.find(|adapter| adapter.is_loopback).unwrap()
}

/// Sets every option that can be set at any time.
fn set_all(socket: &DatagramSocket) -> Result<(), Error> {
    socket.set_hop_limit(9)?;
    socket.set_inbound_buffer_bytes(100_000)?;
    socket.set_send_buffer_bytes(50_000)?;
    socket.set_dscp(10)?;
    socket.set_ecn(Ecn::Capable0)?;
    socket.set_multicast_hops(4)?;
    socket.set_multicast_loopback(false)?;
    socket.set_multicast_adapter(&loopback())
}

/// Returns the options that differ from what `set_all` has set.
fn wrong(socket: &DatagramSocket) -> Vec<String> {
    let expected = [
        (SocketOption::HopLimit, OptionValue::Hops(9)),
        (SocketOption::InboundBuffer, OptionValue::Bytes(100_000)),
        (SocketOption::SendBuffer, OptionValue::Bytes(50_000)),
        (SocketOption::Dscp, OptionValue::Dscp(10)),
        (SocketOption::Ecn, OptionValue::Ecn(Ecn::Capable0)),
        (SocketOption::MulticastHops, OptionValue::Hops(4)),
        (SocketOption::MulticastLoopback, OptionValue::Switch(false)),
        (
            SocketOption::MulticastAdapter,
            OptionValue::Adapter(loopback().index),
        ),
    ];
    let report = socket.options();
    let is_wrong = |(option, value): &(SocketOption, OptionValue)| {
        let entry = report.get(*option);
        // Linux does not report the adapter of a socket for IPv4 only.
        let granted = entry.granted.unwrap_or(*value);
        entry.requested != Some(*value) || granted != *value || entry.why_not.is_some()
    };
    let found = expected.into_iter().filter(is_wrong);
    found
        .map(|(option, _)| report.get(option).to_string())
        .collect()
}

/// CTL-09, CTL-13: before and after the socket is open, whatever it is bound to.
#[tokio::test]
async fn options_can_be_set_at_any_time() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        for is_open in [false, true] {
            for local in ["127.0.0.1:0", "[::1]:0", ":0", "connected", "written"] {
                let socket = builder.open().unwrap();
                if !is_open {
                    set_all(&socket).unwrap();
                }
                match local {
                    "connected" => socket.connect(peer.addr()).await.unwrap(),
                    "written" => socket.send_to(b"x", peer.addr()).await.unwrap(),
                    local => socket.bind(local).await.unwrap(),
                }
                if is_open {
                    set_all(&socket).unwrap();
                }
                assert!(
                    wrong(&socket).is_empty(),
                    "{engine:?} {local} {:?}",
                    wrong(&socket)
                );
            }
        }
    }
}

/// CTL-09: what is set while the socket is being opened is in effect when it is open.
#[cfg(feature = "dns")]
#[tokio::test(flavor = "multi_thread")]
async fn options_can_be_set_while_the_socket_is_being_opened() {
    let peer = Peer::new();
    let (asked, has_asked) = mpsc::channel();
    let (go_on, waits) = mpsc::channel();
    let waits = Mutex::new(waits);
    let zone = Zone::new("slow.test. A 127.0.0.1");
    let server = DnsServer::new(move |query, _| {
        let _ = asked.send(());
        let _ = waits.lock().unwrap().recv();
        vec![Reply::Answer(zone.answer(query))]
    });
    for (engine, builder) in builders() {
        let resolver = server.resolver();
        let socket = builder.resolver(&resolver).open().unwrap();
        let connecting = tokio::spawn({
            let (socket, port) = (socket.clone(), peer.addr().port());
            async move { socket.connect(format!("slow.test:{port}").as_str()).await }
        });
        has_asked.recv().unwrap();
        set_all(&socket).unwrap();
        let frozen = socket.set_dont_fragment(true).unwrap_err();
        assert_eq!(frozen.kind(), ErrorKind::InvalidState, "{engine:?}");
        for _ in 0..4 {
            go_on.send(()).unwrap();
        }
        soon(connecting).await.unwrap().unwrap();
        assert!(wrong(&socket).is_empty(), "{engine:?} {:?}", wrong(&socket));
        // The server waits for each query, also for those that nobody has waited for.
        while has_asked.try_recv().is_ok() {}
    }
}

/// CTL-09, GEN-06: every datagram has one of the marks, and none is lost, while tasks send and
/// others set.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn options_can_be_set_while_other_tasks_send() {
    const ROUNDS: u16 = 500;
    let engine = udpair::engines()[0];
    if !engine.capabilities().packet_header {
        return;
    }
    for (_, builder) in builders() {
        let receiver = DatagramSocket::builder().inbound_buffer_bytes(4 << 20);
        let receiver = receiver.bind("127.0.0.1:0").await.unwrap();
        let to = receiver.local_addr().unwrap();
        let socket = builder.dscp(1).ecn(Ecn::NotCapable).open().unwrap();
        socket.bind("127.0.0.1:0").await.unwrap();
        let is_done = Arc::new(AtomicBool::new(false));
        let setting: Vec<_> = [false, true]
            .into_iter()
            .map(|sets_dscp| {
                let (socket, is_done) = (socket.clone(), is_done.clone());
                std::thread::spawn(move || {
                    let mut number = 0_u8;
                    while !is_done.load(Ordering::Relaxed) {
                        number = number.wrapping_add(1);
                        if sets_dscp {
                            socket.set_dscp(1 + number % 2).unwrap();
                        } else {
                            let marks = [Ecn::NotCapable, Ecn::Capable0];
                            socket.set_ecn(marks[usize::from(number % 2)]).unwrap();
                        }
                    }
                })
            })
            .collect();
        for number in 0..ROUNDS {
            socket.send_to(&number.to_be_bytes(), to).await.unwrap();
            let message = soon(receiver.recv()).await.unwrap();
            assert_eq!(message.payload(), number.to_be_bytes());
            assert!(matches!(message.ecn(), Some(0 | 2)), "{message:?}");
        }
        is_done.store(true, Ordering::Relaxed);
        for thread in setting {
            thread.join().unwrap();
        }
        // Neither setter has undone what the other has set.
        socket.set_dscp(2).unwrap();
        socket.set_ecn(Ecn::Capable0).unwrap();
        let report = socket.options();
        let dscp = report.get(SocketOption::Dscp).granted;
        assert_eq!(dscp, Some(OptionValue::Dscp(2)), "{report}");
        assert_eq!(report.unmet().count(), 0, "{report}");
    }
}

/// GEN-02, CLS-03: an invalid value changes nothing, in any state; a closed socket has no options to
/// set.
#[tokio::test]
async fn invalid_values_change_nothing() {
    for (engine, builder) in builders() {
        let socket = builder.open().unwrap();
        for _ in 0..2 {
            set_all(&socket).unwrap();
            for result in [
                socket.set_hop_limit(0),
                socket.set_inbound_buffer_bytes(0),
                socket.set_send_buffer_bytes(1 << 31),
                socket.set_dscp(64),
            ] {
                let kind = result.unwrap_err().kind();
                assert_eq!(kind, ErrorKind::InvalidArgument, "{engine:?}");
            }
            let missing = Adapter::new("no-such-adapter", 999_999);
            let error = socket.set_multicast_adapter(&missing).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddressNotAvailable, "{engine:?}");
            if socket.local_addr().is_none() {
                socket.bind(":0").await.unwrap();
            }
            assert!(wrong(&socket).is_empty(), "{engine:?} {:?}", wrong(&socket));
        }
        socket.close();
        let error = set_all(&socket).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed, "{engine:?}");
        let error = socket.set_dont_fragment(true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed, "{engine:?}");
    }
}

/// MCG-11, CTL-09: what was chosen is what datagrams to a group have.
#[tokio::test]
async fn datagrams_to_a_group_follow_the_options_that_were_set() {
    let lo = loopback();
    let group = "239.255.77.30";
    for (engine, builder) in builders() {
        let member = builder.bind(":0").await.unwrap();
        member
            .join_multicast_on(&group.parse().unwrap(), &lo)
            .await
            .unwrap();
        let port = member.local_addr().unwrap().port();
        let to = SocketAddr::new(group.parse().unwrap(), port);
        let socket = builder.bind(":0").await.unwrap();
        socket.set_multicast_adapter(&lo).unwrap();
        for hops in [1, 7] {
            socket.set_multicast_hops(hops).unwrap();
            socket.send_to(b"x", to).await.unwrap();
            let message = soon(member.recv()).await.unwrap();
            if engine.capabilities().packet_header {
                assert_eq!(message.hop_limit(), Some(hops), "{engine:?}");
            }
        }
        socket.set_multicast_adapter(None).unwrap();
        let report = socket.options();
        let adapter = report.get(SocketOption::MulticastAdapter);
        assert_eq!(
            (adapter.requested, adapter.granted),
            (None, Some(OptionValue::Adapter(0))),
            "{engine:?}"
        );
    }
}

/// BND-06
#[tokio::test]
async fn a_socket_on_an_adapter_sends_to_groups_on_no_other() {
    let others = udpair::adapters().unwrap();
    let Some(other) = others.iter().find(|adapter| !adapter.is_loopback) else {
        return;
    };
    for (engine, builder) in builders() {
        let socket = builder.bind_on(&loopback(), &0.into()).await.unwrap();
        let error = socket.set_multicast_adapter(other).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddressNotAvailable, "{engine:?}");
        socket.set_multicast_adapter(&loopback()).unwrap();
    }
}

/// Sets every option that is frozen once the socket is open.
fn set_frozen(socket: &DatagramSocket) -> [Result<(), ErrorKind>; 3] {
    [
        socket.set_dont_fragment(true),
        socket.set_quality_of_service(QualityOfService::LowLatency),
        socket.set_multicast_only(false),
    ]
    .map(|result| result.map_err(|error| error.kind()))
}

fn requested_dont_fragment(socket: &DatagramSocket) -> Option<OptionValue> {
    socket.options().get(SocketOption::DontFragment).requested
}

/// CTL-13, CTL-14, OUT-09: neither a stream nor a failed bind or connect freezes options; a write
/// does.
#[tokio::test]
async fn options_are_settable_until_the_first_bind_or_write() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.open().unwrap();
        let stream = socket.output_to(peer.addr()).await.unwrap();
        assert_eq!(set_frozen(&socket), [Ok(()); 3], "{engine:?}");
        socket.bind("192.0.2.250:0").await.unwrap_err();
        let unconnected = builder.open().unwrap();
        unconnected.connect("127.0.0.1:0").await.unwrap_err();
        assert_eq!(set_frozen(&unconnected), [Ok(()); 3], "{engine:?}");

        assert_eq!(set_frozen(&socket), [Ok(()); 3], "{engine:?}");
        stream.write(b"x").await.unwrap();
        let switch = |is_on| Some(OptionValue::Switch(is_on));
        assert_eq!(requested_dont_fragment(&socket), switch(true), "{engine:?}");
        let granted = socket.options().get(SocketOption::DontFragment).granted;
        assert_eq!(granted, switch(true), "{engine:?}");
        assert_eq!(set_frozen(&socket), [Err(ErrorKind::InvalidState); 3]);
        let error = socket.set_dont_fragment(false).unwrap_err();
        assert!(error.advice().is_some(), "{error:?}");
        assert_eq!(requested_dont_fragment(&socket), switch(true), "{engine:?}");

        let pair = udpair::EndpointPair::from(unused_addr());
        let by_pair = builder.open().unwrap();
        by_pair.output_to_pair(&pair).await.unwrap();
        assert_eq!(set_frozen(&by_pair), [Err(ErrorKind::InvalidState); 3]);
        for socket in [
            builder.bind(":0").await.unwrap(),
            builder.connect(peer.addr()).await.unwrap(),
        ] {
            assert_eq!(set_frozen(&socket), [Err(ErrorKind::InvalidState); 3]);
        }
    }
}

/// CTL-12, OUT-19: it counts for whatever is sent afterwards.
#[tokio::test]
async fn multicast_only_can_be_set_before_the_first_write() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.open().unwrap();
        let stream = socket.output_to(peer.addr()).await.unwrap();
        let set = socket.set_multicast_only(true);
        if !engine.capabilities().local_address {
            let kind = set.unwrap_err().kind();
            assert_eq!(kind, ErrorKind::Unsupported, "{engine:?}");
            stream.write(b"x").await.unwrap();
            continue;
        }
        set.unwrap();
        for error in [
            stream.write(b"x").await.unwrap_err(),
            socket.send_to(b"x", peer.addr()).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{engine:?}");
        }
        let other = builder.open().unwrap();
        other.set_multicast_only(true).unwrap();
        other.set_multicast_only(false).unwrap();
        other.send_to(b"x", peer.addr()).await.unwrap();
    }
}

/// CTL-05, CTL-07: what holds where nothing is requested is known before the socket is open.
#[tokio::test]
async fn the_defaults_of_the_system_are_known_before_the_socket_is_open() {
    for (engine, builder) in builders() {
        let socket = builder.open().unwrap();
        let before = socket.options();
        socket.bind(&endpoint(":0")).await.unwrap();
        let after = socket.options();
        for option in SocketOption::ALL {
            let (before, after) = (before.get(*option), after.get(*option));
            assert_eq!(before.requested, after.requested, "{engine:?}");
            match before.requested {
                None => assert_eq!(before.granted, after.granted, "{engine:?} {option}"),
                Some(_) => assert_eq!(before.granted, None, "{engine:?} {option}"),
            }
            assert_eq!(before.why_not, None, "{engine:?} {option}");
        }
        for option in [SocketOption::InboundBuffer, SocketOption::SendBuffer] {
            let granted = before.get(option).granted;
            assert!(matches!(granted, Some(OptionValue::Bytes(1..))), "{option}");
        }
    }
}

/// What one socket has set is not the builder's, nor another socket's.
#[tokio::test]
async fn a_socket_sets_only_its_own_options() {
    let builder: Builder = DatagramSocket::builder();
    let (one, other) = (builder.open().unwrap(), builder.open().unwrap());
    one.set_hop_limit(3).unwrap();
    let third = builder.bind(":0").await.unwrap();
    other.bind(":0").await.unwrap();
    for socket in [other, third] {
        let hops = socket.options().get(SocketOption::HopLimit).granted;
        assert_eq!(hops, Some(OptionValue::Hops(128)));
    }
}
