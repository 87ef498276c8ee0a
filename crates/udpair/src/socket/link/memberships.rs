//! Multicast groups of an open socket: which ones it wants to hear, and on which adapters it does.
//!
//! A membership is a wish. The kernel ties one to an adapter, and loses it with the adapter; so the wish
//! is kept here and applied again whenever the network changes. Which adapters suit is decided by a
//! function of the adapters alone.

use std::io;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use once_cell::race::OnceBox;
use udpair_io::{Adapter, Membership};

use super::channel::Channel;
use crate::driver::Task;
use crate::message::MembershipChange;

/// What a socket wants to hear.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct GroupRequest {
    pub(crate) group: IpAddr,
    pub(crate) source: Option<IpAddr>,
    /// The adapter that the group's zone names, if it names one (RFC 4007).
    pub(crate) zone: Option<u32>,
}

impl GroupRequest {
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
}

/// What a socket is bound to, which decides where it may hear groups.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Bound {
    /// The one that it is bound to.
    pub(crate) adapter: Option<u32>,
    /// The address that it is bound to.
    pub(crate) address: Option<IpAddr>,
}

/// The memberships of an open socket; most never have any.
#[derive(Debug, Default)]
pub(crate) struct Memberships(OnceBox<Mutex<Groups>>);

#[derive(Debug, Default)]
struct Groups {
    requests: Vec<GroupRequest>,
    joined: Vec<Membership>,
    bound: Bound,
    /// Follows the network as long as there is a request.
    follower: Option<Task>,
}

/// The group is joined in the other way already: for every sender, or for some alone.
#[derive(Debug)]
pub(crate) struct Contradiction;

/// How joining went on each adapter that suits.
pub(crate) type Outcomes<'a> = Vec<(&'a Adapter, io::Result<()>)>;

impl Memberships {
    /// Joins a group on every adapter that suits now. It stays requested if it is joined on one of them.
    pub(crate) fn join<'a>(
        &self,
        channel: &Channel,
        request: GroupRequest,
        bound: Bound,
        adapters: &'a [Adapter],
    ) -> Result<Outcomes<'a>, Contradiction> {
        let mut groups = self.groups();
        if groups.contradicts(request) {
            return Err(Contradiction);
        }
        groups.bound = bound;
        let outcomes: Vec<_> = request
            .suitable(adapters, bound)
            .map(|adapter| (adapter, groups.join(channel, request.on(adapter.index))))
            .collect();
        let is_joined = outcomes.iter().any(|(_, joined)| joined.is_ok());
        if is_joined && !groups.requests.contains(&request) {
            groups.requests.push(request);
        }
        Ok(outcomes)
    }

    /// Leaves a group, and returns whether it was joined.
    pub(crate) fn leave(&self, channel: &Channel, group: IpAddr, source: Option<IpAddr>) -> bool {
        let mut groups = self.groups();
        let before = groups.requests.len();
        groups
            .requests
            .retain(|request| (request.group, request.source) != (group, source));
        if groups.requests.len() == before {
            return false;
        }
        groups.joined.retain(|joined| {
            let is_left = (joined.group, joined.source) == (group, source);
            if is_left {
                // An adapter that is gone has taken its membership with it.
                let _ = channel.with(|socket| udpair_io::leave(socket, joined));
            }
            !is_left
        });
        let follower = match groups.requests.is_empty() {
            true => groups.follower.take(),
            false => None,
        };
        drop(groups);
        drop(follower);
        true
    }

    /// Joins on adapters that suit now, leaves those that no longer do, and returns what has changed.
    pub(crate) fn apply(&self, channel: &Channel, adapters: &[Adapter]) -> Vec<MembershipChange> {
        let mut groups = self.groups();
        let mut changed = Vec::new();
        let wanted: Vec<_> = groups
            .requests
            .iter()
            .flat_map(|request| {
                let found = request.suitable(adapters, groups.bound);
                found.map(|adapter| request.on(adapter.index))
            })
            .collect();
        groups.joined.retain(|joined| {
            if wanted.contains(joined) {
                return true;
            }
            // What the kernel keeps of it would count against the limit, and make it take a later join
            // for one that is there already, though the adapter has forgotten it (an MTU below 1280 does
            // that to IPv6).
            let _ = channel.with(|socket| udpair_io::leave(socket, joined));
            changed.push(MembershipChange::new(*joined, false));
            false
        });
        for membership in wanted {
            // One that cannot be joined now is tried again at the next change.
            if !groups.joined.contains(&membership) && groups.join(channel, membership).is_ok() {
                changed.push(MembershipChange::new(membership, true));
            }
        }
        changed
    }

    /// Returns whether the network should be followed, and is not yet.
    pub(crate) fn wants_follower(&self) -> bool {
        let groups = self.groups();
        groups.follower.is_none() && !groups.requests.is_empty()
    }

    /// Lets `follower` run as long as there is a request.
    pub(crate) fn follow(&self, follower: Task) {
        let mut groups = self.groups();
        let superfluous = match groups.requests.is_empty() {
            true => Some(follower),
            false => groups.follower.replace(follower),
        };
        drop(groups);
        drop(superfluous);
    }

    /// Returns the adapter of the first membership in a group of this family.
    pub(crate) fn first_adapter(&self, is_ipv4: bool) -> Option<u32> {
        let groups = self.groups();
        let mut joined = groups.joined.iter();
        joined
            .find(|joined| joined.group.is_ipv4() == is_ipv4)
            .map(|joined| joined.adapter)
    }

    /// Forgets all: the kernel does so too when the socket is closed.
    pub(crate) fn clear(&self) {
        if self.0.get().is_some() {
            let forgotten = std::mem::take(&mut *self.groups());
            drop(forgotten);
        }
    }

    fn groups(&self) -> MutexGuard<'_, Groups> {
        let groups = self.0.get_or_init(Box::default);
        groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Groups {
    /// Whether the group is joined in the other way already. The kernel would take both, and hear what
    /// the first of them says.
    fn contradicts(&self, request: GroupRequest) -> bool {
        let mut others = self
            .requests
            .iter()
            .filter(|other| other.group == request.group);
        others.any(|other| other.source.is_some() != request.source.is_some())
    }

    fn join(&mut self, channel: &Channel, membership: Membership) -> io::Result<()> {
        let joined = channel.with(|socket| udpair_io::join(socket, &membership));
        joined.unwrap_or_else(|| Err(io::ErrorKind::NotConnected.into()))?;
        if !self.joined.contains(&membership) {
            self.joined.push(membership);
        }
        Ok(())
    }
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
        bound.adapter.is_none_or(|index| adapter.index == index)
            && bound.address.is_none_or(|ip| adapter.has_address(ip))
    };
    let found = adapters.iter().filter(carries).filter(reaches);
    let has_other = found.clone().any(|adapter| !adapter.is_loopback);
    found.filter(move |adapter| !(has_other && adapter.is_loopback))
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
