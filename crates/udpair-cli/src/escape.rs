//! Escapes text from the network, so that it is safe on a terminal.
//!
//! A datagram may contain sequences that move the cursor, change colours or rename the window, and
//! characters that reverse the direction of text. On a terminal they are shown, not executed.
//!
//! Pure: no I/O.

use crate::hex;

/// Adds `bytes` to `text`, without control characters or invisible formatting characters.
pub(crate) fn push_for_terminal(text: &mut Vec<u8>, bytes: &[u8]) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let (plain, others) = rest.split_at(plain_runs(rest));
        text.extend_from_slice(plain);
        let used = push_run(text, others);
        rest = &others[used..];
    }
}

/// Returns `bytes` as text without control characters or invisible formatting characters.
pub(crate) fn for_terminal(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    push_for_terminal(&mut text, bytes);
    text
}

/// Returns the length of the runs at the start that have nothing to escape.
fn plain_runs(bytes: &[u8]) -> usize {
    // A run is checked without a branch for each byte.
    let is_plain = |run: &&[u8]| {
        run.iter().fold(true, |all, byte| {
            all & (b' '..=b'~').contains(byte) & (*byte != b'\\')
        })
    };
    RUN_BYTES * bytes.chunks_exact(RUN_BYTES).take_while(is_plain).count()
}

/// Adds a run that has something to escape, and returns its length.
fn push_run(text: &mut Vec<u8>, bytes: &[u8]) -> usize {
    let mut block = [0; (RUN_BYTES + CHARACTER_BYTES_MAX) * ESCAPE_BYTES];
    let (mut length, mut used) = (0, 0);
    while used < bytes.len().min(RUN_BYTES) {
        let byte = bytes[used];
        let Some(character) = character(&bytes[used..]) else {
            let escape = &ESCAPES[usize::from(byte)];
            // Of a fixed length, so that this is no call. What is too much is overwritten.
            block[length..length + ESCAPE_BYTES].copy_from_slice(&escape.text);
            length += usize::from(escape.length);
            used += 1;
            continue;
        };
        used += character.len();
        match character.chars().next().filter(|c| is_active(*c)) {
            Some(c) => {
                text.extend_from_slice(&block[..length]);
                length = 0;
                text.extend_from_slice(c.escape_unicode().to_string().as_bytes());
            }
            None => {
                block[length..length + character.len()].copy_from_slice(character.as_bytes());
                length += character.len();
            }
        }
    }
    text.extend_from_slice(&block[..length]);
    used
}

/// Returns the first character, if it is a valid one that is not ASCII.
fn character(bytes: &[u8]) -> Option<&str> {
    let length = match bytes {
        [0xc2..=0xdf, 0x80..=0xbf, ..] => 2,
        [0xe0..=0xef, 0x80..=0xbf, ..] => 3,
        [0xf0..=0xf4, 0x80..=0xbf, ..] => 4,
        _ => return None,
    };
    str::from_utf8(bytes.get(..length)?).ok()
}

/// A byte as it is written.
#[derive(Clone, Copy)]
struct Escape {
    text: [u8; ESCAPE_BYTES],
    length: u8,
}

impl Escape {
    /// Escapes a byte: an ASCII character as [`char::escape_default`] does, unless it is printable,
    /// and any other as `\x` and two digits.
    const fn new(byte: u8) -> Self {
        let [high, low] = hex::DIGITS[byte as usize];
        let (text, length) = match byte {
            b'\n' => ([b'\\', b'n', 0, 0, 0, 0], 2),
            b'\r' => ([b'\\', b'r', 0, 0, 0, 0], 2),
            b'\t' => ([b'\\', b't', 0, 0, 0, 0], 2),
            b'\\' => ([b'\\', b'\\', 0, 0, 0, 0], 2),
            b' '..=b'~' => ([byte, 0, 0, 0, 0, 0], 1),
            0..=0xf => ([b'\\', b'u', b'{', low, b'}', 0], 5),
            0x10..=0x7f => ([b'\\', b'u', b'{', high, low, b'}'], 6),
            0x80.. => ([b'\\', b'x', high, low, 0, 0], 4),
        };
        Self { text, length }
    }
}

/// The escapes of all bytes.
static ESCAPES: [Escape; 256] = {
    let mut escapes = [Escape::new(0); 256];
    let mut byte = 0;
    while byte < escapes.len() {
        escapes[byte] = Escape::new(byte as u8);
        byte += 1;
    }
    escapes
};

/// The longest escape of a byte.
const ESCAPE_BYTES: usize = 6;

const RUN_BYTES: usize = 32;

/// The longest character of UTF-8.
const CHARACTER_BYTES_MAX: usize = 4;

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
            assert_eq!(String::from_utf8(for_terminal(bytes)).unwrap(), text);
        }
    }

    /// Runs of plain characters of any length, before and after one that is escaped.
    #[test]
    fn escapes_are_the_same_wherever_they_stand() {
        let all: Vec<char> = ('\0'..='\u{ff}')
            .chain(['☃', '\u{202e}', '\u{e0001}'])
            .collect();
        for before in [0, 1, 31, 32, 33, 64, 100] {
            for after in [0, 1, 31, 32, 40] {
                for c in &all {
                    let (before, after) = ("a".repeat(before), "~".repeat(after));
                    let escaped = match c {
                        '\\' => c.escape_default().to_string(),
                        _ if is_active(*c) => c.escape_default().to_string(),
                        _ => c.to_string(),
                    };
                    let text = for_terminal(format!("{before}{c}{after}").as_bytes());
                    let expected = format!("{before}{escaped}{after}");
                    assert_eq!(String::from_utf8(text).unwrap(), expected, "{c:?}");
                }
            }
        }
    }
}
