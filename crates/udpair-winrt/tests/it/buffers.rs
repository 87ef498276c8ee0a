//! Buffers.

use std::thread;

use bytes::Bytes;
use udpair_winrt::{
    Buffer, DataReader, DataWriter, IBuffer, InputStream, InputStreamOptions, hresult,
};

use crate::support::{OwnBuffer, Writes, code};

/// BUF-01
#[test]
fn a_new_buffer_is_empty_and_zeroed() {
    for capacity in [0, 1, 100, u32::MAX] {
        let buffer = Buffer::with_capacity(capacity);
        assert_eq!((buffer.capacity(), buffer.length()), (capacity, 0));
        assert!(buffer.to_bytes().is_empty());
        let length = capacity.min(100);
        buffer.set_length(length).unwrap();
        let zeros = vec![0; usize::try_from(length).unwrap()];
        assert_eq!(buffer.to_bytes(), zeros, "{capacity}");
    }
}

/// BUF-02
#[test]
fn a_length_beyond_the_capacity_changes_nothing() {
    for (capacity, length) in [(0, 1), (3, 4), (3, u32::MAX)] {
        let buffer = Buffer::with_capacity(capacity);
        buffer.set_length(capacity).unwrap();
        let refused = buffer.set_length(length);
        assert_eq!(code(refused), hresult::E_INVALIDARG, "{length}");
        assert_eq!(buffer.length(), capacity);
    }
}

/// BUF-02
#[test]
fn the_bytes_stay_while_the_length_changes() {
    let buffer = Buffer::copy_from(b"abcdef");
    for length in [2, 0, 6, 3] {
        buffer.set_length(length).unwrap();
        let expected = &b"abcdef"[..usize::try_from(length).unwrap()];
        assert_eq!(buffer.to_bytes(), expected);
    }
    // What is written beyond the length stays too.
    buffer.set_length(0).unwrap();
    buffer.write_at(4, b"yz").unwrap();
    buffer.set_length(6).unwrap();
    assert_eq!(buffer.to_bytes(), "abcdyz");
    buffer.fill("123".into()).unwrap();
    assert_eq!(buffer.to_bytes(), "123");
    buffer.set_length(6).unwrap();
    assert_eq!(buffer.to_bytes(), "123dyz");
}

/// BUF-02: a write that does not fit writes nothing.
#[test]
fn a_write_beyond_the_capacity_changes_nothing() {
    for buffer in [
        Buffer::copy_from(b"abc"),
        Buffer::over(OwnBuffer::new(b"abc", 3)),
    ] {
        for (offset, bytes) in [(0, b"1234".as_slice()), (2, b"12"), (4, b"1")] {
            let refused = buffer.write_at(offset, bytes);
            assert_eq!(code(refused), hresult::E_INVALIDARG, "{offset}");
        }
        assert_eq!(code(buffer.fill("1234".into())), hresult::E_INVALIDARG);
        assert_eq!(buffer.to_bytes(), "abc");
        assert_eq!(buffer.length(), 3);
        buffer.write_at(3, b"").unwrap();
    }
    let large = Buffer::with_capacity(u32::MAX);
    let refused = large.write_at(u32::MAX, b"x");
    assert_eq!(code(refused), hresult::E_INVALIDARG);
}

/// BUF-03
#[test]
fn a_copy_is_apart_and_a_view_is_not() {
    let mut memory = b"abc".to_vec();
    let buffer = Buffer::copy_from(&memory);
    memory.fill(b'x');
    assert_eq!(buffer.to_bytes(), "abc");
    assert_eq!(memory, b"xxx");

    let view = buffer.as_memory();
    view.write_at(1, b"-").unwrap();
    assert_eq!(buffer.to_bytes(), "a-c");
    buffer.write_at(2, b"!").unwrap();
    assert_eq!(view.to_bytes().unwrap(), "a-!");
    assert_eq!(view.capacity().unwrap(), 3);
    let copy = Buffer::copy_from(&view.to_bytes().unwrap());
    view.clone().close();
    assert_eq!(code(view.to_bytes()), hresult::RO_E_CLOSED);
    assert_eq!(code(view.capacity()), hresult::RO_E_CLOSED);
    assert_eq!(code(view.write_at(0, b"x")), hresult::RO_E_CLOSED);
    assert_eq!(copy.to_bytes(), "a-!");
}

/// BUF-04: in place, and the closure may use the buffer.
#[test]
fn bytes_can_be_changed_in_place() {
    for buffer in [
        Buffer::copy_from(b"abc"),
        Buffer::over(OwnBuffer::new(b"abc", 3)),
    ] {
        let seen = buffer.with_mut(|bytes| {
            bytes.reverse();
            (bytes.len(), buffer.to_bytes())
        });
        assert_eq!(seen.unwrap(), (3, Bytes::from_static(b"abc")));
        assert_eq!(buffer.to_bytes(), "cba");
    }
}

/// BUF-04: bytes that were taken out do not change with the buffer.
#[test]
fn bytes_that_were_taken_out_stay_as_they_were() {
    let original = Bytes::from(vec![1, 2, 3]);
    let buffer = Buffer::from(original.clone());
    let before = buffer.to_bytes();
    assert_eq!(before.as_ptr(), original.as_ptr(), "not copied");
    buffer.write_at(0, &[9]).unwrap();
    assert_eq!(before, vec![1, 2, 3]);
    assert_eq!(original, vec![1, 2, 3]);
    assert_eq!(buffer.to_bytes(), vec![9, 2, 3]);
    let clone = buffer.clone();
    clone.set_length(1).unwrap();
    assert_eq!(buffer.length(), 1);
}

/// BUF-05: an application's buffer does wherever a buffer is taken.
#[test]
fn a_buffer_of_the_application_is_accepted_everywhere() {
    let own = OwnBuffer::new(b"abcdef", 4);
    let writer = DataWriter::with_stream(Writes::at_once());
    writer.write_buffer(&own).unwrap();
    writer.write_buffer_range(&own, 1, 2).unwrap();
    assert_eq!(writer.detach_buffer().unwrap().to_bytes(), "abcdbc");

    let reader = DataReader::from_buffer(&own);
    assert_eq!(reader.read_string(4).unwrap(), "abcd");

    let writes = Writes::at_once();
    let stream = writer.detach_stream().unwrap();
    assert_eq!(stream.write(&own).get().unwrap(), 4);
    drop(writes);

    let stream = InputStream::from_bytes("xyz");
    let read = stream.read(Buffer::over(own.clone()), 6, InputStreamOptions::None);
    assert_eq!(read.get().unwrap().to_bytes(), "xyz");
    assert_eq!(own.to_bytes(), "xyz");
    assert_eq!(own.0.lock().unwrap().0, b"xyzdef");
}

/// GEN-06: writes of several threads, each to its own place.
#[test]
fn threads_may_write_to_one_buffer() {
    let buffer = Buffer::with_capacity(64);
    buffer.set_length(64).unwrap();
    thread::scope(|scope| {
        for number in 0..4u8 {
            let buffer = &buffer;
            scope.spawn(move || {
                for offset in 0..16u32 {
                    let place = u32::from(number) * 16 + offset;
                    buffer.write_at(place, &[number]).unwrap();
                    let _ = buffer.to_bytes();
                }
            });
        }
    });
    let expected: Vec<_> = (0..4u8).flat_map(|number| [number; 16]).collect();
    assert_eq!(buffer.to_bytes(), expected);
}
