//! hickory-resolver, and a tokio socket that is connected to the resolved address.

use std::net::SocketAddr;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use tokio::net::UdpSocket;

use super::mode::Mode;
use super::runtime::run;
use crate::Result;
use crate::measure::Connects;
use udpair_bench::dns;

pub(super) const MODES: &[Mode] = &[
    Mode {
        connect: Some(|server, connects| run(by_name(server, connects, Cache::Cleared))),
        ..Mode::new(
            "hickory-cold",
            "SRV, then addresses; cache cleared each time",
        )
    },
    Mode {
        connect: Some(|server, connects| run(by_name(server, connects, Cache::Kept))),
        ..Mode::new("hickory-warm", "SRV, then addresses; answers cached")
    },
];

/// What happens to the cache after each connect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Cache {
    Cleared,
    Kept,
}

async fn by_name(server: SocketAddr, mut connects: Connects, cache: Cache) -> Result<Connects> {
    let resolver = resolver(server)?;
    let name = format!("{}.", dns::SRV_NAME);
    while connects.next() {
        let answer = resolver.srv_lookup(name.as_str()).await?;
        let mut records = answer.answers().iter();
        let service = records.find_map(|record| match &record.data {
            RData::SRV(service) => Some(service),
            _ => None,
        });
        let service = service.ok_or("no SRV record")?;
        let addresses = resolver.lookup_ip(service.target.clone()).await?;
        let address = addresses.iter().next().ok_or("no address")?;
        let remote = SocketAddr::new(address, service.port);
        let local: SocketAddr = if address.is_ipv4() {
            ([0; 4], 0).into()
        } else {
            ([0; 8], 0).into()
        };
        let socket = UdpSocket::bind(local).await?;
        socket.connect(remote).await?;
        connects.connected(socket.peer_addr()?)?;
        if cache == Cache::Cleared {
            resolver.clear_cache();
        }
    }
    Ok(connects)
}

fn resolver(server: SocketAddr) -> Result<TokioResolver> {
    let mut connection = ConnectionConfig::udp();
    connection.port = server.port();
    let server = NameServerConfig::new(server.ip(), true, vec![connection]);
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    builder.options_mut().use_hosts_file = ResolveHosts::Never;
    Ok(builder.build()?)
}
