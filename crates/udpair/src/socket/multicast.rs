//! Joins and leaves multicast groups.

use std::net::IpAddr;
use std::sync::Arc;

use udpair_io::Adapter;

use super::follower;
use super::lifecycle::Operation;
use super::link::MembershipRequest;
use super::refusal::{Call, refused};
use super::shared::Shared;
use crate::driver;
use crate::error::{Error, ErrorKind};
use crate::name::HostName;
use crate::resolve::zone_of;

/// The result of joining a multicast group on one adapter.
///
/// Returned by [`DatagramSocket::join_multicast`](super::DatagramSocket::join_multicast).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Joined {
    /// The address of the group.
    pub group: IpAddr,
    /// The adapter (network interface).
    pub adapter: Adapter,
    /// `Ok` if the socket is now a member of the group on this adapter; otherwise the reason why it
    /// is not.
    pub result: Result<(), Error>,
}

/// Implements [`DatagramSocket::join_multicast`](super::DatagramSocket::join_multicast) and
/// [`join_source`](super::DatagramSocket::join_source).
pub(crate) async fn join(
    shared: &Arc<Shared>,
    group: &HostName,
    source: Option<IpAddr>,
) -> Result<Vec<Joined>, Error> {
    let action = format!("join {group}");
    let link = shared.open_link(&action, Operation::JoinGroup)?;
    shared.allow(&action, Operation::JoinGroup)?;
    let (group, zone) = group_address(shared, group, &action).await?;
    if let Some(source) = source
        && (source.is_ipv4() != group.is_ipv4() || source.is_multicast())
    {
        let message = format!("cannot {action}: {source} cannot be a sender to it");
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    let adapters = shared
        .settings
        .resolver
        .list_adapters()
        .map_err(|error| Error::system(format!("cannot {action}"), error))?;
    let zone = match zone {
        None => None,
        Some(zone) => {
            let named = adapters.iter().find(|adapter| adapter.index == zone);
            let named = named.cloned().ok_or_else(|| no_zone(&action))?;
            Some(Arc::new(named))
        }
    };
    let request = MembershipRequest {
        group,
        source,
        zone,
    };
    let outcomes = link
        .memberships
        .join(&link.channel, request, follower::bound(shared), &adapters)
        .map_err(|_| {
            let others = match source {
                Some(_) => "every sender",
                None => "some senders only",
            };
            let message = format!("cannot {action}: it is already joined for {others}");
            Error::new(ErrorKind::InvalidArgument, message)
                .with_advice("leave it first, or use another socket")
        })?;
    let outcomes: Vec<_> = outcomes
        .into_iter()
        .map(|(adapter, result)| Joined {
            group,
            adapter: adapter.clone(),
            result: result.map_err(|error| {
                let call = Call::Join {
                    group,
                    has_source: source.is_some(),
                };
                refused(format!("cannot {action} on {}", adapter.name), call, error)
            }),
        })
        .collect();
    if outcomes.iter().all(|joined| joined.result.is_err()) {
        // The reason may be that the socket was closed meanwhile.
        shared.allow(&action, Operation::JoinGroup)?;
        let first = outcomes.into_iter().find_map(|joined| joined.result.err());
        return Err(first.unwrap_or_else(|| {
            let message = format!("cannot {action}: no adapter is suitable for it");
            Error::new(ErrorKind::NetworkUnreachable, message)
                .with_advice("`ip address` shows the adapters, their flags and their addresses")
        }));
    }
    follower::start(shared);
    Ok(outcomes)
}

/// Implements [`DatagramSocket::leave_multicast`](super::DatagramSocket::leave_multicast) and
/// [`leave_source`](super::DatagramSocket::leave_source).
pub(crate) fn leave(shared: &Shared, group: IpAddr, source: Option<IpAddr>) -> Result<(), Error> {
    let action = format!("leave {group}");
    let link = shared.open_link(&action, Operation::JoinGroup)?;
    shared.allow(&action, Operation::JoinGroup)?;
    if link
        .memberships
        .leave(&link.channel, group.to_canonical(), source)
    {
        follower::stop_unneeded(shared, link);
        return Ok(());
    }
    let message = format!("cannot {action}: it was not joined");
    Err(Error::new(ErrorKind::AddressNotAvailable, message))
}

/// Returns the error for a group whose zone is no adapter of this machine.
fn no_zone(action: &str) -> Error {
    let message = format!("cannot {action}: there is no such adapter");
    Error::new(ErrorKind::AddressNotAvailable, message).with_advice("`ip link` lists the adapters")
}

/// Returns the address of a group, which may be given by its name (MCG-04, MCG-05), and the zone
/// that it names.
async fn group_address(
    shared: &Shared,
    group: &HostName,
    action: &str,
) -> Result<(IpAddr, Option<u32>), Error> {
    let resolver = &shared.settings.resolver;
    if let Some(address) = resolver.literal(group) {
        let address = address?;
        let ip = address.ip().to_canonical();
        let zone = zone_of(address);
        if ip.is_multicast() {
            return Ok((ip, zone));
        }
        let message = format!("cannot {action}: it is not a multicast address");
        return Err(Error::new(ErrorKind::InvalidArgument, message)
            .with_advice("groups are 224.0.0.0/4 and ff00::/8"));
    }
    let looking_up = async {
        let adapter = shared.bound_adapter();
        let search = resolver.search_via(adapter.as_deref());
        search.host_addresses(group, 0).await
    };
    let addresses = driver::in_runtime(looking_up)
        .await
        .map_err(Error::no_runtime)??;
    let mut addresses = addresses.iter().map(|address| address.ip().to_canonical());
    let found = addresses.find(IpAddr::is_multicast).ok_or_else(|| {
        let message = format!("cannot {action}: none of its addresses is a multicast address");
        Error::new(ErrorKind::HostNotFound, message)
    })?;
    Ok((found, None))
}
