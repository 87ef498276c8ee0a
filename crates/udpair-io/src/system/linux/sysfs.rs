//! Properties of a device that the kernel reports only in files (sysfs(5)).
//!
//! The files describe the network namespace in which they were mounted. If that is not the
//! namespace of the adapter, they may describe another device of the same name, so the index is
//! compared.

use std::fs;

use crate::adapter::Adapter;

/// Returns the type of the network device with this name and index (`wlan`, `wwan`); `None` for an
/// ordinary device.
pub(super) fn device_type(name: &str, index: u32) -> Option<String> {
    properties(name, index)?.device_type
}

/// Returns the speed of the adapter's link; see [`Adapter::bits_per_second`].
pub(crate) fn bits_per_second(adapter: &Adapter) -> Option<u64> {
    properties(&adapter.name, adapter.index)?;
    parse_speed(&read(&adapter.name, "speed")?)
}

/// Returns the properties of the device with this name, if it also has this index.
fn properties(name: &str, index: u32) -> Option<DeviceProperties> {
    DeviceProperties::parse(&read(name, "uevent")?).filter(|device| device.index == index)
}

/// Reads a file of a device; `None` if it cannot be read.
fn read(name: &str, file: &str) -> Option<String> {
    fs::read_to_string(format!("/sys/class/net/{name}/{file}")).ok()
}

/// The content of a `uevent` file.
#[derive(Debug, Eq, PartialEq)]
struct DeviceProperties {
    index: u32,
    device_type: Option<String>,
}

impl DeviceProperties {
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

/// Returns the bits per second in a `speed` file, which contains megabits per second; `None` for a
/// negative value or 0, which mean that the speed is not known.
fn parse_speed(text: &str) -> Option<u64> {
    let megabits: u64 = text.trim().parse().ok().filter(|megabits| *megabits > 0)?;
    megabits.checked_mul(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_and_type_of_a_device_are_read() {
        let device = |index, device_type: Option<&str>| {
            Some(DeviceProperties {
                index,
                device_type: device_type.map(Into::into),
            })
        };
        for (text, expected) in [
            ("INTERFACE=eth0\nIFINDEX=2\n", device(2, None)),
            (
                "DEVTYPE=wlan\nINTERFACE=wlan0\nIFINDEX=3\n",
                device(3, Some("wlan")),
            ),
            ("INTERFACE=eth0\n", None),
            ("IFINDEX=-1\n", None),
            ("IFINDEX=99999999999\n", None),
            ("\u{0}=\n=\n==", None),
        ] {
            assert_eq!(DeviceProperties::parse(text), expected, "{text:?}");
        }
    }

    /// NET-08
    #[test]
    fn a_speed_is_given_in_megabits_or_unknown() {
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
