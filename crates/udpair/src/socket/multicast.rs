//! Joins and leaves multicast groups.

use std::net::IpAddr;
use std::sync::Arc;

use udpair_io::{Adapter, tools};

use super::follower;
use super::lifecycle::Operation;
use super::link::{Bound, MembershipRequest};
use super::refusal::{Call, refused};
use super::shared::Shared;
use crate::driver;
use crate::error::{Error, ErrorKind};
use crate::name::{HostName, HostNameType, bluetooth_refused};

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

/// Implements [`DatagramSocket::join_multicast`](super::DatagramSocket::join_multicast) and its
/// like. `on` is the only adapter on which the group is joined, if there is one.
pub(crate) async fn join(
    shared: &Arc<Shared>,
    group: &HostName,
    source: Option<IpAddr>,
    on: Option<&Adapter>,
) -> Result<Vec<Joined>, Error> {
    let action = match on {
        None => format!("join {group}"),
        Some(adapter) => format!("join {group} on {}", adapter.name),
    };
    let link = shared.open_link(&action, Operation::JoinGroup)?;
    shared.allow(&action, Operation::JoinGroup)?;
    let (group, zone) = group_address(shared, group, &action).await?;
    if let Some(source) = source
        && (source.is_ipv4() != group.is_ipv4() || source.is_multicast())
    {
        let message = format!("cannot {action}: {source} cannot be a sender to it");
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    let adapters = list_adapters(shared, &action)?;
    let bound = follower::bound(shared);
    let on = match on {
        None => None,
        Some(on) => Some(on.find_in(&adapters).ok_or_else(|| no_adapter(&action))?),
    };
    let zone = match zone {
        None => None,
        Some(zone) => {
            let mut named = adapters.iter().filter(|adapter| adapter.index == zone);
            Some(named.next().ok_or_else(|| no_adapter(&action))?)
        }
    };
    let adapter = match (on, zone) {
        (Some(on), Some(zone)) if on.index != zone.index => {
            let message = format!("cannot {action}: its zone is {}", zone.name);
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_advice("leave out the zone, or name the same adapter"));
        }
        (on, zone) => on.or(zone),
    };
    if let Some(adapter) = adapter {
        check_adapter(adapter, group, bound, &action)?;
    }
    let request = MembershipRequest {
        group,
        source,
        adapter: adapter.cloned().map(Arc::new),
        except: Vec::new(),
    };
    let outcomes = link
        .memberships
        .join(&link.channel, request, bound, &adapters)
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
                let message = format!("cannot join {group} on {}", adapter.name);
                refused(message, call, error)
            }),
        })
        .collect();
    if outcomes.iter().all(|joined| joined.result.is_err()) {
        // The reason may be that the socket was closed meanwhile.
        shared.allow(&action, Operation::JoinGroup)?;
        let first = outcomes.into_iter().find_map(|joined| joined.result.err());
        return Err(first.unwrap_or_else(|| {
            let message = format!("cannot {action}: no adapter is suitable for it");
            Error::new(ErrorKind::NetworkUnreachable, message).with_advice(format!(
                "`{}` shows the adapters, their flags and their addresses",
                tools().addresses
            ))
        }));
    }
    follower::start(shared);
    Ok(outcomes)
}

/// Implements [`DatagramSocket::join_multicast_on`](super::DatagramSocket::join_multicast_on) and
/// [`join_source_on`](super::DatagramSocket::join_source_on).
pub(crate) async fn join_on(
    shared: &Arc<Shared>,
    group: &HostName,
    source: Option<IpAddr>,
    adapter: &Adapter,
) -> Result<Joined, Error> {
    let joined = join(shared, group, source, Some(adapter)).await?;
    let only = joined.into_iter().next();
    // There is an outcome for each suitable adapter, and an error if there is none.
    only.ok_or_else(|| no_adapter(&format!("join {group}")))
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

/// Implements [`DatagramSocket::leave_multicast_on`](super::DatagramSocket::leave_multicast_on) and
/// [`leave_source_on`](super::DatagramSocket::leave_source_on).
pub(crate) fn leave_on(
    shared: &Shared,
    group: IpAddr,
    source: Option<IpAddr>,
    adapter: &Adapter,
) -> Result<(), Error> {
    let action = format!("leave {group} on {}", adapter.name);
    let link = shared.open_link(&action, Operation::JoinGroup)?;
    shared.allow(&action, Operation::JoinGroup)?;
    let adapters = list_adapters(shared, &action)?;
    let which = (group.to_canonical(), source);
    let adapter = Arc::new(adapter.clone());
    if link
        .memberships
        .leave_on(&link.channel, which, &adapter, &adapters)
    {
        follower::stop_unneeded(shared, link);
        return Ok(());
    }
    let message = format!("cannot {action}: it was not joined there");
    Err(Error::new(ErrorKind::AddressNotAvailable, message))
}

fn list_adapters(shared: &Shared, action: &str) -> Result<Vec<Adapter>, Error> {
    let adapters = shared.settings.resolver.list_adapters();
    adapters.map_err(|error| Error::system(format!("cannot {action}"), error))
}

/// Checks that a group can be joined on the adapter that was asked for.
fn check_adapter(
    adapter: &Adapter,
    group: IpAddr,
    bound: Bound,
    action: &str,
) -> Result<(), Error> {
    let name = &adapter.name;
    if bound.adapter.is_some_and(|index| index != adapter.index)
        || bound.address.is_some_and(|ip| !adapter.has_address(ip))
    {
        let message = format!("cannot {action}: the socket is bound to another adapter");
        return Err(Error::new(ErrorKind::AddressNotAvailable, message)
            .with_advice("use another socket, or one that is bound to no adapter"));
    }
    let mut addresses = adapter.addresses.iter();
    let family = if group.is_ipv4() { "IPv4" } else { "IPv6" };
    let reason = if !adapter.is_up {
        format!("{name} is down")
    } else if !adapter.is_multicast && !adapter.is_loopback {
        format!("{name} does not carry multicast")
    } else if !addresses.any(|address| address.ip.is_ipv4() == group.is_ipv4()) {
        format!("{name} has no {family} address")
    } else {
        return Ok(());
    };
    let message = format!("cannot {action}: {reason}");
    Err(
        Error::new(ErrorKind::NetworkUnreachable, message).with_advice(format!(
            "`{}` shows the adapters, their flags and their addresses",
            tools().addresses
        )),
    )
}

/// Returns the error for an adapter that this machine does not have.
fn no_adapter(action: &str) -> Error {
    let message = format!("cannot {action}: there is no such adapter");
    Error::new(ErrorKind::AddressNotAvailable, message)
        .with_advice(format!("`{}` lists the adapters", tools().adapters))
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
        if ip.is_multicast() {
            return Ok((ip, resolver.group_zone(group).transpose()?));
        }
        let message = format!("cannot {action}: it is not a multicast address");
        return Err(Error::new(ErrorKind::InvalidArgument, message)
            .with_advice("groups are 224.0.0.0/4 and ff00::/8"));
    }
    if group.kind() == HostNameType::Bluetooth {
        return Err(bluetooth_refused("join", group));
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
