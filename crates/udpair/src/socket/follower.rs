//! Keeps a socket working while the network changes.
//!
//! The kernel ties some things to an adapter's index, and an adapter that is plugged in again has
//! another one: memberships, the adapter that a socket is bound to, and the adapter for multicast.
//! A task per socket that has any of these ties them again. It runs in the runtime of the socket.

use std::future;
use std::sync::{Arc, Weak};
use std::time::Duration;

use udpair_io::{Adapter, Family};

use super::link::{Bound, Link};
use super::open::bind::reopened_socket;
use super::settings::Settings;
use super::shared::{DeviceBinding, Shared};
use crate::driver::{self, NetworkWatch};
use crate::error::Error;
use crate::message::{AttachmentChange, Event};
use crate::resolve::in_zone;

/// Starts the task, if the socket needs one and has none.
///
/// If the system does not report changes of the network, the socket works as long as its adapter
/// stays.
pub(crate) fn start(shared: &Arc<Shared>) {
    let Some(link) = shared.link() else {
        return;
    };
    if !is_needed(shared, link) || shared.follower().is_running() {
        return;
    }
    let watch = link.channel.within_runtime(NetworkWatch::begin);
    if let Ok(Ok(watch)) = watch
        && let Ok(task) = link.channel.spawn(follow(Arc::downgrade(shared), watch))
    {
        shared.follower().set(task);
    }
}

/// Ends the task, if the socket does not need it any more.
pub(crate) fn stop_unneeded(shared: &Shared, link: &Link) {
    shared.stop_follower_unless(|| is_needed(shared, link));
}

/// Returns whether the socket has anything that is tied to an adapter which can be removed.
fn is_needed(shared: &Shared, link: &Link) -> bool {
    let is_tied = |device: &DeviceBinding| !device.adapter.is_loopback;
    shared.current_settings().multicast.adapter.is_some()
        || !link.memberships.is_empty()
        || shared.device().is_some_and(|device| is_tied(&device))
}

/// Returns what the socket is bound to, which limits the adapters on which it can join groups.
pub(crate) fn bound(shared: &Shared) -> Bound {
    Bound {
        adapter: shared.adapter(),
        address: shared
            .local_addr()
            .map(|local| local.ip())
            .filter(|ip| !ip.is_unspecified()),
    }
}

/// Ties the socket to its adapters after each change of the network, as long as it exists.
async fn follow(shared: Weak<Shared>, mut watch: NetworkWatch) {
    let mut network = watch.network();
    let mut state = State::default();
    loop {
        let Some(alive) = shared.upgrade() else {
            return;
        };
        // What the application lists are the adapters of its sockets (GEN-11).
        let own = alive.settings.resolver.own_adapters();
        let adapters = own.as_ref().unwrap_or(&network.adapters);
        let is_complete = match alive.link() {
            Some(link) if !alive.is_closed() => state.apply(&alive, link, adapters),
            _ => return,
        };
        drop(alive);
        let changed = future::poll_fn(|cx| watch.poll_changed(cx));
        let changed = match is_complete {
            true => Some(changed.await),
            // Not every reason for a failure is a change of the network.
            false => driver::timeout(RETRY_PAUSE, changed).await,
        };
        match changed {
            Some(Ok(changed)) => network = changed,
            None => {}
            Some(Err(_)) => {
                driver::sleep(RETRY_PAUSE).await;
                if let Ok(begun) = NetworkWatch::begin() {
                    watch = begun;
                    network = watch.network();
                }
            }
        }
    }
}

/// What the task knows about the socket.
#[derive(Default)]
struct State {
    /// Whether the adapter that the socket is bound to was away when it was last looked for.
    is_detached: bool,
    /// The adapter for multicast, as it was last seen; `None` before that.
    multicast: Option<Multicast>,
}

/// The adapter for multicast, as it was last seen.
struct Multicast {
    /// As the application has described it.
    chosen: Arc<Adapter>,
    adapter: Arc<Adapter>,
    is_attached: bool,
}

impl State {
    /// Ties the socket to its adapters, and returns whether this is complete: `false` if it has
    /// failed and is worth another attempt.
    fn apply(&mut self, shared: &Shared, link: &Link, adapters: &[Adapter]) -> bool {
        let is_attached = self.attach(shared, link, adapters);
        self.choose_multicast_adapter(shared, link, adapters);
        for change in link.memberships.apply(&link.channel, adapters) {
            link.notify(Event::MembershipChanged(change));
        }
        is_attached
    }

    /// Binds the socket to its adapter again if that has come back. Returns `false` if this has
    /// failed.
    fn attach(&mut self, shared: &Shared, link: &Link, adapters: &[Adapter]) -> bool {
        let Some(device) = shared.device() else {
            return true;
        };
        let Some(present) = device.adapter.find_in(adapters) else {
            self.detach(link, &device.adapter);
            return true;
        };
        if present.index != device.adapter.index {
            let device = DeviceBinding {
                adapter: Arc::new(present.clone()),
                address: device
                    .address
                    .map(|address| in_zone(address, present.index)),
                is_requested: device.is_requested,
            };
            if reopen(shared, link, device, adapters).is_err() {
                self.detach(link, present);
                return false;
            }
        } else if !self.is_detached {
            return true;
        }
        self.is_detached = false;
        link.notify(attachment(present, true));
        true
    }

    /// Notes that the adapter of the socket is away.
    fn detach(&mut self, link: &Link, adapter: &Adapter) {
        if !self.is_detached {
            self.is_detached = true;
            link.notify(attachment(adapter, false));
        }
    }

    /// Sends to groups on the chosen adapter again if that has come back.
    fn choose_multicast_adapter(&mut self, shared: &Shared, link: &Link, adapters: &[Adapter]) {
        let settings = shared.current_settings();
        let Some(chosen) = &settings.multicast.adapter else {
            self.multicast = None;
            return;
        };
        let present = chosen.find_in(adapters);
        // Another one may have been chosen since the last time.
        let known = self
            .multicast
            .take_if(|known| !Arc::ptr_eq(&known.chosen, chosen));
        drop(known);
        let known = self.multicast.get_or_insert_with(|| Multicast {
            chosen: chosen.clone(),
            adapter: chosen.clone(),
            is_attached: true,
        });
        let was_attached = known.is_attached;
        let Some(present) = present else {
            known.is_attached = false;
            if was_attached {
                link.notify(attachment(&known.adapter, false));
            }
            return;
        };
        let is_other = present.index != known.adapter.index;
        if !is_other && was_attached {
            return;
        }
        let set = link
            .channel
            .with(|socket| udpair_io::set_multicast_adapter(socket, present.index));
        known.adapter = Arc::new(present.clone());
        known.is_attached = matches!(set, Some(Ok(())));
        if known.is_attached {
            link.notify(attachment(present, true));
        }
    }
}

fn attachment(adapter: &Adapter, is_attached: bool) -> Event {
    let adapter = Arc::new(adapter.clone());
    Event::AttachmentChanged(AttachmentChange::new(adapter, is_attached))
}

/// Replaces the descriptor of the socket by one that is bound to `device`.
fn reopen(
    shared: &Shared,
    link: &Link,
    device: DeviceBinding,
    adapters: &[Adapter],
) -> Result<(), Error> {
    let current = shared.current_settings();
    let mut settings = Settings::clone(&current);
    let multicast = settings.multicast.adapter.take();
    let multicast = multicast.and_then(|chosen| chosen.find_in(adapters).cloned());
    settings.multicast.adapter = multicast.map(Arc::new);
    let index = device.adapter.index;
    let family = link.channel.with(udpair_io::Socket::family);
    let port = link.channel.local_addr().map_or(0, |local| local.port());
    let peer = link.channel.peer_addr().map(|peer| in_zone(peer, index));
    let socket = reopened_socket(
        &settings,
        &device,
        family.unwrap_or(Family::Dual),
        port,
        peer,
    )?;
    link.channel.set_peer_zone(index);
    shared.set_device(device);
    link.replace(socket);
    shared.reapply_changes_since(&current);
    link.memberships.restart(bound(shared));
    Ok(())
}

/// The pause before the next attempt after a failure.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
