//! How datagrams are framed in a stream of bytes: as lines, raw, or as lines of hex digits.

use std::fmt::Write as _;
use std::io::{self, BufRead, ErrorKind};

use clap::ValueEnum;

/// How standard input and output are divided into datagrams.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Frame {
    /// One line without its line end; a line end is added to each received payload
    Line,
    /// The bytes of one read of standard input, at most 65,507; nothing is added when printing
    Raw,
    /// One line of hex digits, in both directions
    Hex,
}

impl Frame {
    /// Reads the next datagram; `None` at the end of the input.
    ///
    /// # Errors
    ///
    /// [`Io`](FrameError::Io) if the input fails. The other errors reject one line; reading may
    /// continue after it.
    pub(crate) fn read(self, input: &mut impl BufRead) -> Result<Option<Vec<u8>>, FrameError> {
        match self {
            Self::Line => read_line(input),
            Self::Raw => read_raw(input),
            Self::Hex => match read_line(input)? {
                Some(line) => {
                    let text = String::from_utf8_lossy(&line).into_owned();
                    parse_hex(&text).map(Some).map_err(FrameError::Hex)
                }
                None => Ok(None),
            },
        }
    }

    /// Returns the bytes to print for a received payload.
    pub(crate) fn write(self, payload: &[u8]) -> Vec<u8> {
        match self {
            Self::Line => [payload, b"\n"].concat(),
            Self::Raw => payload.to_vec(),
            Self::Hex => (hex(payload) + "\n").into_bytes(),
        }
    }
}

/// Why the next datagram could not be read.
#[derive(Debug)]
pub(crate) enum FrameError {
    /// The input failed.
    Io(io::Error),
    /// A line is longer than any datagram; it was skipped to its end.
    TooLong,
    /// A line is not valid hex, for this reason.
    Hex(String),
}

/// Reads up to a line end, which is dropped. The last line may have none.
fn read_line(input: &mut impl BufRead) -> Result<Option<Vec<u8>>, FrameError> {
    let mut line = Vec::new();
    let mut is_too_long = false;
    let mut is_empty = true;
    loop {
        let available = match input.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(FrameError::Io(error)),
        };
        if available.is_empty() {
            break;
        }
        is_empty = false;
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = &available[..end.unwrap_or(available.len())];
        is_too_long |= line.len() + part.len() > LINE_BYTES_MAX;
        if !is_too_long {
            line.extend_from_slice(part);
        }
        let consumed = part.len() + usize::from(end.is_some());
        input.consume(consumed);
        if end.is_some() {
            break;
        }
    }
    if is_too_long {
        return Err(FrameError::TooLong);
    }
    Ok((!is_empty).then_some(line))
}

fn read_raw(input: &mut impl BufRead) -> Result<Option<Vec<u8>>, FrameError> {
    loop {
        let available = match input.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(FrameError::Io(error)),
        };
        let payload = available[..available.len().min(RAW_BYTES_MAX)].to_vec();
        input.consume(payload.len());
        return Ok((!payload.is_empty()).then_some(payload));
    }
}

/// Returns `bytes` as hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Parses hex digits, two per byte. White space is ignored.
pub(crate) fn parse_hex(text: &str) -> Result<Vec<u8>, String> {
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

/// The largest datagram of a raw stream: the largest payload that IPv4 carries.
pub(crate) const RAW_BYTES_MAX: usize = 65_507;

/// The longest line that is read: more than any datagram as hex digits with spaces between bytes.
const LINE_BYTES_MAX: usize = 3 * 65_535;

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(frame: Frame, mut input: &[u8]) -> Vec<Option<Vec<u8>>> {
        let mut found = Vec::new();
        loop {
            match frame.read(&mut input) {
                Ok(None) => return found,
                Ok(payload) => found.push(payload),
                Err(_) => found.push(None),
            }
        }
    }

    #[test]
    fn a_line_is_a_datagram_without_its_end() {
        let found = read_all(Frame::Line, b"a\n\nb c\r\nlast");
        let expected: [&[u8]; 4] = [b"a", b"", b"b c\r", b"last"];
        assert_eq!(found, expected.map(|line| Some(line.to_vec())));
        assert!(read_all(Frame::Line, b"").is_empty());
    }

    #[test]
    fn a_line_longer_than_any_datagram_is_skipped_entirely() {
        let mut input = vec![b'x'; LINE_BYTES_MAX + 1];
        input.extend(b"\nnext\n");
        assert_eq!(
            read_all(Frame::Line, &input),
            [None, Some(b"next".to_vec())]
        );
    }

    #[test]
    fn a_raw_datagram_is_the_available_input_up_to_its_limit() {
        let found = read_all(Frame::Raw, &[7; RAW_BYTES_MAX + 3]);
        let lengths: Vec<_> = found.into_iter().flatten().map(|part| part.len()).collect();
        assert_eq!(lengths, [RAW_BYTES_MAX, 3]);
    }

    #[test]
    fn pairs_of_hex_digits_are_bytes() {
        let found = read_all(Frame::Hex, b"00ff\n00 FF\n\nabc\nxy\n");
        let expected = [
            Some(vec![0, 255]),
            Some(vec![0, 255]),
            Some(vec![]),
            None,
            None,
        ];
        assert_eq!(found, expected);
        assert_eq!(hex(&[0, 255, 16]), "00ff10");
    }

    #[test]
    fn payloads_are_written_in_the_frame_in_which_they_are_read() {
        assert_eq!(Frame::Line.write(b"a"), b"a\n");
        assert_eq!(Frame::Raw.write(b"a"), b"a");
        assert_eq!(Frame::Hex.write(b"a"), b"61\n");
    }
}
