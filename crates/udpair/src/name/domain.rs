//! Domain names: checked, and converted to the form that DNS uses.
//!
//! Unicode is processed by UTS 46 (`uts46`). This module decides what UTS 46 leaves open: which ASCII
//! characters a label may contain, and that a text which looks like a number is not a name.

use super::a_label::is_a_label;
use super::uts46;

/// A domain name in both of its forms.
#[derive(Clone, Debug)]
pub(super) struct Domain {
    /// Lower-case A-labels without a trailing dot.
    pub(super) canonical: Box<str>,
    /// The form for display: A-labels decoded, ASCII case as typed, no trailing dot.
    pub(super) display: Box<str>,
    /// Whether it was written with a trailing dot, which does not change the host that is meant.
    pub(super) is_absolute: bool,
}

/// Parses `text` as a domain name; otherwise returns the reason why it is not one.
pub(super) fn parse(text: &str) -> Result<Domain, &'static str> {
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.is_empty() || name.split('.').any(str::is_empty) {
        return Err("a label between two dots is empty");
    }
    // UTS 46 leaves ASCII as it is, but for its case and for A-labels, which it decodes.
    if name.is_ascii() && !name.split('.').any(is_a_label) {
        let canonical = name.to_ascii_lowercase();
        check_ascii(&canonical)?;
        return Ok(Domain {
            canonical: canonical.into(),
            display: name.into(),
            is_absolute: name.len() < text.len(),
        });
    }
    let canonical = uts46::to_ascii(name)?;
    // The mapping can add a trailing dot, from an ideographic full stop.
    let relative = canonical.strip_suffix('.');
    let is_absolute = relative.is_some() || name.len() < text.len();
    let canonical = relative.unwrap_or(&canonical);
    check_ascii(canonical)?;
    let display = uts46::display(name);
    Ok(Domain {
        canonical: canonical.into(),
        display: display.strip_suffix('.').unwrap_or(&display).into(),
        is_absolute,
    })
}

/// Checks a name of lower-case A-labels.
fn check_ascii(name: &str) -> Result<(), &'static str> {
    if name.len() > NAME_BYTES_MAX {
        return Err("it is longer than 253 characters");
    }
    for label in name.split('.') {
        if label.is_empty() {
            return Err("a label between two dots is empty");
        }
        if label.len() > LABEL_BYTES_MAX {
            return Err("a label is longer than 63 characters");
        }
        if !label.bytes().all(is_label_byte) {
            return Err("it contains a character that is not allowed in a host name");
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err("a label begins or ends with a hyphen");
        }
    }
    if name.rsplit('.').next().is_some_and(looks_like_a_number) {
        return Err(
            "it looks like an IPv4 address, which has four numbers from 0 to 255 \
                    without leading zeros",
        );
    }
    Ok(())
}

fn is_label_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// Returns whether other resolvers would parse a name that ends in `label` as an IPv4 address
/// (`inet_aton`).
fn looks_like_a_number(label: &str) -> bool {
    let digits = |text: &str, is_digit: fn(&u8) -> bool| text.bytes().all(|byte| is_digit(&byte));
    digits(label, u8::is_ascii_digit)
        || label
            .strip_prefix("0x")
            .is_some_and(|rest| digits(rest, u8::is_ascii_hexdigit))
}

/// RFC 1035, section 2.3.4: 255 octets on the wire are 253 characters.
const NAME_BYTES_MAX: usize = 253;

/// RFC 1035, section 2.3.4.
const LABEL_BYTES_MAX: usize = 63;
