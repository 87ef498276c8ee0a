//! How datagrams are framed in a stream of bytes: as lines, raw, or as lines of hex digits.

use std::io::{self, BufRead, ErrorKind};

use clap::ValueEnum;

use crate::hex;

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
                    hex::parse(&text).map(Some).map_err(FrameError::Hex)
                }
                None => Ok(None),
            },
        }
    }

    /// Adds what is printed for a received payload.
    pub(crate) fn write(self, payload: &[u8], text: &mut Vec<u8>) {
        match self {
            Self::Line | Self::Raw => text.extend_from_slice(payload),
            Self::Hex => hex::push(text, payload),
        }
        if self != Self::Raw {
            text.push(b'\n');
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
    }

    #[test]
    fn payloads_are_written_in_the_frame_in_which_they_are_read() {
        for (frame, expected) in [
            (Frame::Line, b"a\n" as &[_]),
            (Frame::Raw, b"a"),
            (Frame::Hex, b"61\n"),
        ] {
            let mut text = Vec::new();
            frame.write(b"a", &mut text);
            assert_eq!(text, expected);
        }
    }
}
