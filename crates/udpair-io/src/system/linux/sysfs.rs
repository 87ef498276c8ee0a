//! What the kernel says of a device in files alone (sysfs(5)).
//!
//! The files are those of the network namespace that mounted them. Where that is not the namespace we
//! ask in, they may speak of another device of that name, so its number is compared.

use std::fs;

use crate::adapter::Adapter;

/// Returns what kind of network device has this name and number: `wlan`, `wwan`; `None` for an ordinary
/// one.
pub(super) fn device_type(name: &str, index: u32) -> Option<String> {
    facts(name, index)?.device_type
}

/// See [`Adapter::bits_per_second`].
pub(crate) fn bits_per_second(adapter: &Adapter) -> Option<u64> {
    facts(&adapter.name, adapter.index)?;
    parse_speed(&read(&adapter.name, "speed")?)
}

/// Returns what the device with this name says of itself, if it has this number too.
fn facts(name: &str, index: u32) -> Option<Facts> {
    Facts::parse(&read(name, "uevent")?).filter(|facts| facts.index == index)
}

/// Reads a file of a device; what cannot be read is not known.
fn read(name: &str, file: &str) -> Option<String> {
    fs::read_to_string(format!("/sys/class/net/{name}/{file}")).ok()
}

/// What is read from a `uevent` file.
#[derive(Debug, Eq, PartialEq)]
struct Facts {
    index: u32,
    device_type: Option<String>,
}

impl Facts {
    fn parse(text: &str) -> Option<Self> {
        let value = |name: &str| {
            let mut pairs = text.lines().filter_map(|line| line.split_once('='));
            pairs.find(|pair| pair.0 == name).map(|pair| pair.1)
        };
        Some(Self {
            index: value("IFINDEX")?.parse().ok()?,
            device_type: value("DEVTYPE").map(ToOwned::to_owned),
        })
    }
}

/// Reads a `speed` file: megabits a second, negative or 0 where it is not known.
fn parse_speed(text: &str) -> Option<u64> {
    let megabits: u64 = text.trim().parse().ok().filter(|megabits| *megabits > 0)?;
    megabits.checked_mul(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_tells_its_number_and_its_type() {
        let facts = |index, device_type: Option<&str>| {
            Some(Facts {
                index,
                device_type: device_type.map(Into::into),
            })
        };
        for (text, expected) in [
            ("INTERFACE=eth0\nIFINDEX=2\n", facts(2, None)),
            (
                "DEVTYPE=wlan\nINTERFACE=wlan0\nIFINDEX=3\n",
                facts(3, Some("wlan")),
            ),
            ("INTERFACE=eth0\n", None),
            ("IFINDEX=-1\n", None),
            ("IFINDEX=99999999999\n", None),
            ("\u{0}=\n=\n==", None),
        ] {
            assert_eq!(Facts::parse(text), expected, "{text:?}");
        }
    }

    /// NET-08
    #[test]
    fn a_speed_is_in_megabits_or_not_known() {
        for (text, expected) in [
            ("10\n", Some(10_000_000)),
            ("100000\n", Some(100_000_000_000)),
            ("-1\n", None),
            ("0\n", None),
            ("", None),
            ("fast", None),
            ("18446744073709551615", None),
        ] {
            assert_eq!(parse_speed(text), expected, "{text:?}");
        }
    }
}
