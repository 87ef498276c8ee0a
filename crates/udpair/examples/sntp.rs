//! Asks a time server for the time, without a runtime (SNTP, RFC 5905).
//!
//! `cargo run --example sntp -- pool.ntp.org:ntp`

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use udpair::blocking::Socket;
use udpair::{Error, Request};

/// Seconds from 1900, where the time of NTP begins, to 1970 (RFC 5905, section 6).
const TO_UNIX: u64 = 2_208_988_800;

fn main() -> Result<(), Error> {
    let server = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "localhost:ntp".into());
    let socket = Socket::connect(server.as_str())?;

    // Leap indicator 0, version 4, mode 3 (client). The server copies the transmit time stamp into
    // the reply, so that a random one tells the reply from others.
    let mut packet = [0; 48];
    packet[0] = 0x23;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    packet[40..48].copy_from_slice(&now.as_nanos().to_be_bytes()[8..]);
    let origin = packet[40..48].to_vec();
    let request = Request::new(packet.to_vec())
        .wait(Duration::from_millis(500))
        .accept(move |message| message.payload().get(24..32) == Some(&origin[..]));
    let reply = socket.ask(&request)?;

    let seconds = u64::from(u32::from_be_bytes(field(reply.payload(), 40)));
    println!("{} says {} s since 1970", reply.remote(), seconds - TO_UNIX);
    Ok(())
}

fn field(packet: &[u8], at: usize) -> [u8; 4] {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&packet[at..at + 4]);
    bytes
}
