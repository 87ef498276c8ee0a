//! A request to one address of a remote endpoint after the other, until one replies.

use std::time::Instant;

use udpair_io::Adapter;

use super::super::DatagramSocket;
use super::super::builder::Builder;
use super::super::many;
use super::super::open::{self, Attempts, Purpose};
use super::request::{Request, RequestEvent};
use crate::driver;
use crate::error::{Error, ErrorKind};
use crate::message::Message;
use crate::name::EndpointPair;
use crate::resolve::RemoteAddresses;

/// Implements [`Builder::ask`], and [`Builder::ask_on`] for an adapter.
pub(super) async fn ask(
    builder: &Builder,
    adapter: Option<&Adapter>,
    pair: &EndpointPair,
    request: &Request,
) -> Result<(DatagramSocket, Message), Error> {
    let asking = ask_in_runtime(builder, adapter, pair, request);
    driver::in_runtime(asking)
        .await
        .map_err(Error::no_runtime)?
}

async fn ask_in_runtime(
    builder: &Builder,
    adapter: Option<&Adapter>,
    pair: &EndpointPair,
    request: &Request,
) -> Result<(DatagramSocket, Message), Error> {
    let remote = pair.remote();
    let connect = format!("connect to {remote}");
    // Never opened: it has the checked settings.
    let unopened = builder.open()?;
    let settings = &unopened.shared().settings;
    if settings.multicast_only {
        return Err(many::multicast_only_error(&format!("cannot {connect}")));
    }
    let search = settings.resolver.search_via(adapter);
    let local = search.local(pair.local()).await?;
    let zone = adapter.map(|adapter| adapter.index).or(local.zone());
    let search = search.for_local_family(local.family());
    let check = |address| open::check_address(settings, address, Purpose::Connect);
    let mut addresses = RemoteAddresses::find(&search, remote, zone, &check).await?;
    let mut attempts = Attempts::new(&connect);
    let mut was_connected = false;
    while let Some(address) = addresses.next().await? {
        let socket = match adapter {
            Some(adapter) => builder.bind_on(adapter, pair.local().service()).await?,
            None => builder.open()?,
        };
        let connected = match adapter {
            Some(_) => socket.connect(address).await,
            None => open::connect_from(socket.shared(), &local, address),
        };
        was_connected = connected.is_ok();
        if let Err(error) = connected {
            attempts.failed(address, error)?;
            continue;
        }
        request.report(RequestEvent::Connected(&socket));
        let started = Instant::now();
        let error = match socket.ask(request).await {
            Ok(reply) => return Ok((socket, reply)),
            Err(error) => error,
        };
        // Another handle to it may exist, and the next socket may need its port.
        socket.close();
        request.report(RequestEvent::GaveUp {
            address,
            error: &error,
        });
        if !may_succeed_elsewhere(error.kind()) {
            return Err(error);
        }
        attempts.add(address, error);
        addresses.postpone(started.elapsed());
    }
    Err(match was_connected {
        true => attempts.into_error_of(&format!("ask {remote}")),
        false => attempts.into_error(),
    })
}

/// Returns whether another address may reply to a request that failed with an error of this kind.
fn may_succeed_elsewhere(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NoReply
            | ErrorKind::PeerUnreachable
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::AddressNotAvailable
            | ErrorKind::PermissionDenied
            | ErrorKind::PayloadTooLarge
    )
}
