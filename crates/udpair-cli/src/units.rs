//! Parses durations, sizes and rates of the command line.
//!
//! Pure: no I/O.

use std::time::Duration;

/// Parses a duration: a number and `us`, `ms`, `s`, `m` or `h`, at most one year.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text)?;
    let seconds = match unit {
        "us" => number / 1e6,
        "ms" => number / 1e3,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err("expected a duration like 250ms, 3s, 2m or 1h (us, ms, s, m, h)".into()),
    };
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if duration <= DURATION_MAX => Ok(duration),
        _ => Err("the duration is longer than one year".into()),
    }
}

/// Parses a size in bytes: a number, and no unit, `B`, `kB`, `MB`, `GB`, `KiB`, `MiB` or `GiB`.
pub(crate) fn size(text: &str) -> Result<u32, String> {
    let (number, unit) = split(text)?;
    let bytes = match unit {
        "" | "B" => number,
        "kB" => number * 1e3,
        "MB" => number * 1e6,
        "GB" => number * 1e9,
        "KiB" => number * 1024.0,
        "MiB" => number * 1024.0 * 1024.0,
        "GiB" => number * 1024.0 * 1024.0 * 1024.0,
        _ => {
            return Err(
                "expected a size like 1400, 64KiB or 4MiB (B, kB, MB, GB, KiB, MiB, GiB)".into(),
            );
        }
    };
    if bytes.fract() != 0.0 {
        return Err("the size is not a whole number of bytes".into());
    }
    if bytes > f64::from(u32::MAX) {
        return Err("the size is too large".into());
    }
    // The number was checked above: it is whole, not negative, and in range.
    Ok(bytes as u32)
}

/// Parses a rate in datagrams per second: a number and `pps`, `kpps` or `Mpps`.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    let (number, unit) = split(text)?;
    let rate = match unit {
        "pps" => number,
        "kpps" => number * 1e3,
        "Mpps" => number * 1e6,
        _ => return Err("expected a rate like 50pps, 10kpps or 1Mpps".into()),
    };
    if rate < 0.001 {
        return Err("the rate is too low".into());
    }
    Ok(rate)
}

/// Splits a number from its unit.
fn split(text: &str) -> Result<(f64, &str), String> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number = number
        .parse()
        .map_err(|_| "expected a number at the start".to_owned())?;
    Ok((number, unit))
}

/// The longest duration: longer than any practical wait, and short enough for every clock.
const DURATION_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        for (text, expected) in [
            ("250ms", Duration::from_millis(250)),
            ("3s", Duration::from_secs(3)),
            ("0.5s", Duration::from_millis(500)),
            ("2m", Duration::from_secs(120)),
            ("1h", Duration::from_secs(3600)),
            ("10us", Duration::from_micros(10)),
            ("0s", Duration::ZERO),
        ] {
            assert_eq!(duration(text), Ok(expected), "{text}");
        }
        for text in [
            "",
            "3",
            "s",
            "-1s",
            "3 s",
            "3d",
            "9000h",
            "1e3s",
            "1.2.3s",
            "99999999999999999999999m",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_whole_numbers_of_bytes() {
        for (text, expected) in [
            ("1400", 1400),
            ("0", 0),
            ("64KiB", 65_536),
            ("1.5KiB", 1536),
            ("4MiB", 4_194_304),
            ("2kB", 2000),
            ("7B", 7),
        ] {
            assert_eq!(size(text), Ok(expected), "{text}");
        }
        for text in [
            "", "KiB", "1.5", "5000MiB", "5GiB", "64K", "-1", "64 KiB", "64kib",
        ] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_are_datagrams_per_second() {
        for (text, expected) in [
            ("50pps", 50.0),
            ("10kpps", 10_000.0),
            ("1Mpps", 1e6),
            ("0.5pps", 0.5),
        ] {
            assert_eq!(rate(text), Ok(expected), "{text}");
        }
        for text in ["", "50", "0pps", "0.0001pps", "10k", "10bps", "-5pps"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
