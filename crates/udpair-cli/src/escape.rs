//! Escapes text from the network, so that it is safe on a terminal.
//!
//! A datagram may contain sequences that move the cursor, change colours or rename the window, and
//! characters that reverse the direction of text. On a terminal they are shown, not executed.
//!
//! Pure: no I/O.

/// Returns `bytes` as text without control characters or invisible formatting characters.
pub(crate) fn for_terminal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '\\' || is_active(c) {
                text.extend(c.escape_default());
            } else {
                text.push(c);
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// Returns equivalent JSON in which the characters that a terminal may act on are escaped.
pub(crate) fn json_for_terminal(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if is_active(c) {
            // Such characters occur only in strings, where JSON can escape their UTF-16 code units.
            for unit in c.encode_utf16(&mut [0; 2]) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            text.push(c);
        }
    }
    text
}

/// Whether a terminal may act on a character instead of showing it.
fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Direction marks and overrides, separators, joiners and other invisible characters
            // (Unicode categories Cf, Zl, Zp).
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_control_a_terminal_are_escaped() {
        for (bytes, text) in [
            (b"plain text" as &[u8], "plain text"),
            ("für ☃ 例え".as_bytes(), "für ☃ 例え"),
            (b"\x1b[31mred", "\\u{1b}[31mred"),
            (b"two\nlines\r\t", "two\\nlines\\r\\t"),
            (b"bell\x07 nul\0", "bell\\u{7} nul\\u{0}"),
            (b"back\\slash", "back\\\\slash"),
            (b"\xff\xfeno text", "\\xff\\xfeno text"),
            ("c1 \u{9b}2J".as_bytes(), "c1 \\u{9b}2J"),
            ("\u{202e}turned".as_bytes(), "\\u{202e}turned"),
        ] {
            assert_eq!(for_terminal(bytes), text);
        }
    }
}
