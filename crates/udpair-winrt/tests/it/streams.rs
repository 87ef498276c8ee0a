//! Streams: what a read and a write promise, and what closing means.

use std::sync::Arc;

use udpair_winrt::{AsyncStatus, Buffer, InputStream, InputStreamOptions, OutputStream, hresult};

use crate::support::{Reads, Writes, code};

/// STR-01
#[test]
fn a_read_of_more_than_the_capacity_is_refused() {
    let reads = Arc::new(Reads::default());
    for stream in [
        InputStream::from_bytes("abc"),
        InputStream::new(reads.clone()),
    ] {
        let read = stream.read(Buffer::with_capacity(2), 3, InputStreamOptions::None);
        assert_eq!(read.refusal().unwrap().code(), hresult::E_INVALIDARG);
        assert_eq!(code(read.get()), hresult::E_INVALIDARG);
    }
    assert!(reads.pending.lock().unwrap().is_empty(), "never asked");
}

/// STR-01: the returned buffer counts.
#[test]
fn the_bytes_are_in_the_buffer_that_is_returned() {
    let reads = Arc::new(Reads::default());
    let stream = InputStream::new(reads.clone());
    let given = Buffer::with_capacity(8);
    let operation = stream.read(given.clone(), 8, InputStreamOptions::Partial);
    let read = reads.take();
    assert_eq!((read.count, read.options), (8, InputStreamOptions::Partial));
    read.completer.complete(Ok(Buffer::copy_from(b"elsewhere")));
    assert_eq!(operation.get().unwrap().to_bytes(), "elsewhere");
    assert_eq!(given.length(), 0);
}

/// STR-02: up to the end, and then no bytes, whatever the options are.
#[test]
fn a_stream_of_bytes_ends_after_them() {
    let options = [
        InputStreamOptions::None,
        InputStreamOptions::Partial,
        InputStreamOptions::ReadAhead,
        InputStreamOptions::Partial | InputStreamOptions::ReadAhead,
    ];
    for options in options {
        let stream = InputStream::from_bytes("abcde");
        for (count, expected) in [(2, "ab"), (0, ""), (10, "cde"), (10, ""), (1, "")] {
            let read = stream.read(Buffer::with_capacity(10), count, options);
            assert_eq!(read.status(), AsyncStatus::Completed, "{options:?}");
            assert_eq!(read.get().unwrap().to_bytes(), expected, "{options:?}");
        }
    }
}

/// STR-02
#[test]
fn options_have_fixed_numbers_and_combine() {
    assert_eq!(InputStreamOptions::default(), InputStreamOptions::None);
    for (bits, options) in [
        (0, InputStreamOptions::None),
        (1, InputStreamOptions::Partial),
        (2, InputStreamOptions::ReadAhead),
        (
            3,
            InputStreamOptions::Partial | InputStreamOptions::ReadAhead,
        ),
    ] {
        assert_eq!(options.bits(), bits);
        assert_eq!(InputStreamOptions::try_from(bits).unwrap(), options);
        assert_eq!(options.contains(InputStreamOptions::Partial), bits & 1 != 0);
        assert!(options.contains(InputStreamOptions::None));
    }
    for bits in [4, 7, u32::MAX] {
        let refused = InputStreamOptions::try_from(bits);
        assert_eq!(code(refused), hresult::E_INVALIDARG, "{bits}");
    }
}

/// STR-03: the bytes of the moment of the call, their number, and the progress.
#[test]
fn a_write_returns_its_bytes_and_reports_them() {
    let writes = Writes::waiting();
    let stream = OutputStream::new(writes.clone());
    let buffer = Buffer::copy_from(b"before");
    let operation = stream.write(&buffer);
    buffer.write_at(0, b"after!").unwrap();
    assert_eq!(writes.written(), [b"before"]);

    let (sender, progress) = std::sync::mpsc::channel();
    operation
        .set_progress(move |_, bytes| sender.send(bytes).unwrap())
        .unwrap();
    let completer = writes.take();
    completer.report(3);
    completer.report(6);
    completer.complete(Ok(6));
    assert_eq!(operation.get().unwrap(), 6);
    assert_eq!(progress.recv_timeout(crate::support::TIMEOUT).unwrap(), 3);
    assert_eq!(progress.recv_timeout(crate::support::TIMEOUT).unwrap(), 6);

    assert!(!stream.flush().get().unwrap());
    assert_eq!(*writes.flushes.lock().unwrap(), 1);
}

/// STR-04
#[test]
fn pending_reads_and_writes_of_a_closed_stream_are_aborted() {
    let (reads, writes) = (Arc::new(Reads::default()), Writes::waiting());
    let input = InputStream::new(reads.clone());
    let output = OutputStream::new(writes.clone());
    // More than the stream looks through at once, some of which have ended.
    let buffer = || Buffer::with_capacity(1);
    let pending: Vec<_> = (0..20)
        .map(|_| input.read(buffer(), 1, InputStreamOptions::None))
        .collect();
    for _ in 0..10 {
        reads.take().complete(b"x");
    }
    let more = input.read(buffer(), 1, InputStreamOptions::None);
    let write = output.write(&Buffer::copy_from(b"abc"));
    input.clone().close();
    output.close();

    for (number, read) in pending.iter().chain([&more]).enumerate() {
        if number < 10 {
            assert_eq!(read.get_results().unwrap().to_bytes(), "x");
        } else {
            assert_eq!(read.status(), AsyncStatus::Error, "{number}");
            assert_eq!(read.error_code(), hresult::ERROR_OPERATION_ABORTED);
        }
    }
    assert_eq!(write.error_code(), hresult::ERROR_OPERATION_ABORTED);
    // It is too late for these.
    while !reads.pending.lock().unwrap().is_empty() {
        reads.take().complete(b"y");
    }
    writes.take().complete(Ok(3));
    assert_eq!(more.error_code(), hresult::ERROR_OPERATION_ABORTED);
    assert_eq!(write.error_code(), hresult::ERROR_OPERATION_ABORTED);
}

/// STR-04
#[test]
fn a_closed_stream_refuses_calls_and_is_closed_once() {
    let (reads, writes) = (Arc::new(Reads::default()), Writes::at_once());
    let input = InputStream::new(reads.clone());
    let output = OutputStream::new(writes.clone());
    for _ in 0..2 {
        input.close();
        output.close();
    }
    assert_eq!(
        (
            *reads.closed.lock().unwrap(),
            *writes.closed.lock().unwrap()
        ),
        (1, 1)
    );

    let read = input.read(Buffer::with_capacity(1), 1, InputStreamOptions::None);
    assert_eq!(read.refusal().unwrap().code(), hresult::RO_E_CLOSED);
    let write = output.write(&Buffer::copy_from(b"x"));
    assert_eq!(write.refusal().unwrap().code(), hresult::RO_E_CLOSED);
    assert_eq!(code(output.flush().get()), hresult::RO_E_CLOSED);
    assert!(writes.written().is_empty());
    assert!(reads.pending.lock().unwrap().is_empty());
}

/// STR-04: a stream that is dropped is not closed; a clone is the same stream.
#[test]
fn handles_are_the_same_stream() {
    let writes = Writes::at_once();
    let stream = OutputStream::new(writes.clone());
    let other = stream.clone();
    assert_eq!(stream, other);
    assert_ne!(stream, OutputStream::new(writes.clone()));
    drop(other);
    stream.write(&Buffer::copy_from(b"x")).get().unwrap();
    assert_eq!(*writes.closed.lock().unwrap(), 0);
}
