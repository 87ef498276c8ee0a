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
            context.say(&event).await?;
        }
    }
    let candidates = resolution.candidates()?;
    if arguments.explain && !context.global.json {
        // The last step shows them, with the reasons for their order.
        return Ok(Exit::Done);
    }
    for (candidate, rank) in candidates.iter().zip(1..) {
        context
            .say(&Event::EndpointPair {
                local: candidate.source,
                remote: candidate.address,
                rank,
            })
            .await?;
    }
    Ok(Exit::Done)
}
