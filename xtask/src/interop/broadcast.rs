//! Broadcasts on two segments: through all adapters, through the first one, or as they are routed.

use std::net::{SocketAddr, UdpSocket};

use udpair::{DatagramSocket, EndpointPair, SendBatch};

use super::lan::{Case, Lan, Why, adapter, endpoint, port, receive, text};
use super::suite::{Suite, check};

pub(crate) const SUITE: Suite = Suite {
    name: "broadcast in network namespaces",
    needs: &[("ip", "iproute2"), ("sysctl", "procps")],
    needs_root: true,
    cases,
};

fn cases() -> Result<(), String> {
    let cases: &[(&str, Case)] = &[
        ("to all hosts, through all adapters", through_all_adapters),
        (
            "connected to all hosts, through the first adapter",
            through_the_first,
        ),
        ("through the adapter that a socket is bound to", where_bound),
        ("to all hosts of one network", on_one_network),
        ("to a socket bound to all addresses", to_a_bound_socket),
        ("the command broadcasts", command),
    ];
    Lan::run_all("broadcast", cases)
}

/// A neighbour on each segment, both on the same port.
struct Neighbours {
    one: UdpSocket,
    two: UdpSocket,
    port: u16,
}

impl Neighbours {
    fn new(lan: &Lan) -> Result<Self, Why> {
        let one = lan.peer(&lan.one, "0.0.0.0:0")?;
        let port = one.local_addr()?.port();
        let two = lan.peer(&lan.two, &format!("0.0.0.0:{port}"))?;
        Ok(Self { one, two, port })
    }

    fn broadcast_address(&self) -> SocketAddr {
        SocketAddr::from(([255; 4], self.port))
    }

    /// Fails unless each neighbour has received exactly these datagrams, in this order.
    fn have_received(&self, lan: &Lan, one: &[&str], two: &[&str]) -> Result<(), Why> {
        lan.on(&lan.home, async || {
            let socket = DatagramSocket::builder().open()?;
            for host in ["10.80.1.2", "10.80.2.2"] {
                let to = SocketAddr::new(host.parse()?, self.port);
                socket.send_to(b"fence", to).await?;
            }
            Ok(())
        })?;
        for (name, peer, expected) in [("one", &self.one, one), ("two", &self.two, two)] {
            let mut received = Vec::new();
            loop {
                match receive(peer)?.0.as_str() {
                    "fence" => break,
                    text => received.push(text.to_owned()),
                }
            }
            check(received == expected, || {
                format!("{name} received {received:?}, not {expected:?}")
            })?;
        }
        Ok(())
    }
}

/// BRC-01, BRC-02, OUT-04: each segment receives one copy, whichever function sends it.
fn through_all_adapters(lan: &Lan) -> Result<String, Why> {
    let neighbours = Neighbours::new(lan)?;
    let to = neighbours.broadcast_address();
    let sent = lan.on(&lan.home, async || {
        let socket = DatagramSocket::builder().open()?;
        socket.send_to(b"send_to", to).await?;
        check(socket.try_send_to(b"try_send_to", to)?, || "full".into())?;
        let stream = socket.output_to(to).await?;
        stream.write(b"write").await?;
        let mut batch: SendBatch = ["b1", "b2"].into_iter().collect();
        stream.write_batch(&mut batch).await?;
        let unicast = SocketAddr::new("10.80.1.2".parse()?, to.port());
        batch.push_to("unicast", unicast);
        batch.push_to("b3", to);
        batch.push_to("unicast", unicast);
        socket.send_batch(&mut batch).await?;
        check(batch.is_empty(), || format!("{batch:?}"))?;
        let pair = EndpointPair::to_endpoint(to.into())?;
        let other = DatagramSocket::builder().open()?;
        let stream = other.output_to_pair(&pair).await?;
        stream.write(b"pair").await?;
        Ok(socket.statistics().datagrams_sent)
    })?;
    neighbours.have_received(
        lan,
        &[
            "send_to",
            "try_send_to",
            "write",
            "b1",
            "b2",
            "unicast",
            "b3",
            "unicast",
            "pair",
        ],
        &["send_to", "try_send_to", "write", "b1", "b2", "b3", "pair"],
    )?;
    check(sent == 14, || format!("{sent} sent"))?;
    Ok("7 broadcasts received once on each of two segments".into())
}

/// CON-10, BRC-03, BRC-06: a connected socket broadcasts through the first adapter, whether it was
/// bound before or not. No host is its peer.
fn through_the_first(lan: &Lan) -> Result<String, Why> {
    for is_bound in [false, true] {
        let neighbours = Neighbours::new(lan)?;
        let pair: EndpointPair = neighbours.broadcast_address().into();
        let socket = lan.on(&lan.home, async || {
            let builder = DatagramSocket::builder();
            let socket = match is_bound {
                true => builder.bind(&endpoint(":0")?).await?,
                false => builder.open()?,
            };
            socket.connect(&pair).await?;
            socket.output()?.write(b"first").await?;
            Ok(socket)
        })?;
        neighbours.have_received(lan, &["first"], &[])?;
        // No host has the broadcast address, so the kernel finds no socket for this datagram.
        let home = SocketAddr::new("10.80.1.1".parse()?, port(&socket));
        neighbours.one.connect(home)?;
        neighbours.one.send(b"reply")?;
        let refused = receive(&neighbours.one).err();
        check(
            refused
                .as_ref()
                .is_some_and(|why| why.to_string().contains("refused")),
            || format!("a reply was accepted: {refused:?}"),
        )?;
        check(socket.try_recv()?.is_none(), || {
            "the reply was received".into()
        })?;
    }
    Ok("only on the first segment, and no reply is accepted".into())
}

/// BRC-02, CON-10: a socket that is bound to an adapter or an address broadcasts only there.
fn where_bound(lan: &Lan) -> Result<String, Why> {
    let neighbours = Neighbours::new(lan)?;
    let to = neighbours.broadcast_address();
    lan.on(&lan.home, async || {
        let builder = DatagramSocket::builder();
        let on_e1 = builder.bind_on(&adapter("e1")?, &0.into()).await?;
        on_e1.send_to(b"adapter", to).await?;
        let connected = builder.bind_on(&adapter("e1")?, &0.into()).await?;
        connected.connect(to).await?;
        connected.output()?.write(b"connected").await?;
        let at_address = builder.bind(&endpoint("10.80.1.1:0")?).await?;
        at_address.send_to(b"address", to).await?;
        let connected = builder.bind(&endpoint("10.80.2.1:0")?).await?;
        connected.connect(to).await?;
        connected.output()?.write(b"from e1").await?;
        let from_there = EndpointPair::from(to).with_local(endpoint("10.80.2.1:0")?);
        let connected = builder.connect(&from_there).await?;
        connected.output()?.write(b"from e1").await?;
        Ok(())
    })?;
    neighbours.have_received(
        lan,
        &["address"],
        &["adapter", "connected", "from e1", "from e1"],
    )?;
    Ok("through the bound adapter, and through that of the bound address".into())
}

/// BRC-04: one copy, on the segment of the network.
fn on_one_network(lan: &Lan) -> Result<String, Why> {
    let neighbours = Neighbours::new(lan)?;
    lan.on(&lan.home, async || {
        let socket = DatagramSocket::builder().open()?;
        for (network, text) in [("10.80.1.255", "one"), ("10.80.2.255", "two")] {
            let to = SocketAddr::new(network.parse()?, neighbours.port);
            socket.send_to(text.as_bytes(), to).await?;
            let connected = DatagramSocket::builder().connect(to).await?;
            connected.output()?.write(text.as_bytes()).await?;
        }
        Ok(())
    })?;
    neighbours.have_received(lan, &["one", "one"], &["two", "two"])?;
    Ok("10.80.1.255 and 10.80.2.255, each on its segment".into())
}

/// BRC-05, MSG-11: a socket receives its own broadcasts and those of others at the adapter's
/// address. A reply leaves from that address.
fn to_a_bound_socket(lan: &Lan) -> Result<String, Why> {
    let neighbours = Neighbours::new(lan)?;
    let socket = lan.on(&lan.home, async || {
        let socket = DatagramSocket::builder().bind(&endpoint(":0")?).await?;
        let to = SocketAddr::new("10.80.1.255".parse()?, port(&socket));
        socket.send_to(b"own", to).await?;
        let message = socket.recv().await?;
        check(text(&message) == "own", || format!("{message:?}"))?;
        Ok(socket)
    })?;
    neighbours.one.set_broadcast(true)?;
    for to in ["10.80.1.255", "255.255.255.255"] {
        neighbours.one.send_to(b"asked", (to, port(&socket)))?;
        lan.on(&lan.home, async || {
            let message = socket.recv().await?;
            check(message.local() == Some("10.80.1.1".parse()?), || {
                format!("{message:?}")
            })?;
            Ok(socket.send_to(b"answer", message.reply()).await?)
        })?;
        let (answer, from) = receive(&neighbours.one)?;
        check(
            answer == "answer" && from.ip().to_string() == "10.80.1.1",
            || format!("{answer} from {from}"),
        )?;
    }
    Ok("its own, and those to 10.80.1.255 and 255.255.255.255, answered from 10.80.1.1".into())
}

/// BRC-02: `udpair send 255.255.255.255`.
fn command(lan: &Lan) -> Result<String, Why> {
    let neighbours = Neighbours::new(lan)?;
    let port = neighbours.port.to_string();
    let arguments = ["send", "255.255.255.255", &port, "hello"];
    let run = lan.home.udpair(&arguments)?;
    run.has_code(0)?;
    let run = lan
        .home
        .udpair(&[&arguments as &[_], &["--adapter", "e1"]].concat())?;
    run.has_code(0)?;
    neighbours.have_received(lan, &["hello"], &["hello", "hello"])?;
    Ok("on both segments; on one segment with --adapter".into())
}
