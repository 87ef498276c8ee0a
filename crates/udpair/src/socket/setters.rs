//! Options of a socket that exists already.
//!
//! Most can be set at any time, and apply to what is sent from then on. A few decide how a
//! descriptor is opened, and are frozen with the first bind, connect or write. The table in
//! `lifecycle` knows both kinds. `options` reports what the system has granted.

use std::sync::Arc;

use udpair_io::{Adapter, Fragmentation, Socket, tools};

use super::lifecycle::Operation;
use super::open::bind::multicast_owner;
use super::settings::{Ecn, QualityOfService, Settings};
use super::{DatagramSocket, follower};
use crate::error::{Error, ErrorKind};

/// Setters of options. Each sets what the method of [`Builder`](super::Builder) with its name sets.
///
/// An option that can be set at any time applies to what is sent, or received, from then on. Other
/// tasks may send meanwhile: each datagram has the old value or the new one.
impl DatagramSocket {
    /// Sets the hop limit (IPv4: TTL) of unicast datagrams sent from now on. Default: 128.
    ///
    /// # Errors
    ///
    /// - [`InvalidArgument`](ErrorKind::InvalidArgument): `hops` is 0, with which no datagram would
    ///   arrive.
    /// - [`Closed`](ErrorKind::Closed): the socket was closed.
    ///
    /// # Model
    ///
    /// `OutboundUnicastHopLimit` (CTL-08 to CTL-10). If the system refuses the value, the call has
    /// no effect.
    pub fn set_hop_limit(&self, hops: u8) -> Result<(), Error> {
        self.request("set the hop limit", |settings| {
            settings.requested.hop_limit = hops;
        })
    }

    /// Sets the size of the kernel's receive buffer, in bytes; see
    /// [`Builder::inbound_buffer_bytes`](super::Builder::inbound_buffer_bytes).
    ///
    /// Datagrams that are in the buffer stay there, also if it becomes smaller.
    ///
    /// # Errors
    ///
    /// - [`InvalidArgument`](ErrorKind::InvalidArgument): `bytes` is 0 or above 2³¹ - 1.
    /// - [`Closed`](ErrorKind::Closed): the socket was closed.
    ///
    /// # Model
    ///
    /// `InboundBufferSizeInBytes` (CTL-05 to CTL-07), which is frozen there once the socket is open
    /// (CTL-13); systems allow more. If the system grants less, the call succeeds, and
    /// [`options`](Self::options) says what it granted.
    pub fn set_inbound_buffer_bytes(&self, bytes: u32) -> Result<(), Error> {
        self.request("set the size of the inbound buffer", |settings| {
            settings.requested.inbound_buffer_bytes = Some(bytes);
        })
    }

    /// Sets the size of the kernel's send buffer, in bytes; see
    /// [`Builder::send_buffer_bytes`](super::Builder::send_buffer_bytes).
    ///
    /// Datagrams that are in the buffer are sent, also if it becomes smaller.
    ///
    /// # Errors
    ///
    /// Those of [`set_inbound_buffer_bytes`](Self::set_inbound_buffer_bytes).
    pub fn set_send_buffer_bytes(&self, bytes: u32) -> Result<(), Error> {
        self.request("set the size of the send buffer", |settings| {
            settings.requested.send_buffer_bytes = Some(bytes);
        })
    }

    /// Sets the differentiated services code point (DSCP) of datagrams sent from now on, 0 to 63;
    /// see [`Builder::dscp`](super::Builder::dscp). The ECN mark stays as it is.
    ///
    /// # Errors
    ///
    /// - [`InvalidArgument`](ErrorKind::InvalidArgument): `dscp` is above 63.
    /// - [`Closed`](ErrorKind::Closed): the socket was closed.
    ///
    /// If the system refuses the mark, the call succeeds, and [`options`](Self::options) says so.
    pub fn set_dscp(&self, dscp: u8) -> Result<(), Error> {
        self.request("set the code point", |settings| {
            settings.requested.dscp = Some(dscp);
        })
    }

    /// Sets the mark for explicit congestion notification of datagrams sent from now on; see
    /// [`Builder::ecn`](super::Builder::ecn). The code point stays as it is.
    ///
    /// # Errors
    ///
    /// [`Closed`](ErrorKind::Closed): the socket was closed. If the system refuses the mark, the
    /// call succeeds, and [`options`](Self::options) says so.
    pub fn set_ecn(&self, ecn: Ecn) -> Result<(), Error> {
        self.request("set the ECN mark", |settings| {
            settings.requested.ecn = Some(ecn);
        })
    }

    /// Sets the hop limit (IPv4: TTL) of datagrams to multicast groups sent from now on, 0 to 255;
    /// see [`Builder::multicast_hops`](super::Builder::multicast_hops).
    ///
    /// # Errors
    ///
    /// - [`Unsupported`](ErrorKind::Unsupported), [`Io`](ErrorKind::Io): the system refused; the
    ///   option is as before.
    /// - [`Closed`](ErrorKind::Closed): the socket was closed.
    pub fn set_multicast_hops(&self, hops: u8) -> Result<(), Error> {
        let action = "set the hop limit of multicast";
        self.shared().change(
            action,
            Operation::SetOption,
            |settings| settings.multicast.hops = Some(hops),
            |_, socket| udpair_io::set_multicast_hops(socket, hops),
        )
    }

    /// Sets whether the members of a group on this machine receive the datagrams that this socket
    /// sends to the group from now on; see
    /// [`Builder::multicast_loopback`](super::Builder::multicast_loopback).
    ///
    /// # Errors
    ///
    /// Those of [`set_multicast_hops`](Self::set_multicast_hops).
    pub fn set_multicast_loopback(&self, loopback: bool) -> Result<(), Error> {
        let action = "set the loopback of multicast";
        self.shared().change(
            action,
            Operation::SetOption,
            |settings| settings.multicast.loopback = Some(loopback),
            |_, socket| udpair_io::set_multicast_loopback(socket, loopback),
        )
    }

    /// Sets the adapter (network interface) through which datagrams to multicast groups are sent
    /// from now on, `&adapter` or `None`; see
    /// [`Builder::multicast_adapter`](super::Builder::multicast_adapter). `None` restores the
    /// default: the adapter of the socket's address, otherwise the routing table's choice (MCG-11).
    ///
    /// If the adapter is removed and comes back, the socket sends through it again (MCG-07).
    ///
    /// # Errors
    ///
    /// - [`AddressNotAvailable`](ErrorKind::AddressNotAvailable): the adapter does not exist, or
    ///   the socket is bound to another one (BND-06).
    /// - Those of [`set_multicast_hops`](Self::set_multicast_hops).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let group = std::net::SocketAddr::from(([239, 1, 2, 3], 5000));
    /// let socket = udpair::DatagramSocket::builder().bind(":5000").await?;
    /// let group = std::net::SocketAddr::from(([239, 1, 2, 3], 5000));
    /// for name in ["eth0", "eth1"] {
    ///     socket.set_multicast_adapter(&udpair::adapter(name)?)?;
    ///     socket.send_to(b"hello", group).await?;
    /// }
    /// socket.set_multicast_adapter(None)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_multicast_adapter<'a>(
        &self,
        adapter: impl Into<Option<&'a Adapter>>,
    ) -> Result<(), Error> {
        let action = "set the adapter of multicast";
        let shared = self.shared();
        let chosen = match adapter.into() {
            Some(adapter) => Some(Arc::new(self.present(adapter, action)?)),
            None => None,
        };
        // Looked up before the change, which must not call code of the resolver's builder.
        let index = match (&chosen, shared.local_addr()) {
            (Some(adapter), _) => adapter.index,
            (None, Some(local)) => multicast_owner(&shared.settings, local).unwrap_or(0),
            (None, None) => 0,
        };
        shared.change(
            action,
            Operation::SetOption,
            |settings| settings.multicast.adapter = chosen,
            |_, socket| udpair_io::set_multicast_adapter(socket, index),
        )?;
        follower::start(shared);
        if let Some(link) = shared.link() {
            follower::stop_unneeded(shared, link);
        }
        Ok(())
    }

    /// Returns the present description of an adapter, through which the socket can send.
    fn present(&self, adapter: &Adapter, action: &str) -> Result<Adapter, Error> {
        let shared = self.shared();
        // Where the adapters cannot be listed, the system has the last word.
        let present = match shared.settings.resolver.list_adapters() {
            Ok(adapters) => adapter.find_in(&adapters).cloned(),
            Err(_) => Some(adapter.clone()),
        };
        let unavailable = |reason: &str, advice: &str| {
            let message = format!("cannot {action} to {}: {reason}", adapter.name);
            Error::new(ErrorKind::AddressNotAvailable, message).with_advice(advice)
        };
        let present = present.ok_or_else(|| {
            unavailable(
                "there is no such adapter",
                &format!("`{}` lists the adapters", tools().adapters),
            )
        })?;
        if shared.adapter().is_some_and(|bound| bound != present.index) {
            return Err(unavailable(
                "the socket is bound to another adapter",
                "use another socket, or one that is bound to no adapter",
            ));
        }
        Ok(present)
    }

    /// Sets whether fragmentation is off, before the socket is open; see
    /// [`Builder::dont_fragment`](super::Builder::dont_fragment).
    ///
    /// # Errors
    ///
    /// - [`InvalidState`](ErrorKind::InvalidState): the socket was bound, connected or written to,
    ///   or is being opened. The option is as before. A stream that was not written to yet, or a
    ///   bind or connect that has failed, does not matter (CTL-14).
    /// - [`Closed`](ErrorKind::Closed): the socket was closed.
    ///
    /// # Model
    ///
    /// `DontFragment` (CTL-01 to CTL-04, CTL-13).
    pub fn set_dont_fragment(&self, dont_fragment: bool) -> Result<(), Error> {
        self.freezable("set whether fragmentation is off", |settings| {
            settings.requested.fragmentation = Fragmentation::of_switch(dont_fragment);
        })
    }

    /// Sets how urgent the datagrams are, before the socket is open; see
    /// [`Builder::quality_of_service`](super::Builder::quality_of_service).
    ///
    /// # Errors
    ///
    /// Those of [`set_dont_fragment`](Self::set_dont_fragment).
    ///
    /// # Model
    ///
    /// `QualityOfService` (CTL-11, CTL-13).
    pub fn set_quality_of_service(&self, quality: QualityOfService) -> Result<(), Error> {
        self.freezable("set the quality of service", |settings| {
            settings.requested.quality_of_service = quality;
        })
    }

    /// Sets whether the socket is for multicast and broadcast only, before it is open; see
    /// [`Builder::multicast_only`](super::Builder::multicast_only).
    ///
    /// # Errors
    ///
    /// - Those of [`set_dont_fragment`](Self::set_dont_fragment).
    /// - [`Unsupported`](ErrorKind::Unsupported): the engine does not support it.
    ///
    /// # Model
    ///
    /// `MulticastOnly` (CTL-12, CTL-13).
    pub fn set_multicast_only(&self, multicast_only: bool) -> Result<(), Error> {
        self.freezable("set whether the socket is for multicast only", |settings| {
            settings.multicast_only = multicast_only;
        })
    }

    /// Returns whether the socket is for multicast and broadcast only; see
    /// [`Builder::multicast_only`](super::Builder::multicast_only).
    ///
    /// # Model
    ///
    /// `MulticastOnly` (CTL-12).
    pub fn is_multicast_only(&self) -> bool {
        self.shared().is_multicast_only()
    }

    /// Changes an option that the system may refuse, at any time.
    fn request(&self, action: &str, change: impl FnOnce(&mut Settings)) -> Result<(), Error> {
        let apply = |settings: &Settings, socket: &Socket| {
            settings.requested.apply_changeable(socket);
            Ok(())
        };
        let operation = Operation::SetOption;
        self.shared().change(action, operation, change, apply)
    }

    /// Changes an option that is frozen once the socket is open.
    fn freezable(&self, action: &str, change: impl FnOnce(&mut Settings)) -> Result<(), Error> {
        let operation = Operation::SetFrozenOption;
        self.shared()
            .change(action, operation, change, |_, _| Ok(()))
    }
}
