//! Readers.

use std::sync::Arc;

use udpair_winrt::{
    AsyncStatus, Buffer, ByteOrder, DataReader, DataWriter, DateTime, Error, Guid, InputStream,
    InputStreamOptions, TimeSpan, UnicodeEncoding, hresult,
};

use crate::support::{Reads, code};

type Call = fn(&DataReader) -> Result<(), Error>;

/// Every call that reads, each of a value that has at least one byte.
const READS: &[(&str, Call)] = &[
    ("read_bool", |reader| reader.read_bool().map(drop)),
    ("read_u8", |reader| reader.read_u8().map(drop)),
    ("read_i16", |reader| reader.read_i16().map(drop)),
    ("read_i32", |reader| reader.read_i32().map(drop)),
    ("read_i64", |reader| reader.read_i64().map(drop)),
    ("read_u16", |reader| reader.read_u16().map(drop)),
    ("read_u32", |reader| reader.read_u32().map(drop)),
    ("read_u64", |reader| reader.read_u64().map(drop)),
    ("read_f32", |reader| reader.read_f32().map(drop)),
    ("read_f64", |reader| reader.read_f64().map(drop)),
    ("read_guid", |reader| reader.read_guid().map(drop)),
    ("read_date_time", |reader| reader.read_date_time().map(drop)),
    ("read_time_span", |reader| reader.read_time_span().map(drop)),
    ("read_bytes", |reader| reader.read_bytes(&mut [0])),
    ("read_buffer", |reader| reader.read_buffer(1).map(drop)),
    ("read_string", |reader| reader.read_string(1).map(drop)),
];

/// Calls that take something away.
const DETACHES: &[(&str, Call)] = &[
    ("detach_buffer", |reader| reader.detach_buffer().map(drop)),
    ("detach_stream", |reader| reader.detach_stream().map(drop)),
];

/// Properties.
const PROPERTIES: &[(&str, Call)] = &[
    ("byte_order", |reader| reader.byte_order().map(drop)),
    ("set_byte_order", |reader| {
        reader.set_byte_order(ByteOrder::LittleEndian)
    }),
    ("unicode_encoding", |reader| {
        reader.unicode_encoding().map(drop)
    }),
    ("set_unicode_encoding", |reader| {
        reader.set_unicode_encoding(UnicodeEncoding::Utf16LE)
    }),
    ("input_stream_options", |reader| {
        reader.input_stream_options().map(drop)
    }),
    ("set_input_stream_options", |reader| {
        reader.set_input_stream_options(InputStreamOptions::Partial)
    }),
    ("unconsumed_buffer_length", |reader| {
        reader.unconsumed_buffer_length().map(drop)
    }),
];

/// A reader on a stream whose reads the test completes.
fn waiting() -> (Arc<Reads>, DataReader) {
    let reads = Arc::new(Reads::default());
    let reader = DataReader::new(reads.clone());
    (reads, reader)
}

/// DR-01: the bytes up to the length, and those of that moment.
#[test]
fn a_reader_of_a_buffer_reads_its_length() {
    let buffer = Buffer::copy_from(b"abcdef");
    buffer.set_length(3).unwrap();
    let dynamic: &dyn udpair_winrt::IBuffer = &buffer;
    let readers = [
        DataReader::from_buffer(&buffer),
        DataReader::from_buffer(dynamic),
    ];
    buffer.write_at(0, b"x").unwrap();
    for reader in readers {
        assert_eq!(reader.unconsumed_buffer_length().unwrap(), 3);
        assert_eq!(reader.read_string(3).unwrap(), "abc");
    }
}

/// DR-02
#[test]
fn a_reader_has_the_defaults_of_the_model() {
    let reader = DataReader::new(InputStream::from_bytes("x"));
    assert_eq!(reader.byte_order().unwrap(), ByteOrder::BigEndian);
    assert_eq!(reader.unicode_encoding().unwrap(), UnicodeEncoding::Utf8);
    let options = reader.input_stream_options().unwrap();
    assert_eq!(options, InputStreamOptions::None);
    assert_eq!(reader.unconsumed_buffer_length().unwrap(), 0);
}

/// DR-04, DR-08: nothing can be read before it is loaded.
#[tokio::test]
async fn a_load_appends_to_what_is_unread() {
    let reader = DataReader::new(InputStream::from_bytes("abcdefgh"));
    assert_eq!(code(reader.read_u8()), hresult::E_BOUNDS);
    assert_eq!(reader.load(3).await.unwrap(), 3);
    assert_eq!(reader.unconsumed_buffer_length().unwrap(), 3);
    assert_eq!(reader.read_string(2).unwrap(), "ab");
    assert_eq!(code(reader.read_u16()), hresult::E_BOUNDS);
    assert_eq!(reader.load(2).await.unwrap(), 2);
    assert_eq!(reader.unconsumed_buffer_length().unwrap(), 3);
    assert_eq!(reader.load(u32::MAX).await.unwrap(), 3);
    assert_eq!(reader.read_string(6).unwrap(), "cdefgh");
}

/// DR-04: the stream is asked with the reader's options.
#[test]
fn a_load_passes_count_and_options_on() {
    let (reads, reader) = waiting();
    reader
        .set_input_stream_options(InputStreamOptions::ReadAhead)
        .unwrap();
    let load = reader.load(7);
    let read = reads.take();
    assert_eq!(
        (read.count, read.options),
        (7, InputStreamOptions::ReadAhead)
    );
    assert_eq!(read.buffer.capacity(), 7);
    read.complete(b"abc");
    assert_eq!(load.get().unwrap(), 3);
    // In another buffer than the given one.
    let load = reader.load(7);
    let other = Buffer::copy_from(b"defghi");
    reads.take().completer.complete(Ok(other));
    assert_eq!(load.get().unwrap(), 6);
    assert_eq!(reader.read_string(9).unwrap(), "abcdefghi");
}

/// DR-05
#[test]
fn nothing_is_loaded_at_the_end_and_without_a_count() {
    let reader = DataReader::new(InputStream::from_bytes("a"));
    assert_eq!(reader.load(0).get().unwrap(), 0);
    assert_eq!(reader.load(5).get().unwrap(), 1);
    assert_eq!(reader.load(5).get().unwrap(), 0);
    let (reads, reader) = waiting();
    assert_eq!(reader.load(0).get().unwrap(), 0);
    assert!(reads.pending.lock().unwrap().is_empty(), "never asked");
}

/// DR-05
#[test]
fn a_reader_without_a_stream_cannot_load() {
    let of_buffer = DataReader::from_buffer(Buffer::copy_from(b"abc"));
    let detached = DataReader::new(InputStream::from_bytes("abc"));
    detached.detach_stream().unwrap();
    for reader in [of_buffer, detached] {
        for count in [0, 5] {
            let load = reader.load(count);
            let refusal = load.refusal().unwrap();
            assert_eq!(refusal.code(), hresult::E_ILLEGAL_METHOD_CALL, "{count}");
            assert_eq!(code(load.get()), hresult::E_ILLEGAL_METHOD_CALL);
        }
    }
}

/// DR-06
#[test]
fn a_pending_load_refuses_other_calls() {
    let (reads, reader) = waiting();
    let first = reader.load(4);
    reads.take().complete(b"abcd");
    first.get().unwrap();

    let load = reader.load(9);
    for (name, call) in READS.iter().chain(DETACHES) {
        let refused = code(call(&reader));
        assert_eq!(refused, hresult::ERROR_INVALID_OPERATION, "{name}");
    }
    for count in [0, 1] {
        let refused = reader.load(count).refusal().unwrap();
        assert_eq!(refused.code(), hresult::ERROR_INVALID_OPERATION);
    }
    // Properties may be used.
    for (name, call) in PROPERTIES {
        call(&reader).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    assert_eq!(reader.unconsumed_buffer_length().unwrap(), 4);
    assert_eq!(load.status(), AsyncStatus::Started);

    reads.take().complete(b"efgh");
    assert_eq!(load.get().unwrap(), 4);
    reader.set_unicode_encoding(UnicodeEncoding::Utf8).unwrap();
    assert_eq!(reader.read_string(8).unwrap(), "abcdefgh");
}

/// DR-06: a load that fails, is cancelled or abandoned does not block the reader.
#[test]
fn a_reader_is_free_after_any_end_of_a_load() {
    let (reads, reader) = waiting();
    let failed = reader.load(1);
    let error = Error::new(hresult::WSAECONNRESET, "the peer is gone");
    reads.take().completer.complete(Err(error));
    assert_eq!(failed.status(), AsyncStatus::Error);
    assert_eq!(failed.error_code(), hresult::WSAECONNRESET);

    let cancelled = reader.load(1);
    cancelled.cancel();
    assert_eq!(cancelled.status(), AsyncStatus::Canceled);
    assert_eq!(cancelled.error_code(), hresult::ERROR_OPERATION_ABORTED);
    // The stream's own answer comes too late.
    reads.take().complete(b"x");

    let abandoned = reader.load(1);
    drop(reads.take());
    assert_eq!(abandoned.error_code(), hresult::ERROR_OPERATION_ABORTED);

    let awaited = reader.load(1);
    drop(std::future::IntoFuture::into_future(awaited));
    assert_eq!(reads.pending.lock().unwrap().len(), 1);
    reads.take().complete(b"x");

    assert_eq!(reader.unconsumed_buffer_length().unwrap(), 0);
    let load = reader.load(1);
    reads.take().complete(b"y");
    assert_eq!(load.get().unwrap(), 1);
    assert_eq!(reader.read_string(1).unwrap(), "y");
}

/// DR-06: the stream of an application panics.
#[test]
fn a_reader_is_free_after_a_panic_of_its_stream() {
    struct Panics;
    impl udpair_winrt::IInputStream for Panics {
        fn read(
            &self,
            _: Buffer,
            _: u32,
            _: InputStreamOptions,
        ) -> udpair_winrt::OperationWithProgress<Buffer, u32> {
            panic!("on purpose")
        }
    }
    let reader = DataReader::new(Panics);
    let panicking = std::panic::AssertUnwindSafe(|| reader.load(1));
    assert!(std::panic::catch_unwind(panicking).is_err());
    assert!(reader.detach_buffer().is_ok());
}

/// DR-07
#[test]
fn every_read_beyond_the_end_reads_nothing() {
    for (name, read) in READS {
        let reader = DataReader::from_buffer(Buffer::copy_from(b""));
        assert_eq!(code(read(&reader)), hresult::E_BOUNDS, "{name}");
    }
    let reader = DataReader::from_buffer(Buffer::copy_from(b"abc"));
    for read in [
        code(reader.read_u32()),
        code(reader.read_string(4)),
        code(reader.read_buffer(4)),
        code(reader.read_bytes(&mut [0; 4])),
        code(reader.read_guid()),
    ] {
        assert_eq!(read, hresult::E_BOUNDS);
        assert_eq!(reader.unconsumed_buffer_length().unwrap(), 3);
    }
    assert_eq!(reader.read_string(3).unwrap(), "abc");
}

/// DR-03, DR-09, DR-10, DR-11, DR-12, DR-13, DR-15, DW-02, DW-03, DW-04
#[test]
fn a_reader_reads_what_a_writer_has_written() {
    for order in [ByteOrder::LittleEndian, ByteOrder::BigEndian] {
        for encoding in [
            UnicodeEncoding::Utf8,
            UnicodeEncoding::Utf16LE,
            UnicodeEncoding::Utf16BE,
        ] {
            let guid = Guid::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
            let writer = DataWriter::new();
            writer.set_byte_order(order).unwrap();
            writer.set_unicode_encoding(encoding).unwrap();
            writer.write_bool(true).unwrap();
            writer.write_u8(200).unwrap();
            writer.write_i16(-2).unwrap();
            writer.write_i32(-3).unwrap();
            writer.write_i64(-4).unwrap();
            writer.write_u16(0x0102).unwrap();
            writer.write_u32(0x0102_0304).unwrap();
            writer.write_u64(0x0102_0304_0506_0708).unwrap();
            writer.write_f32(1.5).unwrap();
            writer.write_f64(-2.5).unwrap();
            writer.write_guid(guid).unwrap();
            writer.write_date_time(DateTime(5)).unwrap();
            writer.write_time_span(TimeSpan(-6)).unwrap();
            writer.write_bytes(b"bytes").unwrap();
            writer.write_buffer(&Buffer::copy_from(b"buffer")).unwrap();
            let units = writer.measure_string("Très 😀").unwrap();
            assert_eq!(writer.write_string("Très 😀").unwrap(), units);
            let smile: Vec<_> = "😀".encode_utf16().collect();
            let smile_units = writer.measure_utf16(&smile).unwrap();
            assert_eq!(writer.write_utf16(&smile).unwrap(), smile_units);

            let reader = DataReader::from_buffer(writer.detach_buffer().unwrap());
            reader.set_byte_order(order).unwrap();
            reader.set_unicode_encoding(encoding).unwrap();
            assert_eq!(reader.byte_order().unwrap(), order);
            assert_eq!(reader.unicode_encoding().unwrap(), encoding);
            assert!(reader.read_bool().unwrap());
            assert_eq!(reader.read_u8().unwrap(), 200);
            assert_eq!(reader.read_i16().unwrap(), -2);
            assert_eq!(reader.read_i32().unwrap(), -3);
            assert_eq!(reader.read_i64().unwrap(), -4);
            assert_eq!(reader.read_u16().unwrap(), 0x0102);
            assert_eq!(reader.read_u32().unwrap(), 0x0102_0304);
            assert_eq!(reader.read_u64().unwrap(), 0x0102_0304_0506_0708);
            assert_eq!(reader.read_f32().unwrap().to_bits(), 1.5f32.to_bits());
            assert_eq!(reader.read_f64().unwrap().to_bits(), (-2.5f64).to_bits());
            assert_eq!(reader.read_guid().unwrap(), guid);
            assert_eq!(reader.read_date_time().unwrap(), DateTime(5));
            assert_eq!(reader.read_time_span().unwrap(), TimeSpan(-6));
            let mut bytes = [0; 5];
            reader.read_bytes(&mut bytes).unwrap();
            assert_eq!(&bytes, b"bytes");
            let buffer = reader.read_buffer(6).unwrap();
            assert_eq!(buffer.to_bytes(), "buffer");
            assert_eq!((buffer.capacity(), buffer.length()), (6, 6));
            assert_eq!(reader.read_string(units).unwrap(), "Très 😀");
            assert_eq!(reader.read_string(smile_units).unwrap(), "😀");
            assert_eq!(reader.unconsumed_buffer_length().unwrap(), 0);
        }
    }
}

/// DR-14
#[test]
fn malformed_text_stays_unread() {
    let reader = DataReader::from_buffer(Buffer::copy_from(b"ok\xff\xfe"));
    let refused = reader.read_string(4);
    assert_eq!(code(refused), hresult::ERROR_NO_UNICODE_TRANSLATION);
    assert_eq!(reader.unconsumed_buffer_length().unwrap(), 4);
    assert_eq!(reader.read_string(2).unwrap(), "ok");
}

/// DR-16
#[test]
fn detach_buffer_takes_what_is_unread() {
    let reader = DataReader::from_buffer(Buffer::copy_from(b"abcdef"));
    reader.read_u16().unwrap();
    let buffer = reader.detach_buffer().unwrap();
    assert_eq!(buffer.to_bytes(), "cdef");
    assert_eq!(reader.unconsumed_buffer_length().unwrap(), 0);
    assert_eq!(reader.detach_buffer().unwrap().length(), 0);
    // The reader goes on with what is loaded later.
    let reader = DataReader::new(InputStream::from_bytes("abcd"));
    reader.load(2).get().unwrap();
    reader.detach_buffer().unwrap();
    reader.load(2).get().unwrap();
    assert_eq!(reader.read_string(2).unwrap(), "cd");
}

/// DR-17
#[test]
fn a_detached_stream_is_the_applications_again() {
    let stream = InputStream::from_bytes("abcdef");
    let reader = DataReader::new(stream.clone());
    reader.load(3).get().unwrap();
    let detached = reader.detach_stream().unwrap();
    assert_eq!(detached, stream);
    assert_eq!(code(reader.detach_stream()), hresult::E_ILLEGAL_METHOD_CALL);
    assert_eq!(reader.read_string(3).unwrap(), "abc");
    // It is not closed with its former reader, and goes on where it was.
    reader.close();
    let other = DataReader::new(detached);
    assert_eq!(other.load(9).get().unwrap(), 3);
    assert_eq!(other.read_string(3).unwrap(), "def");
    let of_buffer = DataReader::from_buffer(Buffer::copy_from(b"abc"));
    assert_eq!(
        code(of_buffer.detach_stream()),
        hresult::E_ILLEGAL_METHOD_CALL
    );
}

/// DR-18
#[test]
fn a_closed_reader_closes_its_stream_and_refuses_calls() {
    let (reads, reader) = waiting();
    reader.load(1);
    reads.take().complete(b"a");
    reader.close();
    reader.clone().close();
    assert_eq!(*reads.closed.lock().unwrap(), 1);
    for (name, call) in READS.iter().chain(DETACHES).chain(PROPERTIES) {
        assert_eq!(code(call(&reader)), hresult::RO_E_CLOSED, "{name}");
    }
    for count in [0, 1] {
        let refused = reader.load(count).refusal().unwrap();
        assert_eq!(refused.code(), hresult::RO_E_CLOSED);
    }
}

/// DR-18, STR-04
#[test]
fn closing_a_reader_aborts_its_load() {
    let (reads, reader) = waiting();
    let load = reader.load(1);
    reader.close();
    assert_eq!(load.status(), AsyncStatus::Error);
    assert_eq!(load.error_code(), hresult::ERROR_OPERATION_ABORTED);
    reads.take().complete(b"l");
    assert_eq!(code(reader.read_u8()), hresult::RO_E_CLOSED);
}

/// DR-18: dropping a reader releases its stream, and does not close it.
#[test]
fn a_dropped_reader_leaves_its_stream_open() {
    let (reads, reader) = waiting();
    drop(reader);
    assert_eq!(*reads.closed.lock().unwrap(), 0);
    assert_eq!(Arc::strong_count(&reads), 1);
}

/// DR-18: a stream that was closed elsewhere refuses the load, and the reader goes on.
#[test]
fn a_load_from_a_closed_stream_is_refused() {
    let stream = InputStream::from_bytes("abc");
    let reader = DataReader::new(stream.clone());
    reader.load(2).get().unwrap();
    stream.close();
    let load = reader.load(1);
    assert_eq!(load.refusal().unwrap().code(), hresult::RO_E_CLOSED);
    assert_eq!(reader.read_string(2).unwrap(), "ab");
}
