//! Answers multicast DNS queries for one host name (RFC 6762), beside other programs on port 5353.
//!
//! `cargo run --example mdns_responder -- printer.local`
//! `cargo run --example mdns_responder -- printer.local 5454 lo` (another port, one adapter)
//!
//! A query gets the addresses of the adapter on which it came, through that adapter. A responder
//! for daily use also asks whether its name is taken, announces it, and leaves out what the asker
//! says it knows (sections 8 and 7.1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use udpair::{
    Adapter, DatagramSocket, Destination, Error, HostName, Message, PacketHeader, Source,
};

const GROUP_IPV4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP_IPV6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "example.local".into());
    let port = arguments.next().map_or(Ok(5353), |port| port.parse());
    let port: u16 = port.expect("a port number");
    let only = arguments.next().map(|adapter| udpair::adapter(&adapter));
    let only = only.transpose()?;

    let builder = DatagramSocket::builder()
        .share_port(true)
        // Section 11: receivers may check that nobody has forwarded the packet.
        .multicast_hops(255)
        .hop_limit(255);
    let socket = builder.bind(format!(":{port}")).await?;
    for group in [IpAddr::from(GROUP_IPV4), GROUP_IPV6.into()].map(HostName::from) {
        let joined = match &only {
            Some(adapter) => socket.join_multicast_on(&group, adapter).await.map(drop),
            None => socket.join_multicast(&group).await.map(drop),
        };
        // A machine without IPv6 has no adapter for its group.
        if let Err(error) = joined {
            eprintln!("{error}");
        }
    }
    println!("{}", socket.local_addr().expect("it is open"));

    loop {
        let message = socket.recv().await?;
        for question in questions(message.payload(), &name) {
            let Some((answer, to)) = answer(&socket, &message, &question, &name) else {
                continue;
            };
            // An asker that cannot be reached is not the others' problem.
            if let Err(error) = socket.send_to(&answer, to).await {
                eprintln!("{error}");
            }
        }
    }
}

/// Returns the answer to a question, and where to send it; `None` if there is none.
fn answer(
    socket: &DatagramSocket,
    message: &Message,
    question: &Question,
    name: &str,
) -> Option<(Vec<u8>, Destination)> {
    let adapters = udpair::adapters().unwrap_or_default();
    let index = message.adapter()?;
    let adapter = adapters.iter().find(|adapter| adapter.index == index)?;
    let is_to_group = message.to().is_some_and(|to| to.is_multicast());
    // Section 11: who is not on the link has no business to ask.
    if !is_to_group && !is_on_link(adapter, message.remote().ip()) {
        return None;
    }
    let addresses: Vec<_> = adapter
        .addresses
        .iter()
        .map(|address| address.ip)
        .filter(|ip| question.is_for(*ip))
        .collect();
    if addresses.is_empty() {
        return None;
    }
    let port = socket.local_addr()?.port();
    let is_legacy = message.remote().port() != port;
    let response = respond(message.payload(), question, name, &addresses, is_legacy);
    // Sections 5.4 and 6.7: to the asker only, if it says so, or knows nothing of multicast DNS.
    if is_legacy || question.wants_unicast || !is_to_group {
        let mut to = message.reply();
        to.source.adapter = Some(index);
        return Some((response, to));
    }
    let address = match message.remote().ip() {
        IpAddr::V4(_) => SocketAddr::from((GROUP_IPV4, port)),
        IpAddr::V6(_) => SocketAddrV6::new(GROUP_IPV6, port, 0, index).into(),
    };
    let to = Destination {
        address,
        source: Source {
            address: None,
            adapter: Some(index),
        },
        header: PacketHeader::default(),
    };
    Some((response, to))
}

/// Returns whether an address is one of the adapter's own networks.
fn is_on_link(adapter: &Adapter, ip: IpAddr) -> bool {
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()) << 96, 32),
        IpAddr::V6(ip) => (ip.to_bits(), 128),
    };
    adapter.addresses.iter().any(|own| {
        let length = own.prefix_length.unwrap_or(bits(own.ip).1);
        let other = bits(own.ip).0 ^ bits(ip).0;
        own.ip.is_ipv4() == ip.is_ipv4() && other.leading_zeros() >= u32::from(length)
    })
}

/// A question about our name.
struct Question {
    record_type: u16,
    /// The bit that asks for an answer to the asker only.
    wants_unicast: bool,
}

const A: u16 = 1;
const AAAA: u16 = 28;
const ANY: u16 = 255;
const CLASS_IN: u16 = 1;
/// The top bit of a class: in a question, "QU"; in an answer, "this replaces what you know".
const TOP_BIT: u16 = 0x8000;

impl Question {
    fn is_for(&self, ip: IpAddr) -> bool {
        let record_type = if ip.is_ipv4() { A } else { AAAA };
        [record_type, ANY].contains(&self.record_type)
    }
}

/// Returns the questions of a query that are about `name`. Of what is no query, there are none.
fn questions(packet: &[u8], name: &str) -> Vec<Question> {
    let mut found = Vec::new();
    let (Some(flags), Some(count)) = (number(packet, 2), number(packet, 4)) else {
        return found;
    };
    // A response, or another operation than a query (section 18).
    if flags & 0xf800 != 0 {
        return found;
    }
    let mut at = HEADER_BYTES;
    for _ in 0..count {
        let Some((asked, end)) = read_name(packet, at) else {
            break;
        };
        let (Some(record_type), Some(class)) = (number(packet, end), number(packet, end + 2))
        else {
            break;
        };
        at = end + 4;
        let is_ours = asked.eq_ignore_ascii_case(name.trim_end_matches('.'));
        if is_ours && [CLASS_IN, ANY].contains(&(class & !TOP_BIT)) {
            found.push(Question {
                record_type,
                wants_unicast: class & TOP_BIT != 0,
            });
        }
    }
    found
}

/// Returns a response with one record for each address.
fn respond(
    query: &[u8],
    question: &Question,
    name: &str,
    addresses: &[IpAddr],
    is_legacy: bool,
) -> Vec<u8> {
    // Section 6.7: a resolver that knows nothing of multicast DNS needs its identifier and its
    // question back, and must not keep the answer for long. Section 10: two minutes for the others.
    let id = if is_legacy { &query[..2] } else { &[0, 0] };
    let (seconds, class): (u32, _) = match is_legacy {
        true => (10, CLASS_IN),
        false => (120, CLASS_IN | TOP_BIT),
    };
    let counts = [
        u16::from(is_legacy),
        u16::try_from(addresses.len()).expect("few addresses"),
        0,
        0,
    ];
    let mut response = id.to_vec();
    // An authoritative response.
    response.extend([0x84, 0]);
    response.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
    let mut owner = Vec::new();
    for label in name.trim_end_matches('.').split('.') {
        owner.push(u8::try_from(label.len()).expect("a label of at most 63 bytes"));
        owner.extend(label.as_bytes());
    }
    owner.push(0);
    if is_legacy {
        response.extend(&owner);
        response.extend(question.record_type.to_be_bytes());
        response.extend(CLASS_IN.to_be_bytes());
    }
    for ip in addresses {
        let (record_type, bytes) = match ip {
            IpAddr::V4(ip) => (A, ip.octets().to_vec()),
            IpAddr::V6(ip) => (AAAA, ip.octets().to_vec()),
        };
        response.extend(&owner);
        response.extend(record_type.to_be_bytes());
        response.extend(class.to_be_bytes());
        response.extend(seconds.to_be_bytes());
        response.extend(
            u16::try_from(bytes.len())
                .expect("16 at most")
                .to_be_bytes(),
        );
        response.extend(bytes);
    }
    response
}

/// Reads a name, and returns where it ends (RFC 1035, section 4.1.4).
fn read_name(packet: &[u8], start: usize) -> Option<(String, usize)> {
    let (mut labels, mut at, mut end) = (Vec::new(), start, None);
    loop {
        let length = usize::from(*packet.get(at)?);
        match length {
            0 => return Some((labels.join("."), end.unwrap_or(at + 1))),
            1..=63 => {
                let label = packet.get(at + 1..at + 1 + length)?;
                labels.push(String::from_utf8_lossy(label).into_owned());
                at += 1 + length;
            }
            192..=255 => {
                end = end.or(Some(at + 2));
                let to = usize::from(number(packet, at)? & 0x3fff);
                // Only backwards, so that it comes to an end.
                if to >= at {
                    return None;
                }
                at = to;
            }
            _ => return None,
        }
    }
}

fn number(packet: &[u8], at: usize) -> Option<u16> {
    let bytes = packet.get(at..at + 2)?;
    Some(u16::from_be_bytes([bytes[0], bytes[1]]))
}

const HEADER_BYTES: usize = 12;
