//! Multicast groups: which ones a socket wants to hear, and on which adapters it does.
//!
//! A membership is a wish. The kernel ties one to an adapter, and loses it with the adapter; so the wish
//! is kept here and applied again whenever the network changes. Which adapters suit is decided by a
//! function of the adapters alone.

use std::future;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use once_cell::race::OnceBox;
use udpair_io::{Adapter, Membership};

use super::lifecycle::Operation;
use super::link::Link;
use super::open;
use super::shared::Shared;
use crate::driver::{self, NetworkWatch, Task};
use crate::error::{Error, ErrorKind};
use crate::message::{Event, MembershipChange};
use crate::name::HostName;
use crate::resolve::zone_of;

/// How joining a group went on one adapter.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Joined {
    /// The group's address.
    pub group: IpAddr,
    /// The adapter.
    pub adapter: Adapter,
    /// Why the group is not heard there.
    pub result: Result<(), Error>,
}

/// What a socket wants to hear.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Wish {
    group: IpAddr,
    source: Option<IpAddr>,
    /// The adapter that the group's zone names, if it names one (RFC 4007).
    zone: Option<u32>,
}

impl Wish {
    fn on(self, adapter: u32) -> Membership {
        Membership {
            group: self.group,
            source: self.source,
            adapter,
        }
    }

    /// Returns the adapters on which it can be had.
    fn suitable(self, adapters: &[Adapter], bound: Bound) -> impl Iterator<Item = &Adapter> {
        let found = suitable(adapters, self.group, bound);
        found.filter(move |adapter| self.zone.is_none_or(|zone| adapter.index == zone))
    }

    /// Names those whom the opposite kind of wish for the group hears.
    fn others(self) -> &'static str {
        match self.source {
            Some(_) => "every sender",
            None => "some senders alone",
        }
    }
}

/// What a socket is bound to, which decides where it may hear groups.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Bound {
    /// The one that it is bound to.
    adapter: Option<u32>,
    /// The address that it is bound to.
    address: Option<IpAddr>,
}

/// The memberships of an open socket; most never have any.
#[derive(Debug, Default)]
pub(super) struct Memberships(OnceBox<Mutex<List>>);

#[derive(Debug, Default)]
struct List {
    wishes: Vec<Wish>,
    joined: Vec<Membership>,
    bound: Bound,
    /// Follows the network as long as there is a wish.
    follower: Option<Task>,
}

/// See [`DatagramSocket::join_multicast`](super::DatagramSocket::join_multicast).
pub(super) async fn join(
    shared: &Arc<Shared>,
    group: &HostName,
    source: Option<IpAddr>,
) -> Result<Vec<Joined>, Error> {
    let action = format!("join {group}");
    let link = shared.open_link(&action, Operation::JoinGroup)?;
    shared.allow(&action, Operation::JoinGroup)?;
    let (group, zone) = group_address(shared, group, &action).await?;
    let wish = Wish {
        group,
        source,
        zone,
    };
    if let Some(source) = source
        && (source.is_ipv4() != wish.group.is_ipv4() || source.is_multicast())
    {
        let message = format!("cannot {action}: {source} can be no sender to it");
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    // Begun before the adapters are looked at, so that what changes in between is noticed.
    let watch = driver::in_runtime(async { NetworkWatch::begin().ok() }).await;
    let adapters = shared.settings.resolver.adapters()()
        .map_err(|error| Error::system(format!("cannot {action}"), error))?;

    let mut list = link.memberships.list();
    if list.contradicts(wish) {
        let message = format!(
            "cannot {action}: it is joined for {} already",
            wish.others()
        );
        return Err(Error::new(ErrorKind::InvalidArgument, message)
            .with_advice("leave it first, or use another socket"));
    }
    list.bound = Bound {
        adapter: shared.adapter(),
        address: shared
            .local_addr()
            .map(|local| local.ip())
            .filter(|ip| !ip.is_unspecified()),
    };
    let outcomes: Vec<_> = wish
        .suitable(&adapters, list.bound)
        .map(|adapter| Joined {
            group: wish.group,
            adapter: adapter.clone(),
            result: list.join(link, wish.on(adapter.index)).map_err(|error| {
                let on = format!("cannot {action} on {}", adapter.name);
                let error = Error::system(on, error);
                match error.kind() {
                    ErrorKind::Unsupported => {
                        error.with_advice("bind to a port alone, or to the adapter")
                    }
                    _ => error,
                }
            }),
        })
        .collect();
    if outcomes.iter().all(|joined| joined.result.is_err()) {
        // That may have been because the socket was closed meanwhile.
        shared.allow(&action, Operation::JoinGroup)?;
        let first = outcomes.into_iter().find_map(|joined| joined.result.err());
        return Err(first.unwrap_or_else(|| {
            let message = format!("cannot {action}: no adapter here carries its multicast");
            Error::new(ErrorKind::NetworkUnreachable, message)
                .with_advice("`ip address` shows the adapters and what they have")
        }));
    }
    if !list.wishes.contains(&wish) {
        list.wishes.push(wish);
    }
    if list.follower.is_none()
        && let Ok(Some(watch)) = watch
    {
        list.follower = driver::spawn(follow(Arc::downgrade(shared), watch)).ok();
    }
    Ok(outcomes)
}

/// See [`DatagramSocket::leave_multicast`](super::DatagramSocket::leave_multicast).
pub(super) fn leave(shared: &Shared, group: IpAddr, source: Option<IpAddr>) -> Result<(), Error> {
    let action = format!("leave {group}");
    let link = shared.open_link(&action, Operation::JoinGroup)?;
    shared.allow(&action, Operation::JoinGroup)?;
    let group = group.to_canonical();
    let mut list = link.memberships.list();
    let before = list.wishes.len();
    list.wishes
        .retain(|wish| (wish.group, wish.source) != (group, source));
    if list.wishes.len() == before {
        let message = format!("cannot {action}: it was not joined");
        return Err(Error::new(ErrorKind::AddressNotAvailable, message));
    }
    list.joined.retain(|joined| {
        let is_left = (joined.group, joined.source) == (group, source);
        if is_left {
            // An adapter that is gone has taken its membership with it.
            let _ = link.watched.with(|socket| udpair_io::leave(socket, joined));
        }
        !is_left
    });
    if list.wishes.is_empty() {
        list.follower = None;
    }
    Ok(())
}

/// Returns the address of a group that may be given by its name (MCG-04, MCG-05), and the zone it names.
async fn group_address(
    shared: &Shared,
    group: &HostName,
    action: &str,
) -> Result<(IpAddr, Option<u32>), Error> {
    if let Some(address) = group.socket_addr(0) {
        let address = address?;
        let ip = address.ip().to_canonical();
        let zone = zone_of(address);
        if ip.is_multicast() {
            return Ok((ip, zone));
        }
        let message = format!("cannot {action}: it is no multicast address");
        return Err(Error::new(ErrorKind::InvalidArgument, message)
            .with_advice("groups are 224.0.0.0/4 and ff00::/8"));
    }
    let resolver = &shared.settings.resolver;
    let addresses = open::in_runtime(async {
        let adapter = shared.bound_adapter();
        let search = resolver.search_by(adapter.as_deref());
        search.host_addresses(group, 0).await
    })
    .await?;
    let mut addresses = addresses.iter().map(|address| address.ip().to_canonical());
    let found = addresses.find(IpAddr::is_multicast).ok_or_else(|| {
        let message = format!("cannot {action}: none of its addresses is a multicast address");
        Error::new(ErrorKind::HostNotFound, message)
    })?;
    Ok((found, None))
}

/// Returns the adapters on which a socket hears a group: all that carry multicast and have an address of
/// its family, loopback only where there is no other (MCG-02, MCG-03).
fn suitable(
    adapters: &[Adapter],
    group: IpAddr,
    bound: Bound,
) -> impl Iterator<Item = &Adapter> + Clone {
    let carries = move |adapter: &&Adapter| {
        let mut addresses = adapter.addresses.iter().map(|address| address.ip);
        adapter.is_up
            && (adapter.is_multicast || adapter.is_loopback)
            && addresses.any(|ip| ip.is_ipv4() == group.is_ipv4())
    };
    let reaches = move |adapter: &&Adapter| {
        let mut addresses = adapter.addresses.iter().map(|address| address.ip);
        bound.adapter.is_none_or(|index| adapter.index == index)
            && bound
                .address
                .is_none_or(|ip| addresses.any(|own| own == ip))
    };
    let found = adapters.iter().filter(carries).filter(reaches);
    let has_other = found.clone().any(|adapter| !adapter.is_loopback);
    found.filter(move |adapter| !(has_other && adapter.is_loopback))
}

impl Memberships {
    fn list(&self) -> MutexGuard<'_, List> {
        let list = self.0.get_or_init(Box::default);
        list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the adapter of the first membership in a group of this family.
    pub(super) fn first_adapter(&self, is_ipv4: bool) -> Option<u32> {
        let list = self.list();
        let mut joined = list.joined.iter();
        joined
            .find(|joined| joined.group.is_ipv4() == is_ipv4)
            .map(|joined| joined.adapter)
    }

    /// Forgets all: the kernel does so too when the socket is closed.
    pub(super) fn clear(&self) {
        if self.0.get().is_some() {
            *self.list() = List::default();
        }
    }

    /// Joins on adapters that suit now, and leaves those that no longer do.
    fn apply(&self, link: &Link, adapters: &[Adapter]) {
        let mut list = self.list();
        let mut changed = Vec::new();
        let wished: Vec<_> = list
            .wishes
            .iter()
            .flat_map(|wish| {
                let found = wish.suitable(adapters, list.bound);
                found.map(|adapter| wish.on(adapter.index))
            })
            .collect();
        list.joined.retain(|joined| {
            if wished.contains(joined) {
                return true;
            }
            // What the kernel keeps of it would count against the limit, and make it take a later join
            // for one that is there already, though the adapter has forgotten it (an MTU below 1280 does
            // that to IPv6).
            let _ = link.watched.with(|socket| udpair_io::leave(socket, joined));
            changed.push(MembershipChange::new(*joined, false));
            false
        });
        for membership in wished {
            // One that cannot be joined now is tried again at the next change.
            if !list.joined.contains(&membership) && list.join(link, membership).is_ok() {
                changed.push(MembershipChange::new(membership, true));
            }
        }
        drop(list);
        for change in changed {
            link.tell(Event::MembershipChanged(change));
        }
    }
}

impl List {
    /// Whether the group is joined in the other way already. The kernel would take both, and hear what
    /// the first of them says.
    fn contradicts(&self, wish: Wish) -> bool {
        let mut others = self.wishes.iter().filter(|other| other.group == wish.group);
        others.any(|other| other.source.is_some() != wish.source.is_some())
    }

    fn join(&mut self, link: &Link, membership: Membership) -> std::io::Result<()> {
        let joined = link
            .watched
            .with(|socket| udpair_io::join(socket, &membership));
        joined.unwrap_or_else(|| Err(std::io::ErrorKind::NotConnected.into()))?;
        if !self.joined.contains(&membership) {
            self.joined.push(membership);
        }
        Ok(())
    }
}

/// Applies the wishes of a socket again and again, as long as it is there.
async fn follow(shared: Weak<Shared>, mut watch: NetworkWatch) {
    while let Ok(network) = future::poll_fn(|cx| watch.poll_changed(cx)).await {
        let Some(shared) = shared.upgrade() else {
            return;
        };
        if let Some(link) = shared.link() {
            link.memberships.apply(link, &network.adapters);
        }
    }
}

#[cfg(test)]
mod tests {
    use udpair_io::AdapterAddress;

    use super::*;

    /// MCG-02, MCG-03
    #[test]
    fn groups_are_heard_where_they_can_be() {
        let adapter = |index, name: &str, addresses: &[&str], is_multicast| {
            let mut adapter = Adapter::new(name, index);
            adapter.is_up = true;
            adapter.is_loopback = name == "lo";
            adapter.is_multicast = is_multicast && name != "lo";
            adapter.addresses = addresses
                .iter()
                .map(|ip| AdapterAddress::new(ip.parse().unwrap(), None))
                .collect();
            adapter
        };
        let adapters = [
            adapter(1, "lo", &["127.0.0.1", "::1"], true),
            adapter(2, "eth0", &["192.0.2.1", "fe80::1"], true),
            adapter(3, "eth1", &["198.51.100.1"], true),
            adapter(4, "ppp0", &["203.0.113.1"], false),
        ];
        let anywhere = Bound::default();
        let on_adapter = |index| Bound {
            adapter: Some(index),
            ..anywhere
        };
        let at = |ip: &str| Bound {
            address: Some(ip.parse().unwrap()),
            ..anywhere
        };
        for (group, bound, among, expected) in [
            ("224.3.0.5", anywhere, 0..4, &[2_u32, 3] as &[_]),
            ("ff15::1", anywhere, 0..4, &[2]),
            ("224.3.0.5", anywhere, 0..1, &[1]),
            ("224.3.0.5", on_adapter(3), 0..4, &[3]),
            ("ff15::1", on_adapter(3), 0..4, &[]),
            ("224.3.0.5", on_adapter(1), 0..4, &[1]),
            ("224.3.0.5", at("192.0.2.1"), 0..4, &[2]),
            ("224.3.0.5", at("192.0.2.9"), 0..4, &[]),
        ] {
            let group = group.parse().unwrap();
            let found: Vec<_> = suitable(&adapters[among], group, bound)
                .map(|adapter| adapter.index)
                .collect();
            assert_eq!(found, *expected, "{group} {bound:?}");
        }
    }
}
