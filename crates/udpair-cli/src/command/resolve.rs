//! `resolve`: the addresses that a host and service lead to, best first.

use super::{Context, Exit, Failure};
use crate::args::Resolve;
use crate::event::Event;

pub(super) async fn run(context: &Context, arguments: &Resolve) -> Result<Exit, Failure> {
    let resolution = context
        .resolver()
        .resolve(&arguments.remote.endpoint())
        .await;
    if arguments.explain {
        for event in resolution.steps().iter().filter_map(Event::step) {
            context.say(&event)?;
        }
    }
    for (candidate, rank) in resolution.candidates()?.iter().zip(1..) {
        context.say(&Event::EndpointPair {
            local: candidate.source,
            remote: candidate.address,
            rank,
        })?;
    }
    Ok(Exit::Done)
}
