//! Asks a STUN server which address this machine has on the way to it (RFC 8489).
//!
//! `cargo run --example stun -- stun.example:stun [NAME SERVER]`
//!
//! If DNS has SRV records, the servers are asked in their order until one replies.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use udpair::{DatagramSocket, Error, Request, Resolver};

/// The magic cookie, and the type of the attribute with the address (RFC 8489, sections 5 and
/// 14.2).
const COOKIE: u32 = 0x2112_A442;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let server = arguments.next().unwrap_or_else(|| "localhost:stun".into());
    let mut builder = DatagramSocket::builder();
    if let Some(name_server) = arguments.next().and_then(|text| text.parse().ok()) {
        let resolver = Resolver::builder()
            .services_text("")
            .dns_servers([name_server]);
        builder = builder.resolver(&resolver.build());
    }

    // A binding request without attributes. The transaction id should be random; the time will do.
    let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    let mut packet = vec![0, 1, 0, 0];
    packet.extend(COOKIE.to_be_bytes());
    packet.extend(&now.as_nanos().to_be_bytes()[4..]);
    let id = packet[4..20].to_vec();
    // The times of RFC 8489, section 6.2.1, but for fewer tries.
    let request = Request::new(packet)
        .wait(Duration::from_millis(500))
        .retries(2)
        .accept(move |message| message.payload().get(4..20) == Some(&id[..]));

    let (socket, reply) = builder.ask(server.as_str(), &request).await?;
    match mapped_address(reply.payload()) {
        Some(address) => println!("{} sees {address}", reply.remote()),
        None => println!("{:?} sent no address", socket.peer_addr()),
    }
    Ok(())
}

/// Returns the address in a reply to a binding request.
fn mapped_address(reply: &[u8]) -> Option<SocketAddr> {
    let mut attributes = reply.get(20..)?;
    loop {
        let kind = u16::from_be_bytes(*attributes.first_chunk()?);
        let length = u16::from_be_bytes(*attributes.get(2..)?.first_chunk()?);
        let value = attributes.get(4..4 + usize::from(length))?;
        if kind == XOR_MAPPED_ADDRESS {
            return decode(value, reply.get(4..20)?);
        }
        attributes = attributes.get(4 + usize::from(length).next_multiple_of(4)..)?;
    }
}

/// Decodes an address that was combined with the cookie and the transaction id in `key`.
fn decode(value: &[u8], key: &[u8]) -> Option<SocketAddr> {
    let plain: Vec<_> = value
        .get(4..)?
        .iter()
        .zip(key)
        .map(|(value, key)| value ^ key)
        .collect();
    let ip = match value.get(1)? {
        1 => IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(plain).ok()?)),
        _ => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(plain).ok()?)),
    };
    let port = u16::from_be_bytes(*value.get(2..)?.first_chunk()?);
    let high_bits = u16::from_be_bytes(*key.first_chunk()?);
    Some(SocketAddr::new(ip, port ^ high_bits))
}
