//! The multicast groups of an open socket: which ones were requested, and on which adapters the
//! socket is a member.
//!
//! The kernel binds a membership to an adapter, and drops it together with the adapter. So the
//! request is kept here, and applied again whenever the network changes. Which adapters are
//! suitable is decided by a function of the adapters only.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use once_cell::race::OnceBox;
use udpair_io::{Adapter, Membership};

use super::channel::Channel;
use crate::message::MembershipChange;

/// A request to receive what is sent to a group, from every sender or from one.
#[derive(Clone, Debug)]
pub(crate) struct MembershipRequest {
    pub(crate) group: IpAddr,
    /// The one sender that is accepted; `None` if every sender is.
    pub(crate) source: Option<IpAddr>,
    /// The only adapter on which the group is joined; `None` if it is joined on every suitable one.
    pub(crate) adapter: Option<Arc<Adapter>>,
    /// The adapters on which the group was left again.
    pub(crate) except: Vec<Arc<Adapter>>,
}

impl MembershipRequest {
    /// Returns whether two requests are for the same group, senders and adapters. `adapters` are
    /// those that there are now.
    fn is_same(&self, other: &Self, adapters: &[Adapter]) -> bool {
        let is_same_adapter = match (&self.adapter, &other.adapter) {
            (None, None) => true,
            (Some(one), Some(other)) => is_same_adapter(one, other, adapters),
            _ => false,
        };
        self.is_for(other.group, other.source) && is_same_adapter
    }

    fn is_for(&self, group: IpAddr, source: Option<IpAddr>) -> bool {
        (self.group, self.source) == (group, source)
    }

    fn on(&self, adapter: u32) -> Membership {
        Membership {
            group: self.group,
            source: self.source,
            adapter,
        }
    }

    /// Returns the adapters on which the group can be joined.
    fn suitable<'a>(&self, adapters: &'a [Adapter], bound: Bound) -> Vec<&'a Adapter> {
        let only = match &self.adapter {
            None => None,
            Some(adapter) => match adapter.find_in(adapters) {
                Some(present) => Some(present.index),
                None => return Vec::new(),
            },
        };
        let except = self.except.iter().filter_map(|left| left.find_in(adapters));
        let except: Vec<_> = except.map(|adapter| adapter.index).collect();
        suitable(adapters, self.group, only, bound)
            .filter(|adapter| !except.contains(&adapter.index))
            .collect()
    }
}

/// What a socket is bound to, which limits the adapters on which it can join groups.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Bound {
    /// The index of the adapter; `None` if the socket is bound to all adapters.
    pub(crate) adapter: Option<u32>,
    /// The address; `None` if the socket is bound to all addresses.
    pub(crate) address: Option<IpAddr>,
}

/// The memberships of an open socket. Most sockets never have any.
#[derive(Debug, Default)]
pub(crate) struct Memberships(OnceBox<Mutex<Groups>>);

#[derive(Debug, Default)]
struct Groups {
    requests: Vec<MembershipRequest>,
    joined: Vec<Membership>,
    bound: Bound,
}

/// The error for a group that is already joined in the other mode: for every sender, or for some
/// senders only.
#[derive(Debug)]
pub(crate) struct Contradiction;

/// The result of joining on each suitable adapter.
pub(crate) type Outcomes<'a> = Vec<(&'a Adapter, io::Result<()>)>;

impl Memberships {
    /// Joins a group on every adapter that is suitable now. The request is kept if this succeeds on
    /// one of them.
    pub(crate) fn join<'a>(
        &self,
        channel: &Channel,
        request: MembershipRequest,
        bound: Bound,
        adapters: &'a [Adapter],
    ) -> Result<Outcomes<'a>, Contradiction> {
        let mut groups = self.groups();
        if groups.contradicts(&request) {
            return Err(Contradiction);
        }
        groups.bound = bound;
        let outcomes: Vec<_> = request
            .suitable(adapters, bound)
            .into_iter()
            .map(|adapter| (adapter, groups.join(channel, request.on(adapter.index))))
            .collect();
        let is_joined = outcomes.iter().any(|(_, joined)| joined.is_ok());
        if is_joined {
            // Replaces an earlier one, which may not be for adapters on which the group was left.
            groups
                .requests
                .retain(|other| !other.is_same(&request, adapters));
            groups.requests.push(request);
        }
        Ok(outcomes)
    }

    /// Leaves a group on all adapters, and returns whether it was joined.
    pub(crate) fn leave(&self, channel: &Channel, group: IpAddr, source: Option<IpAddr>) -> bool {
        let mut groups = self.groups();
        let before = groups.requests.len();
        groups
            .requests
            .retain(|request| !request.is_for(group, source));
        if groups.requests.len() == before {
            return false;
        }
        groups.leave(channel, |joined| {
            (joined.group, joined.source) == (group, source)
        });
        true
    }

    /// Leaves a group on one adapter, also when that comes back, and returns whether it was joined
    /// there. `adapters` are those that there are now.
    pub(crate) fn leave_on(
        &self,
        channel: &Channel,
        (group, source): (IpAddr, Option<IpAddr>),
        adapter: &Arc<Adapter>,
        adapters: &[Adapter],
    ) -> bool {
        let mut groups = self.groups();
        let mut was_joined = false;
        let is_same = |other: &Adapter| is_same_adapter(other, adapter, adapters);
        groups.requests.retain_mut(|request| {
            if !request.is_for(group, source) {
                return true;
            }
            match &request.adapter {
                Some(on) if is_same(on) => {
                    was_joined = true;
                    return false;
                }
                Some(_) => {}
                None if request.except.iter().any(|left| is_same(left)) => {}
                None => {
                    was_joined = true;
                    request.except.push(adapter.clone());
                }
            }
            true
        });
        let index = adapter.find_in(adapters).unwrap_or(adapter).index;
        if was_joined {
            let left = Membership {
                group,
                source,
                adapter: index,
            };
            groups.leave(channel, |joined| *joined == left);
        }
        was_joined
    }

    /// Joins groups on the adapters that are suitable now, leaves them on those that no longer are,
    /// and returns the changes.
    pub(crate) fn apply(&self, channel: &Channel, adapters: &[Adapter]) -> Vec<MembershipChange> {
        let mut groups = self.groups();
        let mut changed = Vec::new();
        let wanted: Vec<_> = groups
            .requests
            .iter()
            .flat_map(|request| {
                let found = request.suitable(adapters, groups.bound).into_iter();
                found.map(|adapter| request.on(adapter.index))
            })
            .collect();
        groups.joined.retain(|joined| {
            if wanted.contains(joined) {
                return true;
            }
            // The kernel may keep a membership that the adapter has already dropped (as it does for
            // IPv6 at an MTU below 1280). Without this call it would count against the limit, and
            // the kernel would take a later join for a duplicate.
            let _ = channel.with(|socket| udpair_io::leave(socket, joined));
            changed.push(MembershipChange::new(*joined, false));
            false
        });
        for membership in wanted {
            // A join that fails now is tried again at the next change.
            if !groups.joined.contains(&membership) && groups.join(channel, membership).is_ok() {
                changed.push(MembershipChange::new(membership, true));
            }
        }
        changed
    }

    /// Returns whether there is no request.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.get().is_none() || self.groups().requests.is_empty()
    }

    /// Notes that the socket has a new descriptor, which is bound to `bound` and has no memberships
    /// yet. The next [`apply`](Self::apply) joins the groups again.
    pub(crate) fn restart(&self, bound: Bound) {
        if self.0.get().is_some() {
            let mut groups = self.groups();
            groups.joined.clear();
            groups.bound = bound;
        }
    }

    /// Returns the adapter of the first membership in a group of this family.
    pub(crate) fn first_adapter(&self, is_ipv4: bool) -> Option<u32> {
        let groups = self.groups();
        let mut joined = groups.joined.iter();
        joined
            .find(|joined| joined.group.is_ipv4() == is_ipv4)
            .map(|joined| joined.adapter)
    }

    /// Removes all requests and memberships. When the socket is closed, the kernel drops its
    /// memberships too.
    pub(crate) fn clear(&self) {
        if self.0.get().is_some() {
            let cleared = std::mem::take(&mut *self.groups());
            drop(cleared);
        }
    }

    fn groups(&self) -> MutexGuard<'_, Groups> {
        let groups = self.0.get_or_init(Box::default);
        groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Groups {
    /// Returns whether the group is already joined in the other mode. The kernel would accept both
    /// requests, and act on the first one only.
    fn contradicts(&self, request: &MembershipRequest) -> bool {
        let mut others = self
            .requests
            .iter()
            .filter(|other| other.group == request.group);
        others.any(|other| other.source.is_some() != request.source.is_some())
    }

    /// Ends the memberships for which `is_left` returns `true`.
    fn leave(&mut self, channel: &Channel, is_left: impl Fn(&Membership) -> bool) {
        self.joined.retain(|joined| {
            let is_left = is_left(joined);
            if is_left {
                // This fails if the adapter was removed, because the membership went with it.
                let _ = channel.with(|socket| udpair_io::leave(socket, joined));
            }
            !is_left
        });
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

/// Returns whether two descriptions are of the same adapter. One of them may be from before the
/// adapter was removed and came back. `adapters` are those that there are now.
fn is_same_adapter(one: &Adapter, other: &Adapter, adapters: &[Adapter]) -> bool {
    match (one.find_in(adapters), other.find_in(adapters)) {
        (Some(one), Some(other)) => one.index == other.index,
        (None, None) => one.id == other.id || one.name == other.name,
        _ => false,
    }
}

/// Returns the adapters on which a socket joins a group: all that are up, carry multicast and have
/// an address of the group's family; loopback only if there is no other, or if it is the one that
/// was asked for (MCG-02, MCG-03). `only` is the index of the one adapter that was asked for.
fn suitable(
    adapters: &[Adapter],
    group: IpAddr,
    only: Option<u32>,
    bound: Bound,
) -> impl Iterator<Item = &Adapter> + Clone + use<'_> {
    let carries = move |adapter: &&Adapter| {
        let mut addresses = adapter.addresses.iter().map(|address| address.ip);
        adapter.is_up
            && (adapter.is_multicast || adapter.is_loopback)
            && addresses.any(|ip| ip.is_ipv4() == group.is_ipv4())
    };
    let reaches = move |adapter: &&Adapter| {
        only.is_none_or(|index| adapter.index == index)
            && bound.adapter.is_none_or(|index| adapter.index == index)
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
    fn a_group_is_joined_on_every_suitable_adapter() {
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
        for (group, only, bound, among, expected) in [
            ("224.3.0.5", None, anywhere, 0..4, &[2_u32, 3] as &[_]),
            ("ff15::1", None, anywhere, 0..4, &[2]),
            ("224.3.0.5", None, anywhere, 0..1, &[1]),
            ("224.3.0.5", None, on_adapter(3), 0..4, &[3]),
            ("ff15::1", None, on_adapter(3), 0..4, &[]),
            ("224.3.0.5", None, on_adapter(1), 0..4, &[1]),
            ("224.3.0.5", None, at("192.0.2.1"), 0..4, &[2]),
            ("224.3.0.5", None, at("192.0.2.9"), 0..4, &[]),
            ("224.3.0.5", Some(3), anywhere, 0..4, &[3]),
            ("224.3.0.5", Some(1), anywhere, 0..4, &[1]),
            ("ff15::1", Some(3), anywhere, 0..4, &[]),
            ("224.3.0.5", Some(4), anywhere, 0..4, &[]),
            ("224.3.0.5", Some(2), on_adapter(3), 0..4, &[]),
        ] {
            let group = group.parse().unwrap();
            let found: Vec<_> = suitable(&adapters[among], group, only, bound)
                .map(|adapter| adapter.index)
                .collect();
            assert_eq!(found, *expected, "{group} {only:?} {bound:?}");
        }
    }
}
