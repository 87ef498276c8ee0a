//! A UDP socket: how it is opened, bound and connected. No function here waits.
//!
//! One descriptor serves IPv4 and IPv6 (RFC 3493, section 3.7). Such a dual-stack socket represents
//! IPv4 addresses as IPv4-mapped IPv6 addresses. Those never leave this file and the engines:
//! callers pass and receive plain addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

use once_cell::race::OnceBox;
use socket2::{Domain, Protocol, SockRef, Type};

use crate::adapter::Adapter;
use crate::any_ip::AnyIp;
use crate::arrival::ArrivalFilter;
use crate::batch::{Metadata, Outgoing};
use crate::cause::refused;
use crate::descriptor::Descriptor;
use crate::offload::SendOffload;
use crate::system;

/// The address families that a socket supports.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Family {
    /// IPv4 only.
    Ipv4,
    /// IPv6 only.
    Ipv6,
    /// IPv4 and IPv6, through one descriptor.
    Dual,
}

/// A UDP socket. Never blocks, is not inherited by child processes, and is closed when dropped.
#[derive(Debug)]
pub struct Socket {
    udp: UdpSocket,
    family: Family,
    bound_ipv4: BoundIpv4,
    traffic_class: CachedClass,
    /// What the engine enabled.
    #[allow(dead_code, reason = "only engines with control messages need it")]
    pub(crate) granted: system::Granted,
    rare: OnceBox<Rare>,
}

/// What most sockets never have. Kept apart, so that it costs a socket eight bytes.
#[derive(Debug, Default)]
pub(crate) struct Rare {
    /// What the kernel should not deliver.
    pub(crate) arrival_filter: ArrivalFilter,
    #[allow(dead_code, reason = "only systems that check source addresses need it")]
    pub(crate) any_ip: AnyIp,
    #[allow(dead_code, reason = "only engines that batch need it")]
    pub(crate) send_offload: SendOffload,
}

impl Socket {
    /// Opens an unbound socket.
    ///
    /// It may send to broadcast addresses, and receives only from the multicast groups that it
    /// joined itself (MODEL BND-16, MCG-09).
    ///
    /// # Errors
    ///
    /// The system's own: no free descriptor, or an unsupported family. A machine without IPv6
    /// refuses [`Family::Dual`].
    pub fn open(family: Family) -> io::Result<Self> {
        let socket = Self::bare(family)?;
        system::prepare(&socket)?;
        Ok(socket)
    }

    /// Opens a socket that is connected to `peer`, for one query and its answer. Its packets go
    /// through `adapter`, if one is given.
    ///
    /// The socket has no options for broadcast and multicast, which sockets from
    /// [`open`](Self::open) have. It needs none, because it sends to no group and to no destination
    /// other than `peer`.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open), of [`connect`](Self::connect) and of
    /// [`bind_to_adapter`](crate::bind_to_adapter).
    pub fn for_query(peer: SocketAddr, adapter: Option<&Adapter>) -> io::Result<Self> {
        let socket = Self::bare(Family::of(peer))?;
        if let Some(adapter) = adapter {
            system::bind_to_adapter(&socket.options(), adapter)?;
        }
        // Without it, an absent server is noticed later.
        let _ = system::wake_for_errors(&socket);
        socket.connect(peer)?;
        Ok(socket)
    }

    /// Opens an unbound socket without the standing options of [`open`](Self::open).
    pub(crate) fn bare(family: Family) -> io::Result<Self> {
        let domain = match family {
            Family::Ipv4 => Domain::IPV4,
            Family::Ipv6 | Family::Dual => Domain::IPV6,
        };
        let socket = system::open(domain, Type::DGRAM, Protocol::UDP)?;
        let mut receives_ipv4 = family != Family::Ipv6;
        if family != Family::Ipv4
            && let Err(error) = socket.set_only_v6(family == Family::Ipv6)
            // What is not set may be the default.
            && socket.only_v6().is_ok_and(|is_only| is_only == receives_ipv4)
        {
            if family == Family::Dual {
                return Err(refused("IPV6_V6ONLY")(error));
            }
            receives_ipv4 = true;
        }
        let socket = Self::new(socket.into(), family);
        if family == Family::Ipv6 && receives_ipv4 {
            socket.rare().arrival_filter.refuse_ipv4();
        }
        Ok(socket)
    }

    fn new(udp: UdpSocket, family: Family) -> Self {
        Self {
            udp,
            family,
            bound_ipv4: BoundIpv4::default(),
            traffic_class: CachedClass::default(),
            granted: system::Granted::default(),
            rare: OnceBox::new(),
        }
    }

    /// Returns what most sockets never have, for a change to it.
    pub(crate) fn rare(&self) -> &Rare {
        self.rare.get_or_init(Box::default)
    }

    /// Returns what most sockets never have; `None` if this one never had any.
    #[inline]
    pub(crate) fn rare_if_any(&self) -> Option<&Rare> {
        self.rare.get()
    }

    /// Returns whether a datagram that has arrived is to be delivered.
    #[inline]
    pub(crate) fn admits(&self, metadata: &Metadata) -> bool {
        let filter = self.rare_if_any().map(|rare| &rare.arrival_filter);
        filter.is_none_or(|filter| !filter.is_active() || filter.admits(metadata))
    }

    /// Takes ownership of a bound socket from the standard library, which may be connected.
    ///
    /// The socket becomes non-blocking and gets the standing options of [`open`](Self::open).
    ///
    /// # Errors
    ///
    /// - [`InvalidInput`](io::ErrorKind::InvalidInput): it is not a UDP socket over IPv4 or IPv6. A
    ///   descriptor that comes from another process may be anything.
    /// - The system's own.
    pub fn from_std(udp: UdpSocket) -> io::Result<Self> {
        if !system::is_udp(&SockRef::from(&udp)) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is not a UDP socket over IPv4 or IPv6",
            ));
        }
        udp.set_nonblocking(true)?;
        let family = match udp.local_addr()? {
            SocketAddr::V4(_) => Family::Ipv4,
            SocketAddr::V6(_) if SockRef::from(&udp).only_v6()? => Family::Ipv6,
            SocketAddr::V6(_) => Family::Dual,
        };
        let socket = Self::new(udp, family);
        system::prepare(&socket)?;
        Ok(socket)
    }

    /// Returns the address families that the socket supports.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Returns whether the socket supports IPv4 addresses.
    pub fn supports_ipv4(&self) -> bool {
        self.family != Family::Ipv6
    }

    /// Returns whether the socket supports IPv6 addresses.
    pub fn supports_ipv6(&self) -> bool {
        self.family != Family::Ipv4
    }

    /// Returns whether the socket supports the family of `address`.
    pub fn supports(&self, address: SocketAddr) -> bool {
        match address.ip().to_canonical() {
            IpAddr::V4(_) => self.supports_ipv4(),
            IpAddr::V6(_) => self.supports_ipv6(),
        }
    }

    /// Binds the socket to a local address. With port 0, the system chooses the port.
    ///
    /// # Errors
    ///
    /// The system's own: the address is in use or not an address of this machine, or the port is
    /// below 1024 and the process lacks the privilege.
    pub fn bind(&self, address: SocketAddr) -> io::Result<()> {
        let wire = self.to_wire(address)?.into();
        match self.options().bind(&wire) {
            Err(error)
                if error.kind() == io::ErrorKind::AddrNotAvailable
                    && system::allow_bind(self, address) =>
            {
                self.options().bind(&wire)?;
            }
            result => result?,
        }
        self.bound_ipv4.forget();
        Ok(())
    }

    /// Connects the socket to its peer. An unbound socket is bound to a port that the system
    /// chooses. No packet is sent.
    ///
    /// # Errors
    ///
    /// The system's own: no route, or a family that the socket does not support.
    pub fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        self.options().connect(&self.to_wire(peer)?.into())?;
        self.bound_ipv4.forget();
        Ok(())
    }

    /// Returns the local address that the socket is bound to.
    ///
    /// # Errors
    ///
    /// The system's own.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.udp.local_addr().map(plain)
    }

    /// Returns the IPv4 address that the socket's datagrams leave from because it is bound to that
    /// address or connected; `None` if the system chooses an address for each datagram.
    ///
    /// The system is asked once, and again after [`bind`](Self::bind) and
    /// [`connect`](Self::connect).
    #[allow(dead_code, reason = "only engines that choose sources need it")]
    pub(crate) fn bound_ipv4(&self) -> Option<Ipv4Addr> {
        self.bound_ipv4.get_or_ask(|| self.local_addr().ok())
    }

    /// Returns the traffic class of datagrams for which no other is chosen.
    ///
    /// The system is asked once, and again after [`set_traffic_class`](crate::set_traffic_class).
    #[allow(dead_code, reason = "only engines that choose headers need it")]
    pub(crate) fn traffic_class(&self) -> u8 {
        self.traffic_class
            .get_or_ask(|| system::traffic_class(self).ok())
    }

    /// Makes the system be asked again for the traffic class, which has changed.
    pub(crate) fn forget_traffic_class(&self) {
        self.traffic_class.forget();
    }

    /// Returns the peer's address.
    ///
    /// # Errors
    ///
    /// The system's own: the socket is not connected.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.udp.peer_addr().map(plain)
    }

    /// Returns the sender address, zone included, that the kernel reports for datagrams of the
    /// peer. The socket was connected to that peer as `peer`.
    ///
    /// This asks the kernel only where the kernel may report a different address. A program that
    /// rewrites addresses at connect(2) (BPF programs of a control group do) must translate sender
    /// addresses back. Every application that compares a sender with the address it sent to relies
    /// on that.
    pub fn peer_as_reported(&self, peer: SocketAddr) -> SocketAddr {
        let ip = peer.ip().to_canonical();
        if ip.is_ipv4() && !ip.is_unspecified() {
            return SocketAddr::new(ip, peer.port());
        }
        self.peer_addr().unwrap_or(peer)
    }

    /// Returns another descriptor of the same socket.
    ///
    /// # Errors
    ///
    /// The system's own: no free descriptor.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self::new(self.udp.try_clone()?, self.family))
    }

    /// Returns another descriptor of the same socket as a standard library socket.
    ///
    /// # Errors
    ///
    /// The system's own: no free descriptor.
    pub fn try_clone_std(&self) -> io::Result<UdpSocket> {
        self.udp.try_clone()
    }

    /// Returns another descriptor of the same socket, for code that needs one.
    ///
    /// # Errors
    ///
    /// The system's own: no free descriptor.
    pub fn descriptor(&self) -> io::Result<Descriptor> {
        self.udp.try_clone().map(Descriptor::new)
    }

    /// Returns the socket as one of the standard library. It stays non-blocking, bound and
    /// connected, and keeps its groups and options, except those that only an engine understands:
    /// received datagrams are not coalesced any more, and the errors that the network sends back
    /// are not queued.
    ///
    /// If the kernel was allowed to coalesce datagrams, it may have put several into one buffer,
    /// which only an engine can tell apart. So those that have arrived are dropped. Receive them
    /// before.
    pub fn into_std(self) -> UdpSocket {
        let coalesces = system::receive_offload(&self);
        system::stop_engine(&self);
        if coalesces {
            self.drop_arrived();
        }
        self.udp
    }

    /// Drops the datagrams that have arrived, but not endlessly where others arrive all the time: as
    /// many as the receive buffer can hold.
    fn drop_arrived(&self) {
        /// Less than the kernel's bookkeeping for one buffer.
        const LEAST_BYTES: usize = 256;
        let bytes = self.options().recv_buffer_size().unwrap_or(0);
        for _ in 0..=bytes / LEAST_BYTES {
            match self.udp.recv(&mut []) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                _ => {}
            }
        }
    }

    /// Returns a `socket2` view of the socket, for setting and reading options.
    pub(crate) fn options(&self) -> SockRef<'_> {
        SockRef::from(&self.udp)
    }

    /// Receives one datagram.
    pub(crate) fn receive_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (length, from) = self.udp.recv_from(buffer)?;
        Ok((length, plain(from)))
    }

    /// Sends one datagram. The system chooses the local address and the adapter.
    pub(crate) fn send(&self, outgoing: Outgoing<'_>) -> io::Result<()> {
        match outgoing.to {
            None => self.udp.send(outgoing.payload)?,
            Some(to) if to.source.is_any() && to.header.is_any() => self
                .udp
                .send_to(outgoing.payload, self.to_wire(to.address)?)?,
            Some(_) => {
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    "this engine cannot choose the source address, the adapter or the header of a \
                     datagram",
                ));
            }
        };
        Ok(())
    }

    /// Returns `address` in the form that this socket's family uses.
    pub(crate) fn to_wire(&self, address: SocketAddr) -> io::Result<SocketAddr> {
        let (ip, port) = (address.ip().to_canonical(), address.port());
        match (self.family, ip) {
            (Family::Ipv4, IpAddr::V4(_)) => Ok(SocketAddr::new(ip, port)),
            (Family::Dual, IpAddr::V4(ip)) => Ok(SocketAddr::new(ip.to_ipv6_mapped().into(), port)),
            (Family::Ipv6 | Family::Dual, IpAddr::V6(_)) => Ok(address),
            (Family::Ipv4, IpAddr::V6(_)) | (Family::Ipv6, IpAddr::V4(_)) => {
                Err(system::family_not_supported())
            }
        }
    }
}

/// The IPv4 address that a socket is bound to, once it is known.
#[derive(Debug, Default)]
struct BoundIpv4(AtomicU64);

impl BoundIpv4 {
    /// Returns the address. The first call takes it from `ask`, which returns the local address of
    /// the socket.
    fn get_or_ask(&self, ask: impl FnOnce() -> Option<SocketAddr>) -> Option<Ipv4Addr> {
        let known = self.0.load(Ordering::Relaxed);
        let address = if known & Self::IS_KNOWN != 0 {
            // The upper half holds the mark.
            Ipv4Addr::from_bits(known as u32)
        } else {
            let local = ask()?;
            let address = match local.ip() {
                IpAddr::V4(ip) if is_source(ip) => ip,
                _ => Ipv4Addr::UNSPECIFIED,
            };
            // A socket without a port may still be bound.
            if local.port() != 0 {
                let known = Self::IS_KNOWN | u64::from(address.to_bits());
                self.0.store(known, Ordering::Relaxed);
            }
            address
        };
        (!address.is_unspecified()).then_some(address)
    }

    fn forget(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    const IS_KNOWN: u64 = 1 << 32;
}

/// The traffic class of a socket, once it is known.
#[derive(Debug, Default)]
struct CachedClass(AtomicU16);

impl CachedClass {
    /// Returns the class. The first call takes it from `ask`.
    fn get_or_ask(&self, ask: impl FnOnce() -> Option<u8>) -> u8 {
        // The upper half holds the mark.
        let [mark, class] = self.0.load(Ordering::Relaxed).to_be_bytes();
        if mark != 0 {
            return class;
        }
        let Some(class) = ask() else { return 0 };
        let known = u16::from_be_bytes([1, class]);
        self.0.store(known, Ordering::Relaxed);
        class
    }

    fn forget(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// Returns whether a datagram can be sent from an address. A socket can also be bound to the
/// address of a group.
fn is_source(ip: Ipv4Addr) -> bool {
    !ip.is_multicast() && !ip.is_broadcast()
}

#[cfg(unix)]
impl std::os::fd::AsFd for Socket {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.udp.as_fd()
    }
}

#[cfg(unix)]
impl std::os::fd::AsRawFd for Socket {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.udp.as_raw_fd()
    }
}

#[cfg(windows)]
impl std::os::windows::io::AsSocket for Socket {
    fn as_socket(&self) -> std::os::windows::io::BorrowedSocket<'_> {
        self.udp.as_socket()
    }
}

#[cfg(windows)]
impl std::os::windows::io::AsRawSocket for Socket {
    fn as_raw_socket(&self) -> std::os::windows::io::RawSocket {
        self.udp.as_raw_socket()
    }
}

/// Returns `address` as a plain address: not IPv4-mapped, and without a flow label, which does not
/// identify an endpoint.
pub(crate) fn plain(address: SocketAddr) -> SocketAddr {
    let SocketAddr::V6(v6) = address else {
        return address;
    };
    match v6.ip().to_ipv4_mapped() {
        Some(ip) => SocketAddr::new(ip.into(), v6.port()),
        None => SocketAddrV6::new(*v6.ip(), v6.port(), 0, v6.scope_id()).into(),
    }
}

/// Opens a TCP socket for one query to `peer` and its answer, without connecting it. Never blocks.
///
/// The socket's packets go through `adapter`, if one is given.
///
/// # Errors
///
/// The system's own, and those of [`bind_to_adapter`](crate::bind_to_adapter).
pub fn stream_for_query(peer: SocketAddr, adapter: Option<&Adapter>) -> io::Result<TcpStream> {
    let socket = system::open(Domain::for_address(peer), Type::STREAM, Protocol::TCP)?;
    if let Some(adapter) = adapter {
        system::bind_to_adapter(&SockRef::from(&socket), adapter)?;
    }
    Ok(socket.into())
}

impl Family {
    /// Returns the family of `address`.
    pub fn of(address: SocketAddr) -> Self {
        match address.ip().to_canonical() {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }

    /// Returns the address that stands for every local address of this family.
    pub fn wildcard(self) -> IpAddr {
        match self {
            Self::Ipv4 => Ipv4Addr::UNSPECIFIED.into(),
            Self::Ipv6 | Self::Dual => Ipv6Addr::UNSPECIFIED.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dual_stack_socket_takes_and_returns_plain_ipv4_addresses() {
        let dual = Socket::open(Family::Dual).unwrap();
        let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = peer.local_addr().unwrap();

        dual.connect(to).unwrap();

        assert_eq!(dual.peer_addr().unwrap(), to);
        assert_eq!(
            dual.local_addr().unwrap().ip(),
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        );
    }

    #[test]
    fn a_socket_refuses_addresses_of_a_family_that_it_does_not_support() {
        let ipv4 = Socket::open(Family::Ipv4).unwrap();
        let error = ipv4.connect("[::1]:9".parse().unwrap()).unwrap_err();
        assert_eq!(
            crate::Cause::of(&error),
            crate::Cause::FamilyNotSupported,
            "{error}"
        );
    }
}
