//! Bluetooth device addresses: six octets, `12:34:56:78:9A:BC`, in parentheses or not.
//!
//! The model accepts them as host names, although no datagram can be sent to them.

/// Parses an address; `None` if `text` is not one.
pub(super) fn parse(text: &str) -> Option<[u8; 6]> {
    let inner = match text.strip_prefix('(') {
        Some(rest) => rest.strip_suffix(')')?,
        None => text,
    };
    let mut octets = [0; 6];
    let mut parts = inner.split(':');
    for octet in &mut octets {
        let part = parts.next()?;
        if part.len() != 2 || !part.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        *octet = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(octets)
}

/// Returns the canonical text of an address.
pub(super) fn canonical(octets: [u8; 6]) -> String {
    let parts: Vec<_> = octets.iter().map(|octet| format!("{octet:02X}")).collect();
    parts.join(":")
}
