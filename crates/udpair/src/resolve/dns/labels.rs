//! Domain names as text (RFC 1035, section 5.1).
//!
//! A label may have any bytes. In text, a dot or another special character that belongs to a label
//! follows a backslash, and a byte that is not printable is a backslash with three decimal digits.
//! The DNS library writes and reads octal digits instead, which nobody else does.
//!
//! Pure: labels in, text out, and back.

use std::borrow::Cow;

/// Returns the text of a name, without the trailing dot; the root is empty. `length` is the number
/// of characters that it probably has.
pub(super) fn to_text<'a>(labels: impl Iterator<Item = &'a [u8]>, length: usize) -> String {
    let mut text = Vec::with_capacity(length);
    for label in labels {
        if !text.is_empty() {
            text.push(b'.');
        }
        // Almost every label is only letters, digits, hyphens and underscores.
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if label.iter().all(is_plain) {
            text.extend_from_slice(label);
            continue;
        }
        for byte in label {
            match byte {
                b'"' | b'$' | b'(' | b')' | b'.' | b';' | b'@' | b'\\' => {
                    text.extend([b'\\', *byte]);
                }
                b'!'..=b'~' => text.push(*byte),
                _ => text.extend(format!("\\{byte:03}").bytes()),
            }
        }
    }
    String::from_utf8(text).expect("only ASCII characters")
}

/// Returns the labels of a name that is written as [`to_text`] writes it; `None` if it is not.
pub(super) fn parse(text: &str) -> Option<Vec<Cow<'_, [u8]>>> {
    if !text.contains('\\') {
        return Some(
            text.as_bytes()
                .split(|byte| *byte == b'.')
                .map(Cow::from)
                .collect(),
        );
    }
    let mut labels = vec![Vec::new()];
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'.' => {
                labels.push(Vec::new());
                continue;
            }
            b'\\' => match bytes.next()? {
                first if first.is_ascii_digit() => {
                    let digits = [first, bytes.next()?, bytes.next()?];
                    if !digits.iter().all(u8::is_ascii_digit) {
                        return None;
                    }
                    str::from_utf8(&digits).ok()?.parse().ok()?
                }
                escaped => escaped,
            },
            byte => byte,
        };
        labels.last_mut()?.push(byte);
    }
    Some(labels.into_iter().map(Cow::Owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(labels: &[&[u8]]) -> String {
        to_text(labels.iter().copied(), 0)
    }

    /// HOST-06: RFC 1035, section 5.1, and what dig and named print.
    #[test]
    fn special_characters_are_escaped_and_other_bytes_are_decimal_numbers() {
        for (labels, expected) in [
            (&[] as &[&[u8]], ""),
            (&[b"host", b"example"], "host.example"),
            (&[b"_sip", b"_udp", b"-a-"], "_sip._udp.-a-"),
            (&[b"a.b", b"c"], "a\\.b.c"),
            (&[b"a b"], "a\\032b"),
            (&[b"tab\tnul\0"], "tab\\009nul\\000"),
            (&[b"\x7f\xff\xc3\xa9"], "\\127\\255\\195\\169"),
            (&[b"back\\slash"], "back\\\\slash"),
            (&[b"\"($@;)"], "\\\"\\(\\$\\@\\;\\)"),
            (&[b"whois++", b"a/b*'!"], "whois++.a/b*'!"),
        ] {
            assert_eq!(text(labels), expected);
        }
    }

    #[test]
    fn every_label_survives_a_round_trip_through_text() {
        for byte in 0..=u8::MAX {
            for label in [vec![byte], vec![b'1', byte, b'2'], vec![byte; 63]] {
                let written = text(&[&label, b"test"]);
                let read = parse(&written).unwrap();
                assert_eq!(read, [label.as_slice(), b"test"], "{written}");
            }
        }
    }

    #[test]
    fn a_text_that_is_cut_off_has_no_labels() {
        for text in ["a\\", "a\\1", "a\\12", "a\\256", "a\\1x2", "a\\+12"] {
            let found = parse(text);
            // An escaped sign is a sign.
            assert_eq!(found.is_some(), text == "a\\+12", "{text}");
        }
    }
}
