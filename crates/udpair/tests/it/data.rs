//! Values as bytes: what is written is read back, and what cannot be read stays unread.

use std::panic;

use udpair::data::{ByteOrder, DateTime, Guid, Reader, TimeSpan, UnicodeEncoding, Writer};
use udpair::{Error, ErrorKind, hresult};

const ORDERS: [ByteOrder; 2] = [ByteOrder::LittleEndian, ByteOrder::BigEndian];

const ENCODINGS: [UnicodeEncoding; 3] = [
    UnicodeEncoding::Utf8,
    UnicodeEncoding::Utf16LE,
    UnicodeEncoding::Utf16BE,
];

/// A value of each type, its bytes in big-endian order, and those in little-endian order.
fn examples() -> Vec<(Value, Vec<u8>, Vec<u8>)> {
    let guid = Guid::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
    let guid_big = (0..16).map(|digit| digit * 0x11).collect();
    let guid_little = [
        vec![0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66],
        (8..16).map(|digit| digit * 0x11).collect(),
    ];
    let both = |value, big: Vec<u8>| {
        let little = big.iter().rev().copied().collect();
        (value, big, little)
    };
    vec![
        both(Value::Bool(true), vec![1]),
        both(Value::Bool(false), vec![0]),
        both(Value::U8(0xfe), vec![0xfe]),
        both(Value::I16(-2), vec![0xff, 0xfe]),
        both(Value::U16(0x0102), vec![1, 2]),
        both(Value::I32(-3), vec![0xff, 0xff, 0xff, 0xfd]),
        both(Value::U32(0x0102_0304), vec![1, 2, 3, 4]),
        both(Value::I64(-4), [vec![0xff; 7], vec![0xfc]].concat()),
        both(
            Value::U64(0x0102_0304_0506_0708),
            vec![1, 2, 3, 4, 5, 6, 7, 8],
        ),
        both(Value::F32(1.5f32.to_bits()), vec![0x3f, 0xc0, 0, 0]),
        both(
            Value::F64((-2.0f64).to_bits()),
            [vec![0xc0], vec![0; 7]].concat(),
        ),
        // 1970-01-01 in steps of 100 nanoseconds since 1601-01-01.
        both(
            Value::DateTime(DateTime(0x019d_b1de_d53e_8000)),
            vec![0x01, 0x9d, 0xb1, 0xde, 0xd5, 0x3e, 0x80, 0x00],
        ),
        both(
            Value::TimeSpan(TimeSpan(-1)),
            vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        ),
        (Value::Guid(guid), guid_big, guid_little.concat()),
    ]
}

/// A value that can be written and read. Floating-point numbers are their bits, since a NaN does
/// not equal itself.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Bool(bool),
    U8(u8),
    I16(i16),
    I32(i32),
    I64(i64),
    U16(u16),
    U32(u32),
    U64(u64),
    F32(u32),
    F64(u64),
    Guid(Guid),
    DateTime(DateTime),
    TimeSpan(TimeSpan),
    Bytes(Vec<u8>),
    Buffer(Vec<u8>),
    Text(String),
}

impl Value {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        match self {
            Self::Bool(value) => writer.write_bool(*value),
            Self::U8(value) => writer.write_u8(*value),
            Self::I16(value) => writer.write_i16(*value),
            Self::I32(value) => writer.write_i32(*value),
            Self::I64(value) => writer.write_i64(*value),
            Self::U16(value) => writer.write_u16(*value),
            Self::U32(value) => writer.write_u32(*value),
            Self::U64(value) => writer.write_u64(*value),
            Self::F32(bits) => writer.write_f32(f32::from_bits(*bits)),
            Self::F64(bits) => writer.write_f64(f64::from_bits(*bits)),
            Self::Guid(value) => writer.write_guid(*value),
            Self::DateTime(value) => writer.write_date_time(*value),
            Self::TimeSpan(value) => writer.write_time_span(*value),
            Self::Bytes(value) | Self::Buffer(value) => writer.write_bytes(value),
            Self::Text(text) => {
                let measured = writer.measure(text);
                assert_eq!(writer.write_string(text)?, measured, "{text:?}");
                Ok(())
            }
        }
    }

    /// Reads a value of this type and, where the type does not say it, of this length.
    fn read_same(&self, reader: &mut Reader) -> Result<Self, Error> {
        Ok(match self {
            Self::Bool(_) => Self::Bool(reader.read_bool()?),
            Self::U8(_) => Self::U8(reader.read_u8()?),
            Self::I16(_) => Self::I16(reader.read_i16()?),
            Self::I32(_) => Self::I32(reader.read_i32()?),
            Self::I64(_) => Self::I64(reader.read_i64()?),
            Self::U16(_) => Self::U16(reader.read_u16()?),
            Self::U32(_) => Self::U32(reader.read_u32()?),
            Self::U64(_) => Self::U64(reader.read_u64()?),
            Self::F32(_) => Self::F32(reader.read_f32()?.to_bits()),
            Self::F64(_) => Self::F64(reader.read_f64()?.to_bits()),
            Self::Guid(_) => Self::Guid(reader.read_guid()?),
            Self::DateTime(_) => Self::DateTime(reader.read_date_time()?),
            Self::TimeSpan(_) => Self::TimeSpan(reader.read_time_span()?),
            Self::Bytes(value) => {
                let mut bytes = vec![0xaa; value.len()];
                reader.read_bytes(&mut bytes)?;
                Self::Bytes(bytes)
            }
            Self::Buffer(value) => {
                let length = value.len().try_into().unwrap();
                Self::Buffer(reader.read_buffer(length)?.to_vec())
            }
            Self::Text(text) => {
                let units = reader.encoding().measure(text);
                Self::Text(reader.read_string(units.try_into().unwrap())?)
            }
        })
    }
}

/// A generator of numbers that are the same in every run (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most + 1);
        (0..length).map(|_| self.next().to_be_bytes()[0]).collect()
    }

    /// Text of all planes, with many of the characters that encodings trip over.
    fn text(&mut self) -> String {
        const HARD: [char; 12] = [
            '\0',
            '\u{7f}',
            '\u{80}',
            'è',
            '\u{7ff}',
            '\u{800}',
            '\u{d7ff}',
            '\u{e000}',
            '\u{feff}',
            '\u{ffff}',
            '\u{10000}',
            '\u{10ffff}',
        ];
        let length = self.below(8);
        let mut text = String::new();
        for _ in 0..length {
            let any = u32::try_from(self.below(0x11_0000)).unwrap();
            let any = char::from_u32(any).unwrap_or('😀');
            text.push(if self.below(2) == 0 {
                any
            } else {
                HARD[self.below(HARD.len())]
            });
        }
        text
    }

    fn value(&mut self) -> Value {
        let number = self.next();
        let bytes = number.to_be_bytes();
        match self.below(16) {
            0 => Value::Bool(number & 1 == 0),
            1 => Value::U8(bytes[0]),
            2 => Value::I16(i16::from_be_bytes([bytes[0], bytes[1]])),
            3 => Value::U16(u16::from_be_bytes([bytes[0], bytes[1]])),
            4 => Value::I32(i32::from_be_bytes(*bytes.first_chunk().unwrap())),
            5 => Value::U32(u32::from_be_bytes(*bytes.first_chunk().unwrap())),
            6 => Value::I64(i64::from_be_bytes(bytes)),
            7 => Value::U64(number),
            8 => Value::F32(u32::from_be_bytes(*bytes.first_chunk().unwrap())),
            9 => Value::F64(number),
            10 => Value::Guid(Guid::from_u128(
                (u128::from(number) << 64) | u128::from(self.next()),
            )),
            11 => Value::DateTime(DateTime(i64::from_be_bytes(bytes))),
            12 => Value::TimeSpan(TimeSpan(i64::from_be_bytes(bytes))),
            13 => Value::Bytes(self.bytes(20)),
            14 => Value::Buffer(self.bytes(20)),
            _ => Value::Text(self.text()),
        }
    }
}

fn readers(bytes: &[u8]) -> impl Iterator<Item = Reader> {
    ORDERS.into_iter().flat_map(move |order| {
        ENCODINGS.into_iter().map(move |encoding| {
            let mut reader = Reader::new(bytes.to_vec());
            reader.set_byte_order(order);
            reader.set_encoding(encoding);
            reader
        })
    })
}

/// DR-02, DW-01
#[test]
fn numbers_are_big_endian_and_text_is_utf_8_by_default() {
    let mut writer = Writer::new();
    assert_eq!(writer.byte_order(), ByteOrder::BigEndian);
    assert_eq!(writer.encoding(), UnicodeEncoding::Utf8);
    writer.write_u16(1).unwrap();
    writer.write_string("è").unwrap();
    assert_eq!(writer.as_bytes(), [0, 1, 0xc3, 0xa8]);
    let mut reader = Reader::new(writer.take());
    assert_eq!(reader.byte_order(), ByteOrder::BigEndian);
    assert_eq!(reader.encoding(), UnicodeEncoding::Utf8);
    assert_eq!(reader.read_u16().unwrap(), 1);
    assert_eq!(reader.read_string(2).unwrap(), "è");
}

/// DR-03
#[test]
fn byte_orders_and_encodings_have_fixed_numbers() {
    for (number, order) in [(0, ByteOrder::LittleEndian), (1, ByteOrder::BigEndian)] {
        assert_eq!(ByteOrder::try_from(number).unwrap(), order);
        assert_eq!(order as i32, number);
    }
    for (number, encoding) in [
        (0, UnicodeEncoding::Utf8),
        (1, UnicodeEncoding::Utf16LE),
        (2, UnicodeEncoding::Utf16BE),
    ] {
        assert_eq!(UnicodeEncoding::try_from(number).unwrap(), encoding);
        assert_eq!(encoding as i32, number);
    }
    for number in [-1, 2, i32::MAX] {
        let error = ByteOrder::try_from(number).unwrap_err();
        assert_eq!(error.hresult(), hresult::E_INVALIDARG, "{number}");
    }
    for number in [-1, 3, i32::MIN] {
        let error = UnicodeEncoding::try_from(number).unwrap_err();
        assert_eq!(error.hresult(), hresult::E_INVALIDARG, "{number}");
    }
}

/// DR-03: a change affects only later reads.
#[test]
fn order_and_encoding_may_change_between_two_values() {
    let mut writer = Writer::new();
    let mut expected = Vec::new();
    for (order, encoding, bytes) in [
        (
            ByteOrder::LittleEndian,
            UnicodeEncoding::Utf16BE,
            [2, 1, 0, b'a'],
        ),
        (
            ByteOrder::BigEndian,
            UnicodeEncoding::Utf16LE,
            [1, 2, b'a', 0],
        ),
    ] {
        writer.set_byte_order(order);
        writer.set_encoding(encoding);
        writer.write_u16(0x0102).unwrap();
        assert_eq!(writer.write_string("a").unwrap(), 1);
        expected.extend(bytes);
    }
    assert_eq!(writer.as_bytes(), expected);

    let mut reader = Reader::new(expected);
    reader.set_byte_order(ByteOrder::LittleEndian);
    reader.set_encoding(UnicodeEncoding::Utf16BE);
    assert_eq!(reader.read_u16().unwrap(), 0x0102);
    assert_eq!(reader.read_string(1).unwrap(), "a");
    reader.set_byte_order(ByteOrder::BigEndian);
    reader.set_encoding(UnicodeEncoding::Utf16LE);
    assert_eq!(reader.read_u16().unwrap(), 0x0102);
    assert_eq!(reader.read_string(1).unwrap(), "a");
}

/// DR-09, DR-10, DR-11, DR-12, DW-02
#[test]
fn every_type_has_its_width_and_follows_the_byte_order() {
    for (value, big, little) in examples() {
        for (order, bytes) in [
            (ByteOrder::BigEndian, big),
            (ByteOrder::LittleEndian, little),
        ] {
            let mut writer = Writer::new();
            writer.set_byte_order(order);
            value.write(&mut writer).unwrap();
            assert_eq!(writer.as_bytes(), bytes, "{value:?} {order:?}");
            let mut reader = Reader::new(bytes);
            reader.set_byte_order(order);
            assert_eq!(value.read_same(&mut reader).unwrap(), value, "{order:?}");
            assert_eq!(reader.unread(), 0, "{value:?}");
        }
    }
}

/// DR-09
#[test]
fn every_byte_but_zero_is_true() {
    for byte in 0..=u8::MAX {
        let read = Reader::new(vec![byte]).read_bool().unwrap();
        assert_eq!(read, byte != 0, "{byte}");
    }
}

/// DR-07, DR-08: a read beyond the end reads nothing, whatever is read.
#[test]
fn a_read_beyond_the_end_leaves_everything_unread() {
    let texts = [Value::Text("ab".into()), Value::Text("😀".into())];
    let blocks = [Value::Bytes(vec![1, 2, 3]), Value::Buffer(vec![1, 2, 3])];
    let fixed = examples().into_iter().map(|(value, _, _)| value);
    for value in fixed.chain(texts).chain(blocks) {
        for mut reader in readers(&[]) {
            let mut writer = Writer::new();
            writer.set_byte_order(reader.byte_order());
            writer.set_encoding(reader.encoding());
            value.write(&mut writer).unwrap();
            let bytes = writer.take();
            for length in 0..bytes.len() {
                reader.take();
                reader.append(bytes.slice(..length)).unwrap();
                let error = value.read_same(&mut reader).unwrap_err();
                assert_eq!(error.hresult(), hresult::E_BOUNDS, "{value:?} of {length}");
                assert_eq!(error.kind(), ErrorKind::InvalidData, "{value:?}");
                assert_eq!(reader.unread(), length, "{value:?}");
            }
            // The rest of the value arrives, and it is read whole.
            let length = bytes.len() - 1;
            reader.append(bytes.slice(length..)).unwrap();
            assert_eq!(value.read_same(&mut reader).unwrap(), value);
        }
    }
}

/// DR-07: lengths that no memory can hold are out of bounds as well, without a panic.
#[test]
fn lengths_near_the_end_of_numbers_are_out_of_bounds() {
    for mut reader in readers(b"abc") {
        for length in [4, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
            let errors = [
                reader.read_string(length).map(drop).unwrap_err(),
                reader.read_buffer(length).map(drop).unwrap_err(),
            ];
            for error in errors {
                assert_eq!(error.hresult(), hresult::E_BOUNDS, "{length}");
            }
            assert_eq!(reader.unread(), 3, "{length}");
        }
    }
}

/// DR-07: the buffer of a read that fails is not touched.
#[test]
fn a_failed_read_of_bytes_writes_nothing() {
    let mut bytes = [9; 4];
    let mut reader = Reader::new(vec![1, 2, 3]);
    assert!(reader.read_bytes(&mut bytes).is_err());
    assert_eq!(bytes, [9; 4]);
}

/// DR-13: bytes in UTF-8, units of 16 bits in UTF-16.
#[test]
fn a_string_is_counted_in_code_units() {
    for (text, in_utf8, in_utf16) in [
        ("", 0, 0),
        ("Très", 5, 4),
        ("😀", 4, 2),
        ("a\0b", 3, 3),
        ("\u{feff}x", 4, 2),
    ] {
        for encoding in ENCODINGS {
            let units = match encoding {
                UnicodeEncoding::Utf8 => in_utf8,
                UnicodeEncoding::Utf16LE | UnicodeEncoding::Utf16BE => in_utf16,
            };
            let mut reader = Reader::new([encoding.encode(text), vec![0xee]].concat());
            reader.set_encoding(encoding);
            let read = reader.read_string(units).unwrap();
            assert_eq!(read, text, "{encoding:?}");
            assert_eq!(reader.unread(), 1, "{text:?} {encoding:?}");
        }
    }
}

/// DW-04
#[test]
fn a_measured_string_is_read_back_in_every_encoding() {
    for (text, encoding, units) in [
        ("Très", UnicodeEncoding::Utf8, 5),
        ("Très", UnicodeEncoding::Utf16LE, 4),
        ("Très", UnicodeEncoding::Utf16BE, 4),
        ("😀", UnicodeEncoding::Utf8, 4),
        ("😀", UnicodeEncoding::Utf16LE, 2),
        ("😀", UnicodeEncoding::Utf16BE, 2),
        ("", UnicodeEncoding::Utf16LE, 0),
    ] {
        let mut writer = Writer::new();
        writer.set_encoding(encoding);
        assert_eq!(writer.measure(text), units, "{text} {encoding:?}");
        assert_eq!(writer.write_string(text).unwrap(), units);
        let mut reader = Reader::new(writer.take());
        reader.set_encoding(encoding);
        let read = reader.read_string(units.try_into().unwrap()).unwrap();
        assert_eq!(read, text, "{encoding:?}");
        assert_eq!(reader.unread(), 0);
    }
}

/// DW-03: neither a length, nor a mark, nor a terminator.
#[test]
fn only_the_text_is_written() {
    for (encoding, bytes) in [
        (UnicodeEncoding::Utf8, vec![b'a', 0, 0xc3, 0xa8]),
        (UnicodeEncoding::Utf16LE, vec![b'a', 0, 0, 0, 0xe8, 0]),
        (UnicodeEncoding::Utf16BE, vec![0, b'a', 0, 0, 0, 0xe8]),
    ] {
        for order in ORDERS {
            let mut writer = Writer::new();
            writer.set_byte_order(order);
            writer.set_encoding(encoding);
            assert_eq!(
                writer.write_string("a\0è").unwrap(),
                bytes.len() / encoding.code_unit_bytes()
            );
            assert_eq!(writer.as_bytes(), bytes, "{encoding:?} {order:?}");
        }
    }
}

/// DR-14: a mark at the start and a NUL stay, and the byte order does not matter to text.
#[test]
fn marks_and_nul_are_ordinary_characters() {
    for (encoding, bytes) in [
        (
            UnicodeEncoding::Utf8,
            [0xef, 0xbb, 0xbf, b'a', 0].as_slice(),
        ),
        (UnicodeEncoding::Utf16LE, &[0xff, 0xfe, b'a', 0, 0, 0]),
        (UnicodeEncoding::Utf16BE, &[0xfe, 0xff, 0, b'a', 0, 0]),
    ] {
        for order in ORDERS {
            let mut reader = Reader::new(bytes.to_vec());
            reader.set_byte_order(order);
            reader.set_encoding(encoding);
            let units = bytes.len() / encoding.code_unit_bytes();
            let text = reader.read_string(units.try_into().unwrap()).unwrap();
            assert_eq!(text, "\u{feff}a\0", "{encoding:?} {order:?}");
        }
    }
}

/// DR-14: text that is not well-formed is refused, and stays unread.
#[test]
fn malformed_text_leaves_everything_unread() {
    for (bytes, encoding) in [
        // A lone continuation byte, overlong forms, a surrogate, beyond the last character, and
        // characters that are cut.
        (b"\x80".as_slice(), UnicodeEncoding::Utf8),
        (b"ok\xff", UnicodeEncoding::Utf8),
        (b"\xc0\x80", UnicodeEncoding::Utf8),
        (b"\xe0\x80\xaf", UnicodeEncoding::Utf8),
        (b"\xed\xa0\x80", UnicodeEncoding::Utf8),
        (b"\xed\xa0\xbd\xed\xb8\x80", UnicodeEncoding::Utf8),
        (b"\xf4\x90\x80\x80", UnicodeEncoding::Utf8),
        (b"ok\xf0\x9f\x98", UnicodeEncoding::Utf8),
        (b"ok\xc3", UnicodeEncoding::Utf8),
        // High without low, low without high, and in the wrong order.
        (b"\x3d\xd8", UnicodeEncoding::Utf16LE),
        (b"\x3d\xd8a\0", UnicodeEncoding::Utf16LE),
        (b"\x00\xde", UnicodeEncoding::Utf16LE),
        (b"\x00\xde\x3d\xd8", UnicodeEncoding::Utf16LE),
        (b"\xd8\x3d", UnicodeEncoding::Utf16BE),
        (b"\0a\xde\x00", UnicodeEncoding::Utf16BE),
    ] {
        let mut reader = Reader::new([bytes, b"tail"].concat());
        reader.set_encoding(encoding);
        let units = bytes.len() / encoding.code_unit_bytes();
        let error = reader.read_string(units.try_into().unwrap()).unwrap_err();
        assert_eq!(
            error.hresult(),
            hresult::ERROR_NO_UNICODE_TRANSLATION,
            "{bytes:x?}"
        );
        assert_eq!(reader.unread(), bytes.len() + 4, "{bytes:x?}");
        let mut same = vec![0; bytes.len()];
        reader.read_bytes(&mut same).unwrap();
        assert_eq!(same, bytes);
    }
    for encoding in [UnicodeEncoding::Utf16LE, UnicodeEncoding::Utf16BE] {
        // Half a code unit.
        let error = encoding.decode(b"abc").unwrap_err();
        assert_eq!(error.hresult(), hresult::ERROR_NO_UNICODE_TRANSLATION);
    }
}

/// DW-05: strings of JavaScript and C++ may contain unpaired surrogates.
#[test]
fn an_unpaired_surrogate_writes_nothing() {
    for text in [
        [0xd83d].as_slice(),
        &[0x61, 0xd83d],
        &[0xde00],
        &[0xd83d, 0x61],
        &[0xde00, 0xd83d],
        &[0xd83d, 0xd83d, 0xde00],
    ] {
        for encoding in ENCODINGS {
            let mut writer = Writer::new();
            writer.set_encoding(encoding);
            writer.write_u8(7).unwrap();
            let error = writer.write_utf16(text).unwrap_err();
            assert_eq!(error.hresult(), hresult::ERROR_NO_UNICODE_TRANSLATION);
            assert_eq!(writer.as_bytes(), [7], "{text:x?} {encoding:?}");
        }
    }
    let mut writer = Writer::new();
    let smile: Vec<_> = "😀".encode_utf16().collect();
    assert_eq!(writer.write_utf16(&smile).unwrap(), 4);
    assert_eq!(writer.as_bytes(), "😀".as_bytes());
}

/// DR-15
#[test]
fn bytes_and_buffers_are_read_whole_and_may_be_empty() {
    let mut reader = Reader::new(vec![1, 2, 3, 4]);
    reader.read_bytes(&mut []).unwrap();
    assert!(reader.read_buffer(0).unwrap().is_empty());
    assert_eq!(reader.read_string(0).unwrap(), "");
    let mut bytes = [0; 3];
    reader.read_bytes(&mut bytes).unwrap();
    assert_eq!(bytes, [1, 2, 3]);
    assert_eq!(reader.read_buffer(1).unwrap(), [4].as_slice());
    assert!(reader.read_buffer(0).unwrap().is_empty());
}

/// DR-16, DW-07, DW-14: what is taken is what is unread, or not yet stored.
#[test]
fn taking_the_bytes_empties_reader_and_writer() {
    let mut reader = Reader::new(vec![1, 2, 3, 4]);
    reader.read_u8().unwrap();
    assert_eq!(reader.take(), [2, 3, 4].as_slice());
    assert_eq!(reader.unread(), 0);
    assert_eq!(reader.read_u8().unwrap_err().hresult(), hresult::E_BOUNDS);

    let mut writer = Writer::new();
    writer.set_byte_order(ByteOrder::LittleEndian);
    writer.write_u32(1).unwrap();
    assert_eq!(writer.length(), 4);
    assert_eq!(writer.take(), [1, 0, 0, 0].as_slice());
    assert_eq!(writer.length(), 0);
    assert!(writer.take().is_empty());
    writer.write_u16(2).unwrap();
    assert_eq!(writer.take(), [2, 0].as_slice());
}

/// DW-11: what could not be stored comes before what was written since.
#[test]
fn bytes_that_are_put_back_come_first() {
    let mut writer = Writer::new();
    writer.write_bytes(b"one").unwrap();
    let taken = writer.take();
    let kept = taken.clone();
    writer.write_bytes(b"two").unwrap();
    writer.put_back(taken).unwrap();
    assert_eq!(writer.as_bytes(), b"onetwo");
    assert_eq!(kept, b"one".as_slice());
}

/// DR-04: what is appended follows what is unread, however it was cut.
#[test]
fn appended_bytes_follow_those_that_are_unread() {
    let mut numbers = Numbers(1);
    for _ in 0..200 {
        let bytes = numbers.bytes(60);
        let (mut reader, mut read, mut rest) = (Reader::default(), Vec::new(), &bytes[..]);
        while !rest.is_empty() || reader.unread() > 0 {
            let (next, after) = rest.split_at(numbers.below(rest.len() + 1));
            reader.append(next.to_vec().into()).unwrap();
            rest = after;
            let length = numbers.below(reader.unread() + 1);
            read.extend(reader.read_buffer(length.try_into().unwrap()).unwrap());
        }
        assert_eq!(read, bytes);
    }
}

/// DR-09, DR-10, DR-11, DR-12, DR-13, DR-15, DW-02, DW-03, DW-06
#[test]
fn what_is_written_is_read_back() {
    let mut numbers = Numbers(2);
    for round in 0..300 {
        let mut writer = Writer::new();
        let mut written = Vec::new();
        for _ in 0..numbers.below(30) {
            let value = numbers.value();
            let order = ORDERS[numbers.below(2)];
            let encoding = ENCODINGS[numbers.below(3)];
            writer.set_byte_order(order);
            writer.set_encoding(encoding);
            value.write(&mut writer).unwrap();
            written.push((value, order, encoding));
        }
        let mut reader = Reader::new(writer.take());
        for (value, order, encoding) in written {
            reader.set_byte_order(order);
            reader.set_encoding(encoding);
            let read = value.read_same(&mut reader).unwrap();
            assert_eq!(read, value, "round {round}, {order:?}, {encoding:?}");
        }
        assert_eq!(reader.unread(), 0, "round {round}");
    }
}

/// DR-07, DR-14: bytes that nobody has written are values or errors, and an error reads nothing.
#[test]
fn no_bytes_make_a_reader_panic() {
    let mut numbers = Numbers(3);
    for round in 0..2_000 {
        let bytes = numbers.bytes(40);
        let mut reader = Reader::new(bytes.clone());
        for _ in 0..8 {
            reader.set_byte_order(ORDERS[numbers.below(2)]);
            reader.set_encoding(ENCODINGS[numbers.below(3)]);
            let wanted = numbers.value();
            let before = reader.clone().take();
            let outcome =
                panic::catch_unwind(panic::AssertUnwindSafe(|| wanted.read_same(&mut reader)));
            let outcome = outcome.unwrap_or_else(|_| panic!("round {round}: {bytes:x?}"));
            let after = reader.clone().take();
            match outcome {
                // What was read is written as the same bytes, except for truth values.
                Ok(value) => {
                    assert!(before.ends_with(&after), "{bytes:x?}");
                    let mut writer = Writer::new();
                    writer.set_byte_order(reader.byte_order());
                    writer.set_encoding(reader.encoding());
                    value.write(&mut writer).unwrap();
                    let consumed = &before[..before.len() - after.len()];
                    if !matches!(value, Value::Bool(_)) {
                        assert_eq!(writer.as_bytes(), consumed, "{value:?}");
                    }
                }
                Err(error) => {
                    assert_eq!(after, before, "{bytes:x?}");
                    let hresult = error.hresult();
                    assert!(
                        [hresult::E_BOUNDS, hresult::ERROR_NO_UNICODE_TRANSLATION]
                            .contains(&hresult),
                        "{error:?}"
                    );
                }
            }
        }
    }
}
