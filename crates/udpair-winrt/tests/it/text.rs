//! Text as buffers.

use udpair_winrt::{BinaryStringEncoding, Buffer, CryptographicBuffer, hresult};

use crate::support::{OwnBuffer, code};

#[test]
fn text_and_buffers_are_converted_both_ways() {
    for (encoding, bytes) in [
        (BinaryStringEncoding::Utf8, b"a\0\xc3\xa8".as_slice()),
        (BinaryStringEncoding::Utf16LE, b"a\0\0\0\xe8\0"),
        (BinaryStringEncoding::Utf16BE, b"\0a\0\0\0\xe8"),
    ] {
        let buffer = CryptographicBuffer::convert_string_to_binary("a\0è", encoding);
        assert_eq!(buffer.to_bytes(), bytes, "{encoding:?}");
        let length = bytes.len().try_into().unwrap();
        for buffer in [buffer, Buffer::over(OwnBuffer::new(bytes, length))] {
            let text = CryptographicBuffer::convert_binary_to_string(encoding, &buffer);
            assert_eq!(text.unwrap(), "a\0è", "{encoding:?}");
        }
        let units: Vec<_> = "a\0è".encode_utf16().collect();
        let buffer = CryptographicBuffer::convert_utf16_to_binary(&units, encoding).unwrap();
        assert_eq!(buffer.to_bytes(), bytes, "{encoding:?}");
        let refused = CryptographicBuffer::convert_utf16_to_binary(&[0xd83d], encoding);
        assert_eq!(code(refused), hresult::ERROR_NO_UNICODE_TRANSLATION);
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    for (encoding, bytes) in [
        (BinaryStringEncoding::Utf8, b"\xff".as_slice()),
        (BinaryStringEncoding::Utf16LE, b"a"),
        (BinaryStringEncoding::Utf16LE, b"\x3d\xd8"),
        (BinaryStringEncoding::Utf16BE, b"\xd8\x3d"),
    ] {
        let buffer = Buffer::copy_from(bytes);
        let refused = CryptographicBuffer::convert_binary_to_string(encoding, &buffer);
        assert_eq!(
            code(refused),
            hresult::ERROR_NO_UNICODE_TRANSLATION,
            "{bytes:x?}"
        );
    }
}

#[test]
fn encodings_of_buffers_have_fixed_numbers() {
    for (number, encoding) in [
        (0, BinaryStringEncoding::Utf8),
        (1, BinaryStringEncoding::Utf16LE),
        (2, BinaryStringEncoding::Utf16BE),
    ] {
        assert_eq!(encoding as i32, number);
        assert_eq!(BinaryStringEncoding::try_from(number).unwrap(), encoding);
    }
    assert_eq!(
        code(BinaryStringEncoding::try_from(3)),
        hresult::E_INVALIDARG
    );
}
