//! What a socket is asked to be: plain values, frozen once it is open.

use std::fmt;
use std::io;
use std::time::Duration;

use udpair_io::{Engine, Socket};

use crate::error::{Error, ErrorKind};
use crate::resolve::Resolver;

/// The options of a socket.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) resolver: Resolver,
    pub(crate) engine: &'static dyn Engine,
    pub(crate) requested: RequestedOptions,
    pub(crate) timestamps: bool,
    pub(crate) busy_poll: Option<Duration>,
    /// Whether the socket is one of several on its port.
    pub(crate) is_in_group: bool,
    pub(crate) multicast_only: bool,
    pub(crate) multicast: Multicast,
}

/// How a socket speaks to multicast groups; `None` leaves it to the system.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Multicast {
    pub(crate) adapter: Option<u32>,
    pub(crate) hops: Option<u8>,
    pub(crate) loopback: Option<bool>,
}

/// What the system is asked to do with a socket's datagrams; `None` leaves it to the system.
#[derive(Clone, Debug)]
pub(crate) struct RequestedOptions {
    pub(crate) inbound_buffer_bytes: Option<u32>,
    pub(crate) send_buffer_bytes: Option<u32>,
    pub(crate) hop_limit: u8,
    pub(crate) dont_fragment: bool,
    pub(crate) quality_of_service: QualityOfService,
    pub(crate) dscp: Option<u8>,
    pub(crate) ecn: Option<Ecn>,
    pub(crate) receive_offload: bool,
}

/// How urgent the datagrams of a socket are.
///
/// # Model
///
/// `SocketQualityOfService`; the numbers are fixed (CTL-11).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum QualityOfService {
    /// As the system treats any datagram.
    #[default]
    Normal = 0,
    /// Marked for expedited forwarding (DSCP 46, RFC 3246) and preferred by the system.
    LowLatency = 1,
}

/// The two bits by which routers tell of congestion instead of dropping (RFC 3168, section 5).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum Ecn {
    /// Not-ECT: routers drop, as they would without the two bits.
    #[default]
    NotCapable = 0,
    /// ECT(1), which low-latency congestion control uses (RFC 9331).
    Capable1 = 1,
    /// ECT(0), which everybody else uses.
    Capable0 = 2,
    /// CE: congestion was met. For routers to say; a sender has no use for it outside of tests.
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
            multicast_only: false,
            multicast: Multicast::default(),
        }
    }
}

impl Settings {
    /// Checks what no system, or not this engine, could do.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.requested.check()?;
        if self.multicast_only && !self.engine.capabilities().local_address {
            let name = self.engine.name();
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("the {name} engine cannot tell what was sent to a group"),
            )
            .with_advice("leave `multicast_only` off, or take another engine"));
        }
        Ok(())
    }

    /// Sets the options on a socket that is not bound yet.
    ///
    /// Most are wishes: where the system refuses, its own choice stays, and the socket can be asked for
    /// it. Whoever says that nothing is to be fragmented relies on it.
    pub(crate) fn apply(&self, socket: &Socket) -> io::Result<()> {
        let wished = &self.requested;
        let mut of_engine = udpair_io::EngineOptions::default();
        of_engine.receive_offload = wished.receive_offload;
        of_engine.timestamps = self.timestamps;
        self.engine.prepare(socket, of_engine)?;
        if self.is_in_group {
            udpair_io::share_port(socket)?;
        }
        if self.multicast_only {
            udpair_io::share_multicast_port(socket)?;
        }
        self.multicast.apply(socket)?;
        if let Some(time) = self.busy_poll {
            // The adapter's share of it, which the system may deny, or its adapter not have.
            let _ = udpair_io::set_busy_poll(socket, time);
        }
        udpair_io::set_dont_fragment(socket, wished.dont_fragment)?;
        let _ = udpair_io::set_hop_limit(socket, wished.hop_limit);
        if let Some(bytes) = wished.inbound_buffer_bytes {
            let _ = udpair_io::set_receive_buffer_bytes(socket, bytes);
        }
        if let Some(bytes) = wished.send_buffer_bytes {
            let _ = udpair_io::set_send_buffer_bytes(socket, bytes);
        }
        if let Some(class) = wished.traffic_class() {
            let _ = udpair_io::set_traffic_class(socket, class);
        }
        // After the class, which sets the priority too.
        if wished.quality_of_service == QualityOfService::LowLatency {
            let _ = udpair_io::set_low_latency(socket);
        }
        Ok(())
    }
}

impl RequestedOptions {
    /// Checks what no system would accept, or would misunderstand (CTL-06, CTL-10).
    fn check(&self) -> Result<(), Error> {
        check_hop_limit(self.hop_limit)?;
        for (what, bytes) in [
            ("inbound buffer", self.inbound_buffer_bytes),
            ("send buffer", self.send_buffer_bytes),
        ] {
            if bytes.is_some_and(|bytes| bytes == 0 || bytes > MAX) {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!("the {what} has 1 to {MAX} bytes"),
                ));
            }
        }
        match self.dscp {
            Some(dscp) if dscp > DSCP_MAX => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("a DSCP is 0 to {DSCP_MAX}, and not {dscp}"),
            )
            .with_advice("leave out the two bits of ECN: a traffic class of 184 is a DSCP of 46")),
            _ => Ok(()),
        }
    }

    /// Returns the code point that datagrams are to have, whoever asks for it.
    pub(crate) fn dscp(&self) -> Option<u8> {
        let of_quality = match self.quality_of_service {
            QualityOfService::Normal => None,
            QualityOfService::LowLatency => Some(EXPEDITED_FORWARDING),
        };
        self.dscp.or(of_quality)
    }

    /// Returns the traffic class that datagrams are to have: code point and ECN.
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
            dont_fragment: false,
            quality_of_service: QualityOfService::Normal,
            dscp: None,
            ecn: None,
            receive_offload: true,
        }
    }
}

impl Multicast {
    fn apply(self, socket: &Socket) -> io::Result<()> {
        if let Some(adapter) = self.adapter {
            udpair_io::set_multicast_adapter(socket, adapter)?;
        }
        if let Some(hops) = self.hops {
            udpair_io::set_multicast_hops(socket, hops)?;
        }
        if let Some(loopback) = self.loopback {
            udpair_io::set_multicast_loopback(socket, loopback)?;
        }
        Ok(())
    }
}

pub(crate) fn check_hop_limit(hops: u8) -> Result<(), Error> {
    if hops == 0 {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "a hop limit of 0 leads nowhere",
        ));
    }
    Ok(())
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("engine", &self.engine.name())
            .field("wished", &self.requested)
            .field("timestamps", &self.timestamps)
            .field("busy_poll", &self.busy_poll)
            .field("is_in_group", &self.is_in_group)
            .field("multicast_only", &self.multicast_only)
            .field("multicast", &self.multicast)
            .field("resolver", &self.resolver)
            .finish()
    }
}

/// The name of RFC 3168: `ECT(0)`.
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

/// ECN has the two low bits of a traffic class, DSCP those above (RFC 3168, section 5).
pub(crate) const ECN_BITS: u32 = 2;

/// The model's default (CTL-08); the system's own is 64.
const HOP_LIMIT: u8 = 128;

/// The systems take buffer sizes as a positive `int`.
const MAX: u32 = i32::MAX.cast_unsigned();

/// The largest number of six bits (RFC 2474, section 3).
const DSCP_MAX: u8 = 63;

/// The code point of RFC 3246, section 2.6.
const EXPEDITED_FORWARDING: u8 = 46;
