//! `adapters`: lists the network adapters of this machine, and watches them for changes.

use std::io;

use udpair::{AdapterWatch, ErrorKind, Network, adapters, default_routes, watch_adapters};

use super::context::{Context, Exit, Failure};
use crate::args::Adapters;
use crate::event::{AdapterChangeEvent, AdapterEvent, Event};
use crate::render;

pub(super) async fn run(context: &Context, arguments: &Adapters) -> Result<Exit, Failure> {
    if arguments.watch {
        let watch = watch_adapters()?;
        list(context, watch.network()).await?;
        return print_changes(context, watch).await;
    }
    let failed = |error: io::Error| {
        let kind = match error.kind() {
            io::ErrorKind::Unsupported => ErrorKind::Unsupported,
            _ => ErrorKind::Io,
        };
        Failure::new(kind, format!("cannot list the adapters: {error}"))
    };
    let adapters = adapters().map_err(failed)?;
    let network = Network::new(adapters, default_routes().map_err(failed)?);
    list(context, &network).await?;
    Ok(Exit::Done)
}

async fn list(context: &Context, network: &Network) -> Result<(), Failure> {
    let text = render::adapter_heading(context.output.layout());
    context.print(&Event::Note { text }).await?;
    for adapter in &network.adapters {
        let event = AdapterEvent::new(adapter, network, adapter.bits_per_second());
        context.print(&Event::Adapter(event)).await?;
    }
    Ok(())
}

/// Prints changes until the command is interrupted.
async fn print_changes(context: &Context, mut watch: AdapterWatch) -> Result<Exit, Failure> {
    loop {
        let update = watch.changed().await?;
        for change in &update.changes {
            if let Some(event) = AdapterChangeEvent::new(change, &update.network) {
                context.print(&Event::AdapterChange(event)).await?;
            }
        }
    }
}
