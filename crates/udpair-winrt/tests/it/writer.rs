//! Writers.

use std::sync::{Arc, mpsc};

use udpair_winrt::{
    AsyncStatus, Buffer, ByteOrder, DataWriter, DateTime, Error, Guid, IBuffer, IOutputStream,
    Operation, OperationWithProgress, OutputStream, TimeSpan, UnicodeEncoding, hresult,
};

use crate::support::{OwnBuffer, TIMEOUT, Writes, code};

type Call = fn(&DataWriter) -> Result<(), Error>;

/// Every call that writes.
const WRITES: &[(&str, Call)] = &[
    ("write_bool", |writer| writer.write_bool(true)),
    ("write_u8", |writer| writer.write_u8(1)),
    ("write_i16", |writer| writer.write_i16(1)),
    ("write_i32", |writer| writer.write_i32(1)),
    ("write_i64", |writer| writer.write_i64(1)),
    ("write_u16", |writer| writer.write_u16(1)),
    ("write_u32", |writer| writer.write_u32(1)),
    ("write_u64", |writer| writer.write_u64(1)),
    ("write_f32", |writer| writer.write_f32(1.0)),
    ("write_f64", |writer| writer.write_f64(1.0)),
    ("write_guid", |writer| writer.write_guid(Guid::default())),
    ("write_date_time", |writer| {
        writer.write_date_time(DateTime(1))
    }),
    ("write_time_span", |writer| {
        writer.write_time_span(TimeSpan(1))
    }),
    ("write_bytes", |writer| writer.write_bytes(b"x")),
    ("write_buffer", |writer| {
        writer.write_buffer(&Buffer::copy_from(b"x"))
    }),
    ("write_buffer_range", |writer| {
        writer.write_buffer_range(&Buffer::copy_from(b"x"), 0, 1)
    }),
    ("write_string", |writer| writer.write_string("x").map(drop)),
    ("write_utf16", |writer| writer.write_utf16(&[1]).map(drop)),
];

/// Calls that take something away.
const DETACHES: &[(&str, Call)] = &[
    ("detach_buffer", |writer| writer.detach_buffer().map(drop)),
    ("detach_stream", |writer| writer.detach_stream().map(drop)),
];

/// Properties.
const PROPERTIES: &[(&str, Call)] = &[
    ("byte_order", |writer| writer.byte_order().map(drop)),
    ("set_byte_order", |writer| {
        writer.set_byte_order(ByteOrder::LittleEndian)
    }),
    ("unicode_encoding", |writer| {
        writer.unicode_encoding().map(drop)
    }),
    ("set_unicode_encoding", |writer| {
        writer.set_unicode_encoding(UnicodeEncoding::Utf16LE)
    }),
    ("unstored_buffer_length", |writer| {
        writer.unstored_buffer_length().map(drop)
    }),
    ("measure_string", |writer| {
        writer.measure_string("x").map(drop)
    }),
    ("measure_utf16", |writer| {
        writer.measure_utf16(&[1]).map(drop)
    }),
];

/// DW-01
#[test]
fn a_writer_has_the_defaults_of_the_model() {
    for writer in [
        DataWriter::new(),
        DataWriter::default(),
        DataWriter::with_stream(Writes::at_once()),
    ] {
        assert_eq!(writer.byte_order().unwrap(), ByteOrder::BigEndian);
        assert_eq!(writer.unicode_encoding().unwrap(), UnicodeEncoding::Utf8);
        assert_eq!(writer.unstored_buffer_length().unwrap(), 0);
        writer.write_u16(1).unwrap();
        assert_eq!(writer.write_string("è").unwrap(), 2);
        let buffer = writer.detach_buffer().unwrap();
        assert_eq!(buffer.to_bytes(), [0, 1, 0xc3, 0xa8].as_slice());
    }
}

/// DW-04
#[test]
fn a_measured_string_depends_on_the_encoding() {
    let writer = DataWriter::new();
    for (encoding, tres, smile) in [
        (UnicodeEncoding::Utf8, 5, 4),
        (UnicodeEncoding::Utf16LE, 4, 2),
        (UnicodeEncoding::Utf16BE, 4, 2),
    ] {
        writer.set_unicode_encoding(encoding).unwrap();
        assert_eq!(writer.measure_string("Très").unwrap(), tres);
        assert_eq!(writer.measure_string("😀").unwrap(), smile);
        assert_eq!(writer.measure_utf16(&[0xd83d, 0xde00]).unwrap(), smile);
    }
    assert_eq!(writer.unstored_buffer_length().unwrap(), 0);
}

/// DW-05
#[test]
fn an_unpaired_surrogate_is_refused() {
    let writer = DataWriter::new();
    writer.write_u8(1).unwrap();
    for text in [[0xd83d].as_slice(), &[0x61, 0xde00]] {
        let refused = writer.write_utf16(text);
        assert_eq!(code(refused), hresult::ERROR_NO_UNICODE_TRANSLATION);
        let refused = writer.measure_utf16(text);
        assert_eq!(code(refused), hresult::ERROR_NO_UNICODE_TRANSLATION);
    }
    assert_eq!(writer.unstored_buffer_length().unwrap(), 1);
}

/// DW-06
#[test]
fn buffers_are_written_up_to_their_length_or_in_part() {
    let buffer = Buffer::copy_from(b"abcdef");
    buffer.set_length(4).unwrap();
    for (start, count, expected) in [
        (0, 4, Some("abcd")),
        (1, 2, Some("bc")),
        (4, 0, Some("")),
        (0, 0, Some("")),
        (0, 5, None),
        (4, 1, None),
        (5, 0, None),
        (1, u32::MAX, None),
        (u32::MAX, 1, None),
        (u32::MAX, u32::MAX, None),
    ] {
        let own = OwnBuffer::new(b"abcdef", 4);
        for buffer in [buffer.clone(), Buffer::over(own)] {
            let writer = DataWriter::new();
            let written = writer.write_buffer_range(&buffer, start, count);
            match expected {
                Some(_) => written.unwrap(),
                None => assert_eq!(code(written), hresult::E_INVALIDARG, "{start} {count}"),
            }
            let found = writer.detach_buffer().unwrap().to_bytes();
            assert_eq!(found, expected.unwrap_or_default(), "{start} {count}");
        }
    }
    let writer = DataWriter::new();
    writer.write_bytes(b"").unwrap();
    writer.write_buffer(&Buffer::with_capacity(9)).unwrap();
    assert_eq!(writer.unstored_buffer_length().unwrap(), 0);
    writer.write_buffer(&buffer).unwrap();
    assert_eq!(writer.detach_buffer().unwrap().to_bytes(), "abcd");
}

/// DW-07: also while they are being stored.
#[test]
fn the_unstored_length_counts_what_is_not_stored() {
    let writes = Writes::waiting();
    let writer = DataWriter::with_stream(writes.clone());
    writer.write_u32(1).unwrap();
    assert_eq!(writer.unstored_buffer_length().unwrap(), 4);
    let store = writer.store();
    assert_eq!(writer.unstored_buffer_length().unwrap(), 4);
    writes.take().complete(Ok(4));
    store.get().unwrap();
    assert_eq!(writer.unstored_buffer_length().unwrap(), 0);
}

/// DW-08
#[tokio::test]
async fn a_store_is_one_write() {
    let writes = Writes::at_once();
    let writer = DataWriter::with_stream(writes.clone());
    writer.write_u16(1).unwrap();
    writer.write_string("abc").unwrap();
    writer.write_bool(true).unwrap();
    assert_eq!(writer.store().await.unwrap(), 6);
    writer.write_u8(9).unwrap();
    assert_eq!(writer.store().await.unwrap(), 1);
    assert_eq!(writes.written(), [b"\x00\x01abc\x01".to_vec(), vec![9]]);
}

/// DW-08: in order, although nobody awaits them.
#[test]
fn stores_that_are_not_awaited_keep_their_order() {
    let writes = Writes::at_once();
    let writer = DataWriter::with_stream(writes.clone());
    for number in 0..100u8 {
        writer.write_u8(number).unwrap();
        drop(writer.store());
    }
    let expected: Vec<_> = (0..100).map(|number| vec![number]).collect();
    assert_eq!(writes.written(), expected);
}

/// DW-08: the same over a stream that makes each write wait, with a writer for each.
#[test]
fn pending_stores_of_several_writers_keep_their_order() {
    let writes = Writes::waiting();
    let stream = OutputStream::new(writes.clone());
    let stores: Vec<_> = (0..100u8)
        .map(|number| {
            let writer = DataWriter::with_stream(stream.clone());
            writer.write_u8(number).unwrap();
            writer.store()
        })
        .collect();
    let expected: Vec<_> = (0..100).map(|number| vec![number]).collect();
    assert_eq!(writes.written(), expected);
    for store in &stores {
        assert_eq!(store.status(), AsyncStatus::Started);
        writes.take().complete(Ok(1));
        assert_eq!(store.get_results().unwrap(), 1);
    }
}

/// DW-09
#[test]
fn a_store_of_nothing_writes_nothing() {
    let writes = Writes::at_once();
    let writer = DataWriter::with_stream(writes.clone());
    assert_eq!(writer.store().get().unwrap(), 0);
    writer.write_bytes(b"").unwrap();
    assert_eq!(writer.store().get().unwrap(), 0);
    assert!(writes.written().is_empty());
}

/// DW-10, DW-15
#[test]
fn a_writer_without_a_stream_cannot_store() {
    let detached = DataWriter::with_stream(Writes::at_once());
    detached.detach_stream().unwrap();
    for writer in [DataWriter::new(), detached] {
        for unstored in [0, 1] {
            let store = writer.store();
            let refusal = store.refusal().unwrap();
            assert_eq!(refusal.code(), hresult::E_ILLEGAL_METHOD_CALL);
            assert_eq!(writer.unstored_buffer_length().unwrap(), unstored);
            writer.write_u8(1).unwrap();
        }
        assert_eq!(code(writer.detach_stream()), hresult::E_ILLEGAL_METHOD_CALL);
    }
}

/// DW-11: failed, cancelled, abandoned, refused, or stored in part.
#[test]
fn what_was_not_stored_is_kept() {
    let writes = Writes::waiting();
    let stream = OutputStream::new(writes.clone());
    let writer = DataWriter::with_stream(stream.clone());
    writer.write_string("abc").unwrap();

    let failed = writer.store();
    let error = Error::new(hresult::WSAENETUNREACH, "no route");
    writes.take().complete(Err(error));
    assert_eq!(failed.error_code(), hresult::WSAENETUNREACH);
    assert_eq!(writer.unstored_buffer_length().unwrap(), 3);

    let cancelled = writer.store();
    cancelled.cancel();
    assert_eq!(cancelled.status(), AsyncStatus::Canceled);
    writes.take().complete(Ok(3));
    assert_eq!(writer.unstored_buffer_length().unwrap(), 3);

    let abandoned = writer.store();
    drop(writes.take());
    assert_eq!(abandoned.status(), AsyncStatus::Error);

    let in_part = writer.store();
    writes.take().complete(Ok(1));
    assert_eq!(in_part.get().unwrap(), 1);
    assert_eq!(writer.unstored_buffer_length().unwrap(), 2);

    // Values follow what was kept.
    writer.write_string("d").unwrap();
    let store = writer.store();
    writes.take().complete(Ok(3));
    assert_eq!(store.get().unwrap(), 3);
    assert_eq!(
        writes.written(),
        ["abc", "abc", "abc", "abc", "bcd"].map(|text| text.as_bytes().to_vec())
    );

    writer.write_string("x").unwrap();
    stream.close();
    let refused = writer.store();
    assert_eq!(refused.refusal().unwrap().code(), hresult::RO_E_CLOSED);
    assert_eq!(writer.detach_buffer().unwrap().to_bytes(), "x");
}

/// DW-12, DW-15
#[test]
fn a_pending_store_refuses_other_calls() {
    let writes = Writes::waiting();
    let writer = DataWriter::with_stream(writes.clone());
    writer.write_string("abc").unwrap();
    let store = writer.store();
    for (name, call) in WRITES.iter().chain(DETACHES) {
        let refused = code(call(&writer));
        assert_eq!(refused, hresult::ERROR_INVALID_OPERATION, "{name}");
    }
    let refused = writer.store().refusal().unwrap();
    assert_eq!(refused.code(), hresult::ERROR_INVALID_OPERATION);
    for (name, call) in PROPERTIES {
        call(&writer).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    assert_eq!(store.status(), AsyncStatus::Started);
    writes.take().complete(Ok(3));
    assert_eq!(store.get().unwrap(), 3);
    for (name, call) in WRITES.iter().chain(DETACHES) {
        call(&writer).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    assert_eq!(writes.written(), [b"abc"]);
}

/// DW-12: the writer is free when the operation has ended, wherever that is noticed.
#[test]
fn a_handler_of_a_store_may_use_the_writer() {
    let writes = Writes::waiting();
    let writer = DataWriter::with_stream(writes.clone());
    writer.write_u8(1).unwrap();
    let (sender, used) = mpsc::channel();
    let again = writer.clone();
    let handler = move |_: &_, status| {
        let written = again.write_u8(2);
        sender.send((status, written.is_ok())).unwrap();
    };
    writer.store().set_completed(handler).unwrap();
    writes.take().complete(Ok(1));
    let used = used.recv_timeout(TIMEOUT).unwrap();
    assert_eq!(used, (AsyncStatus::Completed, true));
}

/// DW-13
#[test]
fn a_flush_is_the_streams_and_stores_nothing() {
    let writes = Writes::at_once();
    let writer = DataWriter::with_stream(writes.clone());
    writer.write_u8(1).unwrap();
    assert!(!writer.flush().get().unwrap(), "the stream says so");
    assert_eq!(*writes.flushes.lock().unwrap(), 1);
    assert!(writes.written().is_empty());
    assert_eq!(writer.unstored_buffer_length().unwrap(), 1);
    assert!(DataWriter::new().flush().get().unwrap());
    writer.detach_stream().unwrap();
    assert!(writer.flush().get().unwrap());
    writer.close();
    assert_eq!(code(writer.flush().get()), hresult::RO_E_CLOSED);
}

/// DW-13: a flush may be asked for while a store is pending.
#[test]
fn a_flush_may_follow_a_store_that_is_not_awaited() {
    let writes = Writes::waiting();
    let writer = DataWriter::with_stream(writes.clone());
    writer.write_u8(1).unwrap();
    let store = writer.store();
    assert!(!writer.flush().get().unwrap());
    writes.take().complete(Ok(1));
    store.get().unwrap();
}

/// DW-14
#[test]
fn detach_buffer_takes_what_is_unstored() {
    let writer = DataWriter::with_stream(Writes::at_once());
    writer.write_string("stored").unwrap();
    writer.store().get().unwrap();
    writer.write_string("unstored").unwrap();
    let buffer = writer.detach_buffer().unwrap();
    assert_eq!(buffer.to_bytes(), "unstored");
    assert_eq!(writer.unstored_buffer_length().unwrap(), 0);
    // What is written later is not in the buffer, and the other way round.
    writer.write_string("later").unwrap();
    buffer.write_at(0, b"UN").unwrap();
    assert_eq!(buffer.to_bytes(), "UNstored");
    assert_eq!(writer.detach_buffer().unwrap().to_bytes(), "later");
}

/// DW-15
#[test]
fn a_detached_stream_stays_open() {
    let writes = Writes::at_once();
    let stream = OutputStream::new(writes.clone());
    let writer = DataWriter::with_stream(stream.clone());
    assert_eq!(writer.detach_stream().unwrap(), stream);
    writer.close();
    assert_eq!(*writes.closed.lock().unwrap(), 0);
    stream.write(&Buffer::copy_from(b"x")).get().unwrap();
}

/// DW-16
#[test]
fn a_closed_writer_closes_its_stream_and_sends_nothing() {
    let writes = Writes::at_once();
    let writer = DataWriter::with_stream(writes.clone());
    writer.write_string("never sent").unwrap();
    writer.close();
    writer.clone().close();
    assert_eq!(*writes.closed.lock().unwrap(), 1);
    assert!(writes.written().is_empty());
    for (name, call) in WRITES.iter().chain(DETACHES).chain(PROPERTIES) {
        assert_eq!(code(call(&writer)), hresult::RO_E_CLOSED, "{name}");
    }
    let refused = writer.store().refusal().unwrap();
    assert_eq!(refused.code(), hresult::RO_E_CLOSED);
}

/// DW-16, STR-04
#[test]
fn closing_a_writer_aborts_its_store() {
    let writes = Writes::waiting();
    let writer = DataWriter::with_stream(writes.clone());
    writer.write_u8(1).unwrap();
    let store = writer.store();
    writer.close();
    assert_eq!(store.status(), AsyncStatus::Error);
    assert_eq!(store.error_code(), hresult::ERROR_OPERATION_ABORTED);
    writes.take().complete(Ok(1));
    assert_eq!(code(writer.write_u8(1)), hresult::RO_E_CLOSED);
}

/// DW-16: dropping a writer releases its stream, and does not close it.
#[test]
fn a_dropped_writer_leaves_its_stream_open() {
    let writes = Writes::at_once();
    let writer = DataWriter::with_stream(writes.clone());
    writer.write_u8(1).unwrap();
    drop(writer);
    assert_eq!(*writes.closed.lock().unwrap(), 0);
    assert!(writes.written().is_empty());
    assert_eq!(Arc::strong_count(&writes), 1);
}

/// DW-17: a store has everything that an operation has.
#[test]
fn a_store_is_an_operation() {
    let writes = Writes::waiting();
    let writer = DataWriter::with_stream(writes.clone());
    writer.write_u8(1).unwrap();
    let store = writer.store();
    assert_eq!(store.error_code(), 0);
    assert_eq!(code(store.get_results()), hresult::E_ILLEGAL_METHOD_CALL);
    assert_eq!(code(store.close()), hresult::E_ILLEGAL_METHOD_CALL);
    let (sender, completed) = mpsc::channel();
    let handler = move |store: &udpair_winrt::DataWriterStoreOperation, status| {
        sender
            .send((store.id(), status, store.get_results()))
            .unwrap();
    };
    store.set_completed(handler).unwrap();
    writes.take().complete(Ok(1));
    let (id, status, result) = completed.recv_timeout(TIMEOUT).unwrap();
    assert_eq!((id, status), (store.id(), AsyncStatus::Completed));
    assert_eq!(result.unwrap(), 1);
    store.close().unwrap();
}

/// DW-08: each store is one datagram, in the order of the calls, whatever the runtime is.
#[test]
fn stores_to_a_socket_that_are_not_awaited_keep_their_order() {
    /// The stream of a socket.
    struct Datagrams(udpair::OutputStream);
    impl IOutputStream for Datagrams {
        fn write(&self, buffer: &dyn IBuffer) -> OperationWithProgress<u32, u32> {
            let (stream, bytes) = (self.0.clone(), buffer.to_bytes());
            let length = buffer.length();
            OperationWithProgress::run_with_progress(|reporter| async move {
                stream.write(&bytes).await?;
                reporter.report(length);
                Ok(length)
            })
        }

        fn flush(&self) -> Operation<bool> {
            Operation::ready(true)
        }
    }

    let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.set_read_timeout(Some(TIMEOUT)).unwrap();
    let remote = peer.local_addr().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let opening = Operation::<udpair::DatagramSocket>::run(async move {
            Ok(udpair::DatagramSocket::builder().connect(remote).await?)
        });
        let socket = opening.await.unwrap();
        let writer = DataWriter::with_stream(Datagrams(socket.output().unwrap()));
        // More than a task may do at a time in tokio, and fewer than a socket buffers.
        for round in 0..3u8 {
            for number in 0..100 {
                writer.write_bytes(&[round, number]).unwrap();
                writer.write_string("!").unwrap();
                let store = writer.store();
                assert_eq!(store.status(), AsyncStatus::Completed, "{number}");
            }
            for number in 0..100 {
                let mut datagram = [0; 8];
                let length = peer.recv(&mut datagram).unwrap();
                assert_eq!(datagram[..length], [round, number, b'!']);
            }
        }
    });
}
