//! Bytes as hex digits.
//!
//! Pure: no I/O.

/// Adds `bytes` to `text` as hex digits.
pub(crate) fn push(text: &mut Vec<u8>, bytes: &[u8]) {
    let start = text.len();
    text.resize(start + 2 * bytes.len(), 0);
    for (digits, byte) in text[start..].chunks_exact_mut(2).zip(bytes) {
        digits.copy_from_slice(&DIGITS[usize::from(*byte)]);
    }
}

/// Parses hex digits, two per byte. White space is ignored.
pub(crate) fn parse(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut digits = text.chars().filter(|c| !c.is_ascii_whitespace());
    while let Some(high) = digits.next() {
        let low = digits.next().ok_or("the number of hex digits is odd")?;
        let digit = |c: char| {
            c.to_digit(16)
                .ok_or_else(|| format!("{c:?} is not a hex digit"))
        };
        let byte = digit(high)? * 16 + digit(low)?;
        bytes.push(u8::try_from(byte).map_err(|error| error.to_string())?);
    }
    Ok(bytes)
}

/// The two digits of each byte.
pub(crate) const DIGITS: [[u8; 2]; 256] = {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        digits[byte] = [HEX[byte / 16], HEX[byte % 16]];
        byte += 1;
    }
    digits
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_the_way_to_hex_and_back() {
        let all: Vec<_> = (0..=255).collect();
        let mut text = b"x".to_vec();
        push(&mut text, &all);
        let digits = str::from_utf8(&text[1..]).unwrap();
        assert!(digits.starts_with("000102") && digits.ends_with("feff"));
        assert_eq!(parse(digits).unwrap(), all);
    }
}
