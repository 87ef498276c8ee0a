//! `services`: lists the service names of this machine and their ports.

use udpair::{ErrorKind, ServiceSource};

use super::context::{Context, Exit, Failure};
use crate::args::Services;
use crate::event::Event;

pub(super) async fn run(context: &Context, arguments: &Services) -> Result<Exit, Failure> {
    let known = context.resolver().services().await?;
    let path = match &known.source {
        ServiceSource::File(path) => Some(path.display().to_string()),
        _ => None,
    };
    let wanted = |name: &str| {
        arguments
            .name
            .as_deref()
            .is_none_or(|wanted| wanted.eq_ignore_ascii_case(name))
    };
    let mut found = false;
    for (name, port) in known.services.into_iter().filter(|(name, _)| wanted(name)) {
        found = true;
        context
            .print(&Event::Service {
                name,
                port,
                source: if path.is_some() { "file" } else { "table" },
                path: path.clone(),
            })
            .await?;
    }
    match &arguments.name {
        Some(name) if !found => {
            let list = path.unwrap_or_else(|| "the table that comes with udpair".into());
            Err(Failure::new(
                ErrorKind::ServiceNotFound,
                format!("{list} has no udp entry for \"{name}\""),
            ))
        }
        _ => Ok(Exit::Done),
    }
}
