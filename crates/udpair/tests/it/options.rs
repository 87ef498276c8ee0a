//! Socket options: the requested values, and the values that the socket reports.

use udpair::{
    Builder, DatagramSocket, Ecn, EndpointPair, Event, OptionValue, QualityOfService, SocketOption,
};

use crate::support::{Peer, builders, endpoint, loopback, soon, unused_addr};

/// Returns a socket for each engine and each kind of local end: IPv4, IPv6, both, and connected.
async fn sockets(set: impl Fn(Builder) -> Builder) -> Vec<(String, DatagramSocket)> {
    let peer = Peer::new();
    let mut sockets = Vec::new();
    for (engine, builder) in builders() {
        let builder = set(builder);
        for local in ["127.0.0.1:0", "[::1]:0", ":0"] {
            let socket = builder.bind(&endpoint(local)).await.unwrap();
            sockets.push((format!("{} {local}", engine.name()), socket));
        }
        let socket = builder.connect(&peer.pair()).await.unwrap();
        sockets.push((format!("{} connected", engine.name()), socket));
    }
    sockets
}

fn granted(socket: &DatagramSocket, option: SocketOption) -> Option<OptionValue> {
    socket.options().get(option).granted
}

/// CTL-01, CTL-02, CTL-05, CTL-08, CTL-11
#[tokio::test]
async fn the_defaults_are_those_of_the_model() {
    for (which, socket) in sockets(|builder| builder).await {
        let report = socket.options();
        assert_eq!(report.unmet().count(), 0, "{which}: {report}");
        for (option, expected) in [
            (SocketOption::HopLimit, OptionValue::Hops(128)),
            (SocketOption::DontFragment, OptionValue::Switch(false)),
            (
                SocketOption::QualityOfService,
                OptionValue::Quality(QualityOfService::Normal),
            ),
            (SocketOption::Dscp, OptionValue::Dscp(0)),
            (SocketOption::Ecn, OptionValue::Ecn(Ecn::NotCapable)),
        ] {
            assert_eq!(report.get(option).granted, Some(expected), "{which}");
        }
        for option in [SocketOption::InboundBuffer, SocketOption::SendBuffer] {
            let buffer = report.get(option);
            assert_eq!(buffer.requested, None, "{which}");
            assert!(
                matches!(buffer.granted, Some(OptionValue::Bytes(1..))),
                "{which}: {buffer}"
            );
        }
    }
}

/// CTL-03, CTL-06, CTL-11: also on dual-stack sockets, which have each option at two levels.
#[tokio::test]
async fn granted_options_are_reported_with_their_requested_values() {
    let sockets = sockets(|builder| {
        builder
            .inbound_buffer_bytes(100_000)
            .send_buffer_bytes(50_000)
            .hop_limit(7)
            .dont_fragment(true)
            .quality_of_service(QualityOfService::LowLatency)
            .ecn(Ecn::Capable0)
            .receive_offload(false)
            .metadata(false)
    });
    for (which, socket) in sockets.await {
        let report = socket.options();
        assert_eq!(
            report.to_string(),
            "inbound buffer: requested 100000 bytes, granted 100000 bytes\n\
             send buffer: requested 50000 bytes, granted 50000 bytes\n\
             hop limit: requested 7, granted 7\n\
             don't fragment: requested on, granted on\n\
             quality of service: requested low latency, granted low latency\n\
             DSCP: requested 46, granted 46\n\
             ECN: requested ECT(0), granted ECT(0)\n\
             receive offload: requested off, granted off\n\
             metadata: requested off, granted off",
            "{which}"
        );
        assert_eq!(report.unmet().count(), 0, "{which}");
    }
}

/// CTL-06, CTL-07: the system clamps the size without an error, and the socket opens.
#[tokio::test]
async fn a_clamped_buffer_size_is_reported() {
    const MAX: u32 = i32::MAX.cast_unsigned();
    for requested in [1, MAX] {
        let sockets = sockets(|builder| {
            let builder = builder.inbound_buffer_bytes(requested);
            builder.send_buffer_bytes(requested)
        });
        for (which, socket) in sockets.await {
            let report = socket.options();
            for option in [SocketOption::InboundBuffer, SocketOption::SendBuffer] {
                let buffer = report.get(option);
                let Some(OptionValue::Bytes(granted)) = buffer.granted else {
                    panic!("{which}: {buffer}");
                };
                assert_ne!(granted, requested, "{which}: {buffer}");
                assert!(buffer.why_not.is_some(), "{which}: {buffer}");
                // No advice exists for a size below the minimum of the system.
                assert_eq!(
                    buffer.advice.is_some(),
                    requested == MAX,
                    "{which}: {buffer}"
                );
            }
            assert_eq!(report.unmet().count(), 2, "{which}: {report}");
        }
    }
}

/// CTL-07: the default is reported as a value that can be requested.
#[tokio::test]
async fn the_default_buffer_size_is_granted_when_requested() {
    for (which, socket) in sockets(|builder| builder).await {
        let default = granted(&socket, SocketOption::InboundBuffer);
        let Some(OptionValue::Bytes(bytes)) = default else {
            panic!("{which}");
        };
        let builder = DatagramSocket::builder().inbound_buffer_bytes(bytes);
        let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
        assert_eq!(
            granted(&socket, SocketOption::InboundBuffer),
            default,
            "{which}"
        );
    }
}

/// CTL-07, CTL-09: options can be read in every state.
#[tokio::test]
async fn options_are_reported_before_the_socket_is_open_and_after_it_is_closed() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        let socket = builder.inbound_buffer_bytes(100_000).open().unwrap();
        let reported = |option: SocketOption| {
            let report = socket.options();
            (report.get(option).requested, report.get(option).granted)
        };
        let hops = |hops| Some(OptionValue::Hops(hops));
        let bytes = Some(OptionValue::Bytes(100_000));
        assert_eq!(
            reported(SocketOption::HopLimit),
            (hops(128), None),
            "{engine:?}"
        );
        socket.set_hop_limit(9).unwrap();
        assert_eq!(
            reported(SocketOption::HopLimit),
            (hops(9), None),
            "{engine:?}"
        );
        assert_eq!(
            reported(SocketOption::InboundBuffer),
            (bytes, None),
            "{engine:?}"
        );

        socket.connect(&peer.pair()).await.unwrap();
        assert_eq!(
            reported(SocketOption::HopLimit),
            (hops(9), hops(9)),
            "{engine:?}"
        );
        assert_eq!(
            reported(SocketOption::InboundBuffer),
            (bytes, bytes),
            "{engine:?}"
        );
        socket.set_hop_limit(10).unwrap();
        assert_eq!(
            reported(SocketOption::HopLimit),
            (hops(10), hops(10)),
            "{engine:?}"
        );

        socket.close();
        assert_eq!(
            reported(SocketOption::HopLimit),
            (hops(10), None),
            "{engine:?}"
        );
        assert_eq!(socket.options().unmet().count(), 0, "{engine:?}");
    }
}

/// CTL-11: a chosen DSCP mark, also 0, does not change the quality of service.
#[tokio::test]
async fn the_dscp_mark_of_low_latency_can_be_replaced() {
    for dscp in [0, 34, 63] {
        let sockets = sockets(|builder| {
            let builder = builder.quality_of_service(QualityOfService::LowLatency);
            builder.dscp(dscp)
        });
        for (which, socket) in sockets.await {
            assert_eq!(
                granted(&socket, SocketOption::QualityOfService),
                Some(OptionValue::Quality(QualityOfService::LowLatency)),
                "{which} {dscp}"
            );
            assert_eq!(
                granted(&socket, SocketOption::Dscp),
                Some(OptionValue::Dscp(dscp)),
                "{which}"
            );
        }
    }
}

/// With every sending engine.
#[tokio::test]
async fn datagrams_carry_the_ecn_mark_that_was_set() {
    let engine = udpair::engines()[0];
    if !engine.capabilities().packet_header {
        return;
    }
    for at in ["127.0.0.1:0", "[::1]:0"] {
        let receiver = DatagramSocket::builder().engine(engine);
        let receiver = receiver.bind(&endpoint(at)).await.unwrap();
        let to = receiver.local_addr().unwrap();
        for ecn in [
            Ecn::NotCapable,
            Ecn::Capable0,
            Ecn::Capable1,
            Ecn::Congested,
        ] {
            for (_, builder) in builders() {
                let builder = builder.ecn(ecn).dscp(10);
                let connected = builder.connect(&EndpointPair::from(to)).await.unwrap();
                connected.output().unwrap().write(b"x").await.unwrap();
                let message = soon(receiver.recv()).await.unwrap();
                assert_eq!(message.ecn(), Some(ecn as u8), "{at} {ecn}");
                // A dual-stack socket has separate options for IPv4 and IPv6.
                let open = builder.open().unwrap();
                open.send_to(b"x", to).await.unwrap();
                let message = soon(receiver.recv()).await.unwrap();
                assert_eq!(message.ecn(), Some(ecn as u8), "{at} {ecn}");
            }
        }
    }
}

/// Without metadata only the sender is known, and errors are reported nevertheless. A socket that
/// needs the metadata gets it.
#[tokio::test]
async fn metadata_can_be_left_out() {
    let peer = Peer::new();
    for (engine, builder) in builders() {
        for metadata in [true, false] {
            let builder = builder.clone().metadata(metadata);
            let socket = builder.bind(&endpoint("127.0.0.1:0")).await.unwrap();
            let all = engine.capabilities();
            let has = socket.capabilities();
            let is_known = metadata && all.local_address;
            assert_eq!(has.local_address, is_known, "{engine:?}");
            assert_eq!(has.packet_header, metadata && all.packet_header);
            assert_eq!(has.drops, metadata && all.drops);
            assert_eq!(has.error_queue, all.error_queue, "{engine:?}");
            let options = socket.options();
            let report = options.get(SocketOption::Metadata);
            let requested = (!metadata).then_some(OptionValue::Switch(false));
            assert_eq!(report.requested, requested);
            assert_eq!(report.granted, Some(OptionValue::Switch(is_known)));
            assert!(!options.unmet().any(|unmet| unmet.option == report.option));

            peer.send(b"x", loopback(&socket));
            let message = soon(socket.recv()).await.unwrap();
            assert_eq!(message.remote(), peer.addr());
            let known = message.metadata();
            assert_eq!(known.to.is_some(), is_known, "{engine:?}");
            assert_eq!(known.hop_limit.is_some(), is_known, "{engine:?}");
            soon(socket.send_to(b"back", message.reply()))
                .await
                .unwrap();
            assert_eq!(peer.recv().0, b"back");
            if all.error_queue {
                let closed = unused_addr();
                soon(socket.send_to(b"lost", closed)).await.unwrap();
                let event = soon(socket.next_event()).await.unwrap();
                let Event::PeerError(error) = event else {
                    panic!("{engine:?}: {event:?}");
                };
                assert_eq!(error.destination, Some(closed));
            }
        }
        if engine.capabilities().local_address {
            let builder = builder.metadata(false).multicast_only(true);
            let socket = builder.bind(&endpoint(":0")).await.unwrap();
            assert!(socket.capabilities().local_address, "{engine:?}");
        }
    }
}
