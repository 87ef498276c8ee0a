//! The calls of `DatagramSocket` that join and leave multicast groups.

use std::net::IpAddr;

use udpair_io::Adapter;

use super::DatagramSocket;
use super::multicast::{self, Joined};
use crate::error::Error;
use crate::name::HostName;

impl DatagramSocket {
    /// Joins a multicast group. From now on, the socket receives the datagrams that are sent to the
    /// group at the socket's own port.
    ///
    /// If the group is given by a name, the name's first multicast address is used. The group is
    /// joined on every adapter (network interface) that is up, carries multicast and has an address
    /// of the group's family, and on loopback only if there is no other. If the socket is bound to
    /// an adapter, or the group names one (`239.1.2.3%eth0`, `ff02::fb%eth0`), the group is joined
    /// on that adapter only, as by [`join_multicast_on`](Self::join_multicast_on). The result for
    /// each adapter is returned; the call succeeds if the group was joined on at least one of them.
    ///
    /// The request stays in effect when the network changes. The group is also joined on adapters
    /// that appear, come back or get an address, and it is left on adapters that were removed, were
    /// switched off or have lost their address. Each such change is an
    /// [`Event::MembershipChanged`](crate::Event::MembershipChanged).
    ///
    /// Joining a group twice is not an error. The socket receives only from groups that it has
    /// joined itself (MCG-09). It also receives the datagrams that it sends to them itself.
    ///
    /// # Errors
    ///
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): the socket is not bound, or it is
    ///   connected.
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): the address is not a multicast
    ///   address, or the group is already joined for some senders only.
    /// - [`HostNotFound`](crate::ErrorKind::HostNotFound): none of the name's addresses is a
    ///   multicast address.
    /// - [`AddressNotAvailable`](crate::ErrorKind::AddressNotAvailable): the adapter that the group
    ///   names does not exist, or the socket is bound to another one.
    /// - [`NetworkUnreachable`](crate::ErrorKind::NetworkUnreachable): there is no suitable
    ///   adapter, or the one that the group names is not suitable.
    /// - The system's error on the first adapter, if joining failed on all of them.
    /// - Those of [`Resolver::resolve`](crate::Resolver::resolve).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has joined nothing.
    ///
    /// # Platform
    ///
    /// On Linux, a socket that is bound to one address does not receive from groups, and joining
    /// fails with [`Unsupported`](crate::ErrorKind::Unsupported). Bind to a port only, or to the
    /// adapter.
    ///
    /// # Model
    ///
    /// `JoinMulticastGroup` (MCG-01 to MCG-09). That memberships are restored is an extension of
    /// this crate.
    pub async fn join_multicast(&self, group: &HostName) -> Result<Vec<Joined>, Error> {
        multicast::join(self.shared(), group, None, None).await
    }

    /// Joins a multicast group on one adapter (network interface) only. Otherwise this is like
    /// [`join_multicast`](Self::join_multicast).
    ///
    /// The adapter must be up, carry multicast and have an address of the group's family; it may be
    /// loopback. The request follows the adapter: if it is removed and comes back, under whatever
    /// index, the group is joined on it again. A group can be joined on several adapters, one by
    /// one. On Linux the kernel has a limit for each socket (`net.ipv4.igmp_max_memberships`,
    /// ip(7)).
    ///
    /// # Errors
    ///
    /// - Those of [`join_multicast`](Self::join_multicast).
    /// - [`AddressNotAvailable`](crate::ErrorKind::AddressNotAvailable): the adapter was removed,
    ///   or the socket is bound to another one.
    /// - [`NetworkUnreachable`](crate::ErrorKind::NetworkUnreachable): the adapter is not suitable
    ///   now; the message says why.
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): the group names another adapter.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has joined nothing.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), udpair::Error> {
    /// let socket = udpair::DatagramSocket::builder().bind(":5000").await?;
    /// let adapter = udpair::adapter("eth0")?;
    /// let joined = socket.join_multicast_on(&"239.1.2.3".parse()?, &adapter).await?;
    /// socket.leave_multicast_on(joined.group, &adapter)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Model
    ///
    /// An extension of this crate (MCG-02). In the model, a socket joins on the adapter that it is
    /// bound to, or on all.
    pub async fn join_multicast_on(
        &self,
        group: &HostName,
        adapter: &Adapter,
    ) -> Result<Joined, Error> {
        multicast::join_on(self.shared(), group, None, adapter).await
    }

    /// Joins a multicast group for one sender only, `source` (RFC 4607).
    ///
    /// Otherwise this is like [`join_multicast`](Self::join_multicast). Several sources of one
    /// group can be joined.
    ///
    /// # Errors
    ///
    /// - Those of [`join_multicast`](Self::join_multicast).
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): `source` is of another family than
    ///   the group, or the group is already joined for every sender.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has joined nothing.
    pub async fn join_source(
        &self,
        group: &HostName,
        source: IpAddr,
    ) -> Result<Vec<Joined>, Error> {
        multicast::join(self.shared(), group, Some(source), None).await
    }

    /// Joins a multicast group for one sender only and on one adapter only; see
    /// [`join_source`](Self::join_source) and [`join_multicast_on`](Self::join_multicast_on).
    ///
    /// # Errors
    ///
    /// Those of the two.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has joined nothing.
    pub async fn join_source_on(
        &self,
        group: &HostName,
        source: IpAddr,
        adapter: &Adapter,
    ) -> Result<Joined, Error> {
        multicast::join_on(self.shared(), group, Some(source), adapter).await
    }

    /// Leaves a multicast group on all adapters. [`Joined::group`] has the address of the group.
    ///
    /// # Errors
    ///
    /// - [`AddressNotAvailable`](crate::ErrorKind::AddressNotAvailable): the group was not joined.
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): as for
    ///   [`join_multicast`](Self::join_multicast).
    ///
    /// # Model
    ///
    /// An extension of this crate (MCG-08). In the model, a membership ends with the socket.
    pub fn leave_multicast(&self, group: IpAddr) -> Result<(), Error> {
        multicast::leave(self.shared(), group, None)
    }

    /// Leaves a multicast group on one adapter, whether the group was joined on this adapter or on
    /// every suitable one. It stays joined on the others.
    ///
    /// The adapter may have been removed: the group is not joined again when it comes back.
    ///
    /// # Errors
    ///
    /// - [`AddressNotAvailable`](crate::ErrorKind::AddressNotAvailable): the group was not joined
    ///   on this adapter.
    /// - Those of [`leave_multicast`](Self::leave_multicast).
    ///
    /// # Model
    ///
    /// An extension of this crate (MCG-08).
    pub fn leave_multicast_on(&self, group: IpAddr, adapter: &Adapter) -> Result<(), Error> {
        multicast::leave_on(self.shared(), group, None, adapter)
    }

    /// Leaves a multicast group that was joined for `source`, on all adapters; see
    /// [`join_source`](Self::join_source).
    ///
    /// # Errors
    ///
    /// Those of [`leave_multicast`](Self::leave_multicast).
    pub fn leave_source(&self, group: IpAddr, source: IpAddr) -> Result<(), Error> {
        multicast::leave(self.shared(), group, Some(source))
    }

    /// Leaves a multicast group that was joined for `source`, on one adapter; see
    /// [`leave_multicast_on`](Self::leave_multicast_on).
    ///
    /// # Errors
    ///
    /// Those of [`leave_multicast_on`](Self::leave_multicast_on).
    pub fn leave_source_on(
        &self,
        group: IpAddr,
        source: IpAddr,
        adapter: &Adapter,
    ) -> Result<(), Error> {
        multicast::leave_on(self.shared(), group, Some(source), adapter)
    }
}
