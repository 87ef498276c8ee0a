//! `ServiceName`: a port number, the name of a service, or empty.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// The service of an endpoint: a port number, a name that stands for one, or empty.
///
/// A `ServiceName` is created from text by [`FromStr`] or from a port number by [`From`].
///
/// | text | meaning |
/// |---|---|
/// | empty | the port is chosen by the system; only for a local endpoint |
/// | only digits, at most 65535 | that port; leading zeros are ignored |
/// | `stun` | the port in the services file, or the DNS SRV record `_stun._udp.host` |
/// | `stun._service01` | the DNS SRV record `_stun._service01._udp.host` |
/// | `_stun` | the DNS SRV record `_stun._udp.host`, whatever the services file lists |
/// | `whois++` | the port in the services file |
///
/// A name consists of labels of 1 to 63 visible ASCII characters, and has at least one letter (RFC
/// 6335, section 5.1). A colon ends the host of an endpoint, and `#` starts a comment in a services
/// file, so a name has neither. DNS is queried only for names of letters, digits, hyphens and
/// underscores (RFC 2782). Equality, order and hash ignore ASCII case and leading zeros.
///
/// # Examples
///
/// ```
/// # use udpair::ServiceName;
/// let service: ServiceName = "00080".parse()?;
/// assert_eq!(service.port(), Some(80));
///
/// let service: ServiceName = "stun".parse()?;
/// assert_eq!(service.name(), Some("stun"));
/// assert_eq!(service, "STUN".parse()?);
/// # Ok::<(), udpair::Error>(())
/// ```
///
/// # Model
///
/// The service strings of `EndpointPair` (SVC-01 to SVC-05, SRV-05).
#[derive(Clone)]
pub struct ServiceName(Value);

#[derive(Clone)]
enum Value {
    Any,
    Port(u16),
    Name(Box<str>),
}

impl ServiceName {
    /// Returns the empty service, which leaves the port to the system.
    pub const fn any() -> Self {
        Self(Value::Any)
    }

    /// Returns whether the service is empty, which leaves the port to the system.
    pub fn is_any(&self) -> bool {
        matches!(self.0, Value::Any)
    }

    /// Returns the port of a numeric service; `None` for a name and for the empty service.
    pub fn port(&self) -> Option<u16> {
        match self.0 {
            Value::Port(port) => Some(port),
            Value::Any | Value::Name(_) => None,
        }
    }

    /// Returns the name as it was written; `None` for a numeric service and for the empty service.
    pub fn name(&self) -> Option<&str> {
        match &self.0 {
            Value::Name(name) => Some(name),
            Value::Any | Value::Port(_) => None,
        }
    }

    fn parse(text: &str) -> Result<Value, &'static str> {
        if text.is_empty() {
            return Ok(Value::Any);
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            // Digits are never a name: other resolvers turn 70000 into port 4464.
            let significant = text.trim_start_matches('0');
            return match significant {
                "" => Ok(Value::Port(0)),
                digits => digits
                    .parse()
                    .map(Value::Port)
                    .map_err(|_| "the highest port is 65535"),
            };
        }
        for label in text.split('.') {
            if label.is_empty() || label.len() > LABEL_BYTES_MAX {
                return Err("each label must have 1 to 63 characters");
            }
            if !label.bytes().all(is_label_byte) {
                return Err(
                    "a service must be a port number, or a name of visible ASCII characters \
                     without a colon and #",
                );
            }
        }
        // RFC 6335, section 5.1. The rule also keeps addresses from being accepted as services.
        if !text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
            return Err("a service name must have at least one letter");
        }
        Ok(Value::Name(text.into()))
    }

    /// Returns the canonical form: the same text for every spelling of a service.
    fn canonical(&self) -> Cow<'_, str> {
        match &self.0 {
            Value::Any => Cow::Borrowed(""),
            Value::Port(port) => Cow::Owned(port.to_string()),
            Value::Name(name) => Cow::Owned(name.to_ascii_lowercase()),
        }
    }
}

/// Returns whether a services file may have this byte in a name. Which names may be in DNS is
/// decided when DNS is about to be queried.
fn is_label_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b':' | b'#')
}

impl FromStr for ServiceName {
    type Err = Error;

    /// Parses `text` as a service.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument): `text` is not a service. The message says
    /// why.
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text).map(Self).map_err(|reason| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!("service {text:?} is not valid: {reason}"),
            )
        })
    }
}

impl From<u16> for ServiceName {
    fn from(port: u16) -> Self {
        Self(Value::Port(port))
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Value::Any => f.pad(""),
            Value::Port(port) => fmt::Display::fmt(port, f),
            Value::Name(name) => f.pad(name),
        }
    }
}

impl fmt::Debug for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceName({:?})", self.to_string())
    }
}

impl PartialEq for ServiceName {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Value::Any, Value::Any) => true,
            (Value::Port(a), Value::Port(b)) => a == b,
            (Value::Name(a), Value::Name(b)) => a.eq_ignore_ascii_case(b),
            _ => false,
        }
    }
}

impl Eq for ServiceName {}

impl Hash for ServiceName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canonical().hash(state);
    }
}

impl PartialOrd for ServiceName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ServiceName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.canonical().cmp(&other.canonical())
    }
}

/// RFC 1035, section 2.3.4.
const LABEL_BYTES_MAX: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    /// SVC-03, SVC-04
    #[test]
    fn digits_are_a_port() {
        for (text, port) in [
            ("7", 7),
            ("00080", 80),
            ("0", 0),
            ("000", 0),
            ("65535", 65535),
        ] {
            let service: ServiceName = text.parse().unwrap();
            assert_eq!(service.port(), Some(port), "{text}");
        }
        assert!("".parse::<ServiceName>().unwrap().is_any());
    }

    /// SVC-03, SRV-05
    #[test]
    fn a_text_that_is_not_a_service_is_an_invalid_argument() {
        let long = "a".repeat(64);
        for text in [
            "70000",
            "65536",
            "99999999999999999999",
            "+80",
            "-1 ",
            " 80",
            "80 ",
            "a b",
            "a..b",
            ".a",
            "a.",
            "a:b",
            "::1",
            "a#b",
            "#",
            "++",
            "a\u{7f}",
            "caf\u{e9}",
            "127.0.0.1",
            "1-2",
            "_",
            "ｓｔｕｎ",
            "８０",
            "a\0",
            &long,
        ] {
            let error = text.parse::<ServiceName>().expect_err(text);
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text}");
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
        for text in [
            "stun",
            "stun._service01",
            "_stun",
            "a-b",
            "0x50",
            "8o",
            "whois++",
            "914c/g",
            "sql*net",
            "cl/1",
            "s&t",
            &long[1..],
        ] {
            let service: ServiceName = text.parse().unwrap();
            assert_eq!(service.name(), Some(text));
        }
    }

    /// SVC-08
    #[test]
    fn two_spellings_of_one_service_are_equal() {
        let service = |text: &str| text.parse::<ServiceName>().unwrap();
        assert_eq!(service("STUN"), service("stun"));
        assert_eq!(service("00080"), ServiceName::from(80));
        assert_ne!(service(""), service("0"));
        assert_ne!(service("stun"), service("stuns"));
        assert_eq!(service("STUN").to_string(), "STUN");
        assert_eq!(service("00080").to_string(), "80");
    }
}
