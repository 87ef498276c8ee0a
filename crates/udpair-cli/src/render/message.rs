//! Received datagrams as text, fast enough for a stream of them.
//!
//! Pure: no I/O.

use std::io::{self, Write as _};

use serde::Serialize;

use crate::clock;
use crate::color::{self, Color};
use crate::escape;
use crate::event::Received;
use crate::frame::Frame;
use crate::hex;

/// Adds one line, even if the payload contains line ends: time, sender and destination, adapter,
/// length, hop limit, and the payload.
pub(super) fn line(received: &Received<'_>, as_hex: bool, is_colored: bool, text: &mut Vec<u8>) {
    color::begin(is_colored, Color::Metadata, text);
    clock::push(text, received.time);
    // Writing to a vector cannot fail.
    let _ = write!(text, " {} → ", received.remote);
    let _ = match received.destination {
        Some(destination) => write!(text, "{destination}"),
        None => write!(text, "?"),
    };
    if let Some(adapter) = &received.adapter {
        text.push(b'%');
        escape::push_for_terminal(text, adapter.as_bytes());
    }
    let bytes = received.payload.len();
    let _ = write!(text, " {bytes} {}", plural(bytes, "byte"));
    if let Some(hops) = received.hop_limit {
        let _ = write!(text, " {hops} {}", plural(hops.into(), "hop"));
    }
    text.push(b':');
    color::end(is_colored, text);
    text.push(b' ');
    if as_hex {
        hex::push(text, received.payload);
    } else {
        escape::push_for_terminal(text, received.payload);
    }
    text.push(b'\n');
}

/// Adds the payload only. On a terminal it is escaped, unless it becomes hex digits.
pub(super) fn payload(
    received: &Received<'_>,
    frame: Frame,
    is_terminal: bool,
    text: &mut Vec<u8>,
) {
    if is_terminal && frame != Frame::Hex {
        let escaped = escape::for_terminal(received.payload);
        frame.write(&escaped, text);
    } else {
        frame.write(received.payload, text);
    }
}

/// Adds the event as JSON.
pub(super) fn json(
    received: &Received<'_>,
    is_terminal: bool,
    text: &mut Vec<u8>,
) -> io::Result<()> {
    let start = text.len();
    let payload = received.payload;
    let mut digits = Vec::with_capacity(2 * payload.len());
    hex::push(&mut digits, payload);
    let event = MessageEvent {
        event: "message",
        remote: received.remote,
        local: received.local,
        destination: received.destination,
        adapter: received.adapter.as_deref(),
        hop_limit: received.hop_limit,
        bytes: payload.len(),
        text: str::from_utf8(payload).ok(),
        hex: str::from_utf8(&digits).unwrap_or_default(),
        rtt_us: received
            .rtt
            .map(|rtt| u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX)),
        time: clock::text(received.time),
    };
    serde_json::to_writer(&mut *text, &event).map_err(io::Error::other)?;
    if is_terminal {
        let escaped = escape::json_for_terminal(&String::from_utf8_lossy(&text[start..]));
        text.truncate(start);
        text.extend_from_slice(escaped.as_bytes());
    }
    text.push(b'\n');
    Ok(())
}

/// The event of a received datagram, as JSON has it.
#[derive(Serialize)]
struct MessageEvent<'a> {
    event: &'static str,
    remote: std::net::SocketAddr,
    local: Option<std::net::SocketAddr>,
    destination: Option<std::net::SocketAddr>,
    adapter: Option<&'a str>,
    hop_limit: Option<u8>,
    bytes: usize,
    /// `None` if the payload is not UTF-8.
    text: Option<&'a str>,
    hex: &'a str,
    rtt_us: Option<u64>,
    time: String,
}

/// Returns `noun`, in the form for this number of them.
pub(super) fn plural(number: usize, noun: &str) -> String {
    match number {
        1 => noun.to_owned(),
        _ => format!("{noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn received(payload: &[u8]) -> Received<'_> {
        Received {
            time: UNIX_EPOCH + Duration::from_micros(1),
            remote: "192.0.2.1:5".parse().unwrap(),
            local: None,
            destination: None,
            adapter: None,
            hop_limit: None,
            rtt: None,
            payload,
        }
    }

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut text = Vec::new();
        write(&mut text);
        String::from_utf8(text).unwrap()
    }

    /// What is not known is left out of a line.
    #[test]
    fn a_line_says_what_is_known() {
        let mut message = received(b"two\nlines");
        assert_eq!(
            text(|text| line(&message, false, false, text)),
            "1970-01-01T00:00:00.000001Z 192.0.2.1:5 → ? 9 bytes: two\\nlines\n"
        );
        message.destination = Some("[ff02::1%3]:9".parse().unwrap());
        message.adapter = Some("eth0".into());
        message.hop_limit = Some(1);
        message.payload = b"\0";
        assert_eq!(
            text(|text| line(&message, true, false, text)),
            "1970-01-01T00:00:00.000001Z 192.0.2.1:5 → [ff02::1%3]:9%eth0 1 byte 1 hop: 00\n"
        );
    }

    #[test]
    fn payloads_are_escaped_for_a_terminal_in_every_form() {
        let bytes = "\u{1b}[2J\u{9b}31m\u{202e}x\n".as_bytes();
        let message = received(bytes);
        let as_json = text(|text| json(&message, true, text).unwrap());
        for text in [
            text(|text| line(&message, false, false, text)),
            text(|text| payload(&message, Frame::Line, true, text)),
            text(|text| payload(&message, Frame::Raw, true, text)),
            as_json.clone(),
        ] {
            let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!text.contains(acts), "{text:?}");
        }
        // The escaped JSON has the same value.
        let event: serde_json::Value = serde_json::from_str(&as_json).unwrap();
        assert_eq!(event["text"], str::from_utf8(bytes).unwrap());
        assert_eq!(event["destination"], serde_json::Value::Null);
    }

    #[test]
    fn frames_add_a_line_end_or_nothing() {
        let message = received(b"ab");
        for (frame, expected) in [
            (Frame::Line, "ab\n"),
            (Frame::Raw, "ab"),
            (Frame::Hex, "6162\n"),
        ] {
            for is_terminal in [false, true] {
                let text = text(|text| payload(&message, frame, is_terminal, text));
                assert_eq!(text, expected);
            }
        }
    }
}
