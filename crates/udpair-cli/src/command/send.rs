//! `send`: datagrams, and no waiting for anything.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use udpair::OutputStream;

use super::{Context, Exit, Failure};
use crate::args::Send;
use crate::event::Event;

pub(super) async fn run(context: &Context, arguments: &Send) -> Result<Exit, Failure> {
    let payload = sized(arguments.payload.bytes()?, arguments.size);
    let socket = context.socket().await?;
    let output = socket.output_to(&arguments.remote.endpoint()).await?;
    context
        .with_summary(&socket, fire(context, arguments, &output, &payload))
        .await
}

async fn fire(
    context: &Context,
    arguments: &Send,
    output: &OutputStream,
    payload: &[u8],
) -> Result<Exit, Failure> {
    let started = Instant::now();
    for number in 0..arguments.count {
        if let Some(rate) = arguments.rate {
            // From the start, not from the last one, so that lateness does not add up.
            sleep_until(started + Duration::from_secs_f64(number as f64 / rate)).await;
        }
        output.write(payload).await?;
        context.say(&Event::Sent {
            bytes: payload.len(),
        })?;
    }
    Ok(Exit::Done)
}

/// Repeats or cuts `payload` to `size` bytes; an empty one becomes zeros.
fn sized(payload: Vec<u8>, size: Option<u32>) -> Vec<u8> {
    let Some(size) = size else { return payload };
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if payload.is_empty() {
        return vec![0; size];
    }
    payload.into_iter().cycle().take(size).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_repeated_or_cut_to_its_size() {
        assert_eq!(sized(b"abc".to_vec(), Some(7)), b"abcabca");
        assert_eq!(sized(b"abc".to_vec(), Some(2)), b"ab");
        assert_eq!(sized(Vec::new(), Some(2)), [0, 0]);
        assert_eq!(sized(b"abc".to_vec(), None), b"abc");
    }
}
