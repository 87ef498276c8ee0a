//! The destination of an output stream.
//!
//! A link-local address names its adapter by the index, and so does a group that is to be sent to
//! through one adapter. An adapter that is plugged in again has another one. A recipient finds the
//! adapter again.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use udpair_io::{Adapter, Destination};

use crate::error::Error;
use crate::name::needs_zone;
use crate::resolve::{Resolver, in_zone, zone_of};

/// The destination of an output stream.
#[derive(Clone, Debug)]
pub(crate) struct Recipient {
    /// `None` stands for the peer of a connected socket.
    to: Option<Destination>,
    /// The adapter that the address names; `None` if it names none.
    zone: Option<Arc<Zone>>,
}

/// An adapter, and the index that it had when it was last looked for.
#[derive(Debug)]
struct Zone {
    adapter: Adapter,
    index: AtomicU32,
}

impl Recipient {
    /// Returns the peer of a connected socket.
    pub(crate) fn peer() -> Self {
        let (to, zone) = (None, None);
        Self { to, zone }
    }

    /// Returns the recipient at an address.
    pub(crate) fn at(to: Destination, resolver: &Resolver) -> Self {
        let adapter = zone(to).and_then(|index| {
            let adapters = resolver.list_adapters().ok()?;
            adapters.into_iter().find(|adapter| adapter.index == index)
        });
        let zone = adapter.map(|adapter| {
            let index = AtomicU32::new(adapter.index);
            Arc::new(Zone { adapter, index })
        });
        Self { to: Some(to), zone }
    }

    /// Returns the destination as it is now; `None` stands for the peer of a connected socket.
    #[inline]
    pub(crate) fn destination(&self) -> Option<Destination> {
        let mut to = self.to?;
        if let Some(zone) = &self.zone {
            let index = zone.index.load(Ordering::Acquire);
            to.address = in_zone(to.address, index);
            if to.source.adapter.is_some() {
                to.source.adapter = Some(index);
            }
        }
        Some(to)
    }

    /// Returns whether a send to `to`, which was this recipient's destination, has failed because
    /// the adapter has another index now.
    #[inline]
    pub(crate) fn has_moved<T>(
        &self,
        to: Option<Destination>,
        sent: &Result<T, Error>,
        resolver: &Resolver,
    ) -> bool {
        match (&self.zone, to) {
            (Some(zone), Some(to)) if sent.is_err() => zone.has_moved(to, resolver),
            _ => false,
        }
    }
}

impl Zone {
    #[cold]
    fn has_moved(&self, to: Destination, resolver: &Resolver) -> bool {
        let adapters = resolver.list_adapters().unwrap_or_default();
        let Some(present) = self.adapter.find_in(&adapters) else {
            return false;
        };
        self.index.store(present.index, Ordering::Release);
        zone(to) != Some(present.index)
    }
}

/// Returns the zone of an address that needs one, or of a group the adapter through which it is
/// sent to, for which other addresses have no place.
fn zone(to: Destination) -> Option<u32> {
    let ip = to.address.ip();
    match ip {
        IpAddr::V6(ip) if needs_zone(ip) => zone_of(to.address),
        _ => to
            .source
            .adapter
            .filter(|_| ip.to_canonical().is_multicast()),
    }
}
