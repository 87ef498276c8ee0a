//! The event of a received datagram.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use udpair::{DatagramSocket, Message};

/// A received datagram, and what is known about it.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    /// When the system received it, by the system's clock.
    pub(crate) time: SystemTime,
    pub(crate) remote: SocketAddr,
    /// The address of this machine that received it; `None` if the system does not report it. This
    /// applies to the next three fields too.
    pub(crate) local: Option<SocketAddr>,
    /// Where it was sent to: `local`, or the address of a group or of a broadcast.
    pub(crate) destination: Option<SocketAddr>,
    /// The name of the adapter on which it arrived.
    pub(crate) adapter: Option<Rc<str>>,
    pub(crate) hop_limit: Option<u8>,
    /// The time since the request that it replies to; `None` if it replies to none.
    pub(crate) rtt: Option<Duration>,
    pub(crate) payload: &'a [u8],
}

/// The names and addresses of adapters that datagrams arrive on.
///
/// They are looked up once in a while and not for each datagram. Names hardly ever change.
#[derive(Debug, Default)]
pub(crate) struct Arrivals(RefCell<Known>);

#[derive(Debug, Default)]
struct Known {
    since: Option<Instant>,
    names: HashMap<u32, Rc<str>>,
    /// The addresses that received datagrams to groups, by adapter and group.
    locals: HashMap<(u32, IpAddr), Option<IpAddr>>,
}

impl Arrivals {
    /// Describes a datagram that `socket`, bound to `bound`, has received.
    pub(crate) fn received<'a>(
        &self,
        message: &'a Message,
        bound: Option<SocketAddr>,
        rtt: Option<Duration>,
    ) -> Received<'a> {
        let metadata = message.metadata();
        let mut known = self.0.borrow_mut();
        known.refresh();
        let local = match (metadata.local, metadata.to, metadata.adapter) {
            (None, Some(to), Some(adapter)) => *known
                .locals
                .entry((adapter, to))
                .or_insert_with(|| message.local()),
            (local, ..) => local,
        };
        let bound_ip = bound.map(|bound| bound.ip());
        let destination = metadata
            .to
            .or(local)
            .or(bound_ip.filter(|ip| !ip.is_unspecified()));
        let endpoint = |ip: Option<IpAddr>| {
            let (ip, bound) = (ip?, bound?);
            Some(with_zone(ip, bound.port(), metadata.adapter))
        };
        Received {
            time: metadata.timestamp.unwrap_or_else(SystemTime::now),
            remote: metadata.remote,
            local: endpoint(local.or(bound_ip)),
            destination: endpoint(destination),
            adapter: metadata.adapter.and_then(|index| known.name(index)),
            hop_limit: metadata.hop_limit,
            rtt,
            payload: message.payload(),
        }
    }

    /// Describes a datagram that `socket` has received.
    pub(crate) fn of_socket<'a>(
        &self,
        socket: &DatagramSocket,
        message: &'a Message,
        rtt: Option<Duration>,
    ) -> Received<'a> {
        self.received(message, socket.local_addr(), rtt)
    }
}

impl Known {
    /// Forgets what was looked up long ago.
    fn refresh(&mut self) {
        if self.since.is_none_or(|since| since.elapsed() > KNOWN_FOR) {
            self.names.clear();
            self.locals.clear();
            self.since = Some(Instant::now());
        }
    }

    fn name(&mut self, index: u32) -> Option<Rc<str>> {
        if self.names.is_empty() {
            let adapters = udpair::adapters().unwrap_or_default().into_iter();
            let names = adapters.map(|adapter| (adapter.index, adapter.name.into()));
            self.names.extend(names);
        }
        self.names.get(&index).cloned()
    }
}

/// Returns an endpoint of this machine, with its zone if it is link-local.
fn with_zone(ip: IpAddr, port: u16, adapter: Option<u32>) -> SocketAddr {
    match (ip, adapter) {
        (IpAddr::V6(ip), Some(adapter)) if is_link_local(ip) => {
            SocketAddrV6::new(ip, port, 0, adapter).into()
        }
        _ => SocketAddr::new(ip, port),
    }
}

/// Whether an address or group means something on one link only (RFC 4291, section 2.7).
fn is_link_local(ip: std::net::Ipv6Addr) -> bool {
    ip.is_unicast_link_local() || (ip.is_multicast() && matches!(ip.octets()[1] & 0x0f, 1 | 2))
}

/// How long names are used before they are looked up again.
const KNOWN_FOR: Duration = Duration::from_secs(1);
