//! The environment of the demo: a DNS server with its own zone, and echo peers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use hickory_server::Server;
use hickory_server::net::runtime::TokioRuntimeProvider;
use hickory_server::proto::rr::rdata::{A, AAAA, SOA, SRV};
use hickory_server::proto::rr::{LowerName, Name, RData, Record};
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use udpair::{Endpoint, HostName, ServiceName};

use crate::command::context::{Context, Failure};

/// The domain that offers the service (RFC 6761 reserves `.test` for such uses).
pub(super) const DOMAIN: &str = "example.test";

/// A running DNS server and the echo peers in its zone.
pub(super) struct Environment {
    dns_server: SocketAddr,
    server: Server<Catalog>,
    peers: Vec<Peer>,
}

/// A running echo peer, and the SRV record that points to it.
pub(super) struct Peer {
    pub(super) host: String,
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) port: u16,
    /// Whether it can be reached over IPv6 too.
    has_ipv6: bool,
    echo: JoinHandle<()>,
}

impl Environment {
    /// Starts the DNS server and the echo peers.
    pub(super) async fn start(context: &Context) -> Result<Self, Failure> {
        let mut peers = Vec::new();
        for (name, priority, weight) in [("north", 10, 60), ("south", 10, 40), ("spare", 20, 0)] {
            peers.push(Peer::start(context, name, priority, weight).await?);
        }
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(|error| cannot("start a DNS server on loopback", error))?;
        let dns_server = socket
            .local_addr()
            .map_err(|error| cannot("start a DNS server on loopback", error))?;
        let mut server =
            Server::new(catalog(&peers).map_err(|error| cannot("create a DNS zone", error))?);
        server.register_socket(socket);
        Ok(Self {
            dns_server,
            server,
            peers,
        })
    }

    pub(super) fn dns_server(&self) -> SocketAddr {
        self.dns_server
    }

    pub(super) fn peers(&self) -> &[Peer] {
        &self.peers
    }

    /// Stops the DNS server and the echo peers.
    pub(super) fn stop(self) {
        self.server.shutdown_token().cancel();
        for peer in &self.peers {
            peer.echo.abort();
        }
    }
}

impl Peer {
    async fn start(
        context: &Context,
        name: &str,
        priority: u16,
        weight: u16,
    ) -> Result<Self, Failure> {
        let localhost: HostName = "localhost".parse()?;
        let local = Endpoint::new(Some(localhost), ServiceName::any());
        let socket = context.default_builder().bind(&local).await?;
        let local = socket.local_addr();
        let port = local.map_or(0, |local| local.port());
        // Where the system cannot bind a socket to all of loopback, it has one address.
        let has_ipv6 = local.is_none_or(|local| local.is_ipv6()) && has_ipv6_loopback();
        let echo = async move {
            // The peer runs until its socket fails.
            while let Ok(message) = socket.recv().await {
                let _ = socket.send_to(message.payload(), message.remote()).await;
            }
        };
        Ok(Self {
            host: format!("{name}.{DOMAIN}"),
            priority,
            weight,
            port,
            has_ipv6,
            echo: tokio::spawn(echo),
        })
    }
}

/// Returns a catalog with the zone of [`DOMAIN`], in which every host is this machine.
fn catalog(peers: &[Peer]) -> Result<Catalog, Box<dyn std::error::Error>> {
    let origin = Name::from_ascii(DOMAIN)?.append_domain(&Name::root())?;
    let mut zone = InMemoryZoneHandler::<TokioRuntimeProvider>::empty(
        origin.clone(),
        ZoneType::Primary,
        AxfrPolicy::Deny,
    );
    let mut add = |owner: &Name, data: RData| {
        zone.upsert_mut(Record::from_rdata(owner.clone(), TTL_SECONDS, data), 0);
    };
    let server = Name::from_ascii("ns")?.append_domain(&origin)?;
    let mailbox = Name::from_ascii("hostmaster")?.append_domain(&origin)?;
    add(
        &origin,
        RData::SOA(SOA::new(server, mailbox, 1, 3600, 600, 86_400, 60)),
    );
    let service = Name::from_ascii("_echo._udp")?.append_domain(&origin)?;
    for peer in peers {
        let host = Name::from_ascii(format!("{}.", peer.host))?;
        let srv = SRV::new(peer.priority, peer.weight, peer.port, host.clone());
        add(&service, RData::SRV(srv));
        add(&host, RData::A(A(Ipv4Addr::LOCALHOST)));
        if peer.has_ipv6 {
            add(&host, RData::AAAA(AAAA(Ipv6Addr::LOCALHOST)));
        }
    }
    let mut catalog = Catalog::new();
    catalog.upsert(LowerName::new(&origin), vec![Arc::new(zone)]);
    Ok(catalog)
}

/// Whether this machine has the IPv6 loopback address. Some containers do not.
fn has_ipv6_loopback() -> bool {
    let adapters = udpair::adapters().unwrap_or_default();
    let mut addresses = adapters.iter().flat_map(|adapter| &adapter.addresses);
    addresses.any(|address| address.ip == IpAddr::V6(Ipv6Addr::LOCALHOST))
}

/// Returns the failure for a part of the environment that cannot be set up.
fn cannot(action: &str, source: impl std::fmt::Display) -> Failure {
    Failure::usage(format!("cannot {action}: {source}"))
}

const TTL_SECONDS: u32 = 60;
