//! The settings of a socket: plain values. Most are frozen once the socket is open.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use udpair_io::{Adapter, Engine, Fragmentation, Socket};

use crate::error::{Error, ErrorKind};
use crate::resolve::{AddressFamily, Resolver};

/// The settings of a socket, as its builder made them.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) resolver: Resolver,
    pub(crate) engine: &'static dyn Engine,
    pub(crate) requested: RequestedOptions,
    pub(crate) timestamps: bool,
    pub(crate) busy_poll: Option<Duration>,
    /// Whether the socket shares its port with the other sockets of a group.
    pub(crate) is_in_group: bool,
    /// Whether the socket shares its port with whatever sockets do.
    pub(crate) shares_port: bool,
    pub(crate) ipv6_only: bool,
    pub(crate) multicast_only: bool,
    /// Whether the unspecified address is refused as a destination; otherwise it means loopback.
    pub(crate) refuses_unspecified: bool,
    pub(crate) multicast: Multicast,
    pub(crate) peer_errors: PeerErrors,
    pub(crate) before_bind: Option<Arc<BeforeBind>>,
}

/// What an application does to each descriptor of its sockets before it is bound.
pub(crate) type BeforeBind = dyn Fn(&Socket) -> io::Result<()> + Send + Sync;

/// Where the errors that the network sends back are heard: a closed port, an unreachable host.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum PeerErrors {
    /// They are events beside the messages, for [`next_event`](crate::DatagramSocket::next_event).
    /// Whoever only receives messages waits on.
    #[default]
    AreEvents,
    /// Each makes one receive fail, as on a connected socket of the standard library:
    /// [`recv`](crate::DatagramSocket::recv) and all other ways to receive messages. The next call
    /// receives again. [`next_event`](crate::DatagramSocket::next_event) still returns those that
    /// it is first to take.
    FailRecv,
}

/// The options for sending to multicast groups; `None` leaves the choice to the system.
#[derive(Clone, Debug, Default)]
pub(crate) struct Multicast {
    pub(crate) adapter: Option<Arc<Adapter>>,
    pub(crate) hops: Option<u8>,
    pub(crate) loopback: Option<bool>,
}

/// The options that are requested from the system; `None` leaves the choice to the system.
#[derive(Clone, Debug)]
pub(crate) struct RequestedOptions {
    pub(crate) inbound_buffer_bytes: Option<u32>,
    pub(crate) send_buffer_bytes: Option<u32>,
    pub(crate) hop_limit: u8,
    pub(crate) fragmentation: Fragmentation,
    pub(crate) quality_of_service: QualityOfService,
    pub(crate) dscp: Option<u8>,
    pub(crate) ecn: Option<Ecn>,
    pub(crate) receive_offload: bool,
    pub(crate) metadata: bool,
}

/// The quality of service of a socket's datagrams: how urgent they are.
///
/// # Model
///
/// `SocketQualityOfService`. The numeric values are fixed (CTL-11).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum QualityOfService {
    /// The datagrams are treated like any others.
    #[default]
    Normal = 0,
    /// The datagrams are marked for expedited forwarding (DSCP 46, RFC 3246) and preferred by the
    /// system.
    LowLatency = 1,
}

/// A mark for explicit congestion notification: two bits with which routers report congestion
/// instead of dropping packets (RFC 3168, section 5).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum Ecn {
    /// Not-ECT: routers drop packets on congestion, as without ECN.
    #[default]
    NotCapable = 0,
    /// ECT(1), which low-latency congestion control uses (RFC 9331).
    Capable1 = 1,
    /// ECT(0), which all other congestion control uses.
    Capable0 = 2,
    /// CE: the packet met congestion. Routers set this mark; a sender needs it only in tests.
    Congested = 3,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            resolver: Resolver::system(),
            engine: udpair_io::engines()
                .first()
                .copied()
                .unwrap_or(udpair_io::portable_engine()),
            requested: RequestedOptions::default(),
            timestamps: false,
            busy_poll: None,
            is_in_group: false,
            shares_port: false,
            ipv6_only: false,
            peer_errors: PeerErrors::default(),
            multicast_only: false,
            refuses_unspecified: false,
            multicast: Multicast::default(),
            before_bind: None,
        }
    }
}

impl Settings {
    /// Checks for values that no system accepts, and for options that the engine does not support.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.requested.check()?;
        if self.ipv6_only && self.resolver.family() == Some(AddressFamily::Ipv4) {
            let message = "the socket is for IPv6 only, and its resolver for IPv4 only";
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        if self.multicast_only && !self.engine.capabilities().local_address {
            let name = self.engine.name();
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("the {name} engine does not report which datagrams were sent to a group"),
            )
            .with_advice("leave `multicast_only` off, or use another engine"));
        }
        Ok(())
    }

    /// Returns these settings with the resolver that they imply: a socket for IPv6 only needs no
    /// other addresses.
    pub(crate) fn with_implied_resolver(self: &Arc<Self>) -> Arc<Self> {
        let family = self.ipv6_only.then_some(AddressFamily::Ipv6);
        match family {
            Some(family) if self.resolver.family() != Some(family) => Arc::new(Self {
                resolver: self.resolver.limited_to(family),
                ..Self::clone(self)
            }),
            _ => self.clone(),
        }
    }

    /// Lets other sockets with the same settings bind to the port of `socket`, if the settings say
    /// so.
    ///
    /// Call this before the socket is bound to a given port, which others may already share, and
    /// after it is bound to a port of the system's choice: otherwise the system may choose a port
    /// that others share.
    pub(crate) fn share_port(&self, socket: &Socket) -> io::Result<()> {
        if self.is_in_group {
            udpair_io::share_port(socket)?;
        }
        if self.multicast_only || self.shares_port {
            udpair_io::share_multicast_port(socket)?;
        }
        Ok(())
    }

    /// Does what else lets a socket share a port that is in use, and returns whether there was
    /// anything: the other sockets may share theirs in the way of a group only.
    pub(crate) fn share_port_as_group(&self, socket: &Socket) -> bool {
        self.shares_port && !self.is_in_group && udpair_io::share_port(socket).is_ok()
    }

    /// Sets the options on a socket that is not bound yet. [`share_port`](Self::share_port) is
    /// separate.
    ///
    /// Most of them are requests: if the system refuses one, its own choice stays, and the socket's
    /// options report or its capabilities show it. A caller relies on some that it sets:
    /// `fragmentation`, `multicast_only` and what is set for sending to groups. If the system
    /// refuses one of these, the error names the option.
    pub(crate) fn apply(&self, socket: &Socket) -> io::Result<()> {
        let requested = &self.requested;
        self.apply_engine(socket)?;
        if self.multicast_only && !self.engine.capabilities_of(socket).local_address {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "the system refused the option IP_PKTINFO or IPV6_RECVPKTINFO, which says what was \
                 sent to a group",
            ));
        }
        self.multicast.apply(socket, &self.resolver)?;
        if let Some(time) = self.busy_poll {
            // Busy polling in the adapter's driver. The system may deny it, and not every driver
            // supports it.
            let _ = udpair_io::set_busy_poll(socket, time);
        }
        match udpair_io::set_fragmentation(socket, requested.fragmentation) {
            Err(error) if requested.fragmentation.is_off() => return Err(error),
            _ => {}
        }
        requested.apply_changeable(socket);
        Ok(())
    }

    /// Lets the application do what it wants to a descriptor that is not bound yet. The caller holds
    /// no lock.
    pub(crate) fn prepare_by_application(&self, socket: &Socket) -> Result<(), Error> {
        let Some(before_bind) = &self.before_bind else {
            return Ok(());
        };
        before_bind(socket).map_err(|error| {
            let message = "cannot prepare a socket: the function given to `before_bind` failed";
            Error::system(message, error)
        })
    }

    /// Sets the options that the engine works with.
    pub(crate) fn apply_engine(&self, socket: &Socket) -> io::Result<()> {
        let mut engine_options = udpair_io::EngineOptions::default();
        engine_options.receive_offload = self.requested.receive_offload;
        engine_options.timestamps = self.timestamps;
        // Only the address that a datagram was sent to tells whether it was sent to a group.
        engine_options.without_metadata = !self.requested.metadata && !self.multicast_only;
        self.engine.prepare(socket, engine_options)
    }

    /// Sets the options that may have been set while the socket was being opened or reopened with
    /// other settings.
    pub(crate) fn apply_changeable(&self, socket: &Socket) {
        self.requested.apply_changeable(socket);
        // A setter has checked these, or the builder has set the same before.
        if let Some(adapter) = &self.multicast.adapter {
            let _ = udpair_io::set_multicast_adapter(socket, adapter.index);
        }
        let _ = self.multicast.apply_numbers(socket);
    }
}

impl RequestedOptions {
    /// Sets the options that can be set at any time. If the system refuses one, its own choice
    /// stays.
    pub(crate) fn apply_changeable(&self, socket: &Socket) {
        let _ = udpair_io::set_hop_limit(socket, self.hop_limit);
        if let Some(bytes) = self.inbound_buffer_bytes {
            let _ = udpair_io::set_receive_buffer_bytes(socket, bytes);
        }
        if let Some(bytes) = self.send_buffer_bytes {
            let _ = udpair_io::set_send_buffer_bytes(socket, bytes);
        }
        if let Some(class) = self.traffic_class() {
            let _ = udpair_io::set_traffic_class(socket, class);
        }
        // Set after the traffic class, which also sets the priority.
        if self.quality_of_service == QualityOfService::LowLatency {
            let _ = udpair_io::set_low_latency(socket);
        }
    }

    /// Checks for values that no system accepts or that a system would misinterpret (CTL-06,
    /// CTL-10).
    fn check(&self) -> Result<(), Error> {
        check_hop_limit(self.hop_limit)?;
        for (what, bytes) in [
            ("inbound buffer", self.inbound_buffer_bytes),
            ("send buffer", self.send_buffer_bytes),
        ] {
            if bytes.is_some_and(|bytes| bytes == 0 || bytes > BUFFER_BYTES_MAX) {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!("the size of the {what} must be 1 to {BUFFER_BYTES_MAX} bytes"),
                ));
            }
        }
        match self.dscp {
            Some(dscp) if dscp > DSCP_MAX => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("a DSCP must be 0 to {DSCP_MAX}, not {dscp}"),
            )
            .with_advice("leave out the two ECN bits: traffic class 184 is DSCP 46")),
            _ => Ok(()),
        }
    }

    /// Returns the requested code point, be it set directly or implied by the quality of service.
    pub(crate) fn dscp(&self) -> Option<u8> {
        let implied = match self.quality_of_service {
            QualityOfService::Normal => None,
            QualityOfService::LowLatency => Some(EXPEDITED_FORWARDING),
        };
        self.dscp.or(implied)
    }

    /// Returns the requested traffic class: code point and ECN mark.
    pub(crate) fn traffic_class(&self) -> Option<u8> {
        let dscp = self.dscp();
        if dscp.is_none() && self.ecn.is_none() {
            return None;
        }
        Some((dscp.unwrap_or(0) << ECN_BITS) | self.ecn.unwrap_or_default() as u8)
    }
}

impl Default for RequestedOptions {
    fn default() -> Self {
        Self {
            inbound_buffer_bytes: None,
            send_buffer_bytes: None,
            hop_limit: HOP_LIMIT,
            fragmentation: Fragmentation::default(),
            quality_of_service: QualityOfService::Normal,
            dscp: None,
            ecn: None,
            receive_offload: true,
            metadata: true,
        }
    }
}

impl Multicast {
    fn apply(&self, socket: &Socket, resolver: &Resolver) -> io::Result<()> {
        if let Some(adapter) = &self.adapter {
            on_present(adapter, resolver, |adapter| {
                udpair_io::set_multicast_adapter(socket, adapter.index)
            })?;
        }
        self.apply_numbers(socket)
    }

    /// Sets the options other than the adapter.
    fn apply_numbers(&self, socket: &Socket) -> io::Result<()> {
        if let Some(hops) = self.hops {
            udpair_io::set_multicast_hops(socket, hops)?;
        }
        if let Some(loopback) = self.loopback {
            udpair_io::set_multicast_loopback(socket, loopback)?;
        }
        Ok(())
    }
}

/// Calls `action` with an adapter; if that fails because the adapter was removed and added again
/// since it was described, with its present description.
pub(crate) fn on_present(
    adapter: &Adapter,
    resolver: &Resolver,
    action: impl Fn(&Adapter) -> io::Result<()>,
) -> io::Result<()> {
    let Err(error) = action(adapter) else {
        return Ok(());
    };
    let adapters = resolver.list_adapters().unwrap_or_default();
    let present = adapters.iter().find(|present| present.id == adapter.id);
    match present {
        Some(present) if present.index != adapter.index => action(present),
        _ => Err(error),
    }
}

/// Checks that a hop limit is not 0.
fn check_hop_limit(hops: u8) -> Result<(), Error> {
    if hops == 0 {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "the hop limit must not be 0",
        ));
    }
    Ok(())
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("engine", &self.engine.name())
            .field("requested", &self.requested)
            .field("timestamps", &self.timestamps)
            .field("busy_poll", &self.busy_poll)
            .field("is_in_group", &self.is_in_group)
            .field("shares_port", &self.shares_port)
            .field("ipv6_only", &self.ipv6_only)
            .field("multicast_only", &self.multicast_only)
            .field("multicast", &self.multicast)
            .field("has_before_bind", &self.before_bind.is_some())
            .field("resolver", &self.resolver)
            .finish()
    }
}

/// Displays the name that RFC 3168 gives the mark: `ECT(0)`.
impl fmt::Display for Ecn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NotCapable => "Not-ECT",
            Self::Capable1 => "ECT(1)",
            Self::Capable0 => "ECT(0)",
            Self::Congested => "CE",
        })
    }
}

/// The number of ECN bits. They are the low bits of a traffic class; the DSCP is in the bits above
/// (RFC 3168, section 5).
pub(crate) const ECN_BITS: u32 = 2;

/// The model's default (CTL-08); the system's own is 64.
const HOP_LIMIT: u8 = 128;

/// The maximum buffer size: system calls take it as a positive `int`.
const BUFFER_BYTES_MAX: u32 = i32::MAX.cast_unsigned();

/// The maximum of a six-bit number (RFC 2474, section 3).
const DSCP_MAX: u8 = 63;

/// The code point of RFC 3246, section 2.6.
const EXPEDITED_FORWARDING: u8 = 46;
