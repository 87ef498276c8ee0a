//! Numbers formatted for readers.

/// Formats a number with its significant digits, and with commas between groups of three.
pub(crate) fn readable(value: f64) -> String {
    if !value.is_finite() {
        return "-".into();
    }
    let magnitude = value.abs();
    let digits = if magnitude >= 100.0 || magnitude == 0.0 {
        0
    } else if magnitude >= 10.0 {
        1
    } else if magnitude >= 0.1 {
        2
    } else {
        3
    };
    grouped(&format!("{value:.digits$}"))
}

/// Formats a ratio.
pub(crate) fn ratio(value: f64) -> String {
    if !value.is_finite() {
        return "-".into();
    }
    if value >= 20.0 {
        format!("{value:.0}")
    } else if value >= 0.095 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

fn grouped(number: &str) -> String {
    let (whole, rest) = number.split_at(number.find('.').unwrap_or(number.len()));
    let digits = whole.trim_start_matches('-').len();
    let mut text = String::new();
    for (at, digit) in whole.trim_start_matches('-').char_indices() {
        if at > 0 && (digits - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    let sign = if whole.starts_with('-') { "-" } else { "" };
    format!("{sign}{text}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_significant_digits() {
        for (value, text) in [
            (0.0, "0"),
            (0.0123, "0.012"),
            (0.1629, "0.16"),
            (11.116, "11.1"),
            (227_432.26, "227,432"),
            (11_866_540.9, "11,866,541"),
            (-1_234.0, "-1,234"),
            (f64::NAN, "-"),
        ] {
            assert_eq!(readable(value), text, "{value}");
        }
    }
}
