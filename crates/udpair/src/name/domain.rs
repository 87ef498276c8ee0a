//! Domain names: checked, and converted to the form that DNS uses.
//!
//! Unicode is processed by UTS 46 (the `idna` crate). This module decides what UTS 46 leaves open:
//! which ASCII characters a label may contain, and that a text which looks like a number is not a
//! name.

use std::borrow::Cow;

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};

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
    if is_plain(name) {
        check_ascii(name)?;
        return Ok(Domain {
            canonical: name.into(),
            display: name.into(),
            is_absolute: name.len() < text.len(),
        });
    }
    let canonical =
        to_ascii(name).ok_or("it violates the rules for internationalized names (UTS 46)")?;
    // The mapping can add a trailing dot, from an ideographic full stop.
    let relative = canonical.strip_suffix('.');
    let is_absolute = relative.is_some() || name.len() < text.len();
    let canonical = relative.unwrap_or(&canonical);
    check_ascii(canonical)?;
    let display = display(name);
    Ok(Domain {
        canonical: canonical.into(),
        display: display.strip_suffix('.').unwrap_or(&display).into(),
        is_absolute,
    })
}

/// Returns whether UTS 46 leaves `name` as it is: it is lower-case ASCII, and has no A-label that
/// would have to be decoded.
fn is_plain(name: &str) -> bool {
    let is_kept = |byte: u8| is_label_byte(byte) && !byte.is_ascii_uppercase() || byte == b'.';
    name.bytes().all(is_kept) && !name.split('.').any(|label| label.starts_with("xn--"))
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

/// Returns the display form of `name`.
fn display(name: &str) -> String {
    let labels: Vec<_> = name.split('.').map(display_label).collect();
    labels.join(".")
}

fn display_label(typed: &str) -> String {
    let is_a_label = typed
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("xn--"));
    if typed.is_ascii() && !is_a_label {
        return typed.to_owned();
    }
    let (decoded, result) =
        Uts46::new().to_unicode(typed.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow);
    if result.is_err() {
        return typed.to_owned();
    }
    let differs_in_ascii_case_only = typed.chars().count() == decoded.chars().count()
        && typed
            .chars()
            .zip(decoded.chars())
            .all(|(a, b)| a.eq_ignore_ascii_case(&b));
    // What is shown can be read back. Some A-labels decode to a text that is not a label itself.
    if differs_in_ascii_case_only || to_ascii(typed) != to_ascii(&decoded) {
        typed.to_owned()
    } else {
        decoded.into_owned()
    }
}

/// Returns the A-labels of `name`; `None` if it violates UTS 46.
fn to_ascii(name: &str) -> Option<Cow<'_, str>> {
    let uts46 = Uts46::new();
    let deny = AsciiDenyList::EMPTY;
    let ascii = uts46.to_ascii(
        name.as_bytes(),
        deny,
        Hyphens::CheckFirstLast,
        DnsLength::Ignore,
    );
    ascii.ok()
}

/// RFC 1035, section 2.3.4: 255 octets on the wire are 253 characters.
const NAME_BYTES_MAX: usize = 253;

/// RFC 1035, section 2.3.4.
const LABEL_BYTES_MAX: usize = 63;
