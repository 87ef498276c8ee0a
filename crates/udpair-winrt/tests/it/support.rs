//! Streams whose operations end when a test wants them to.

pub(crate) mod net;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use udpair_winrt::{
    Buffer, Completer, Error, IBuffer, IInputStream, IOutputStream, InputStreamOptions,
    NetworkAdapter, Operation, OperationWithProgress, Result, udpair,
};

/// Only bounds a hang.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);

/// The HRESULT of a call that fails.
pub(crate) fn code<T: std::fmt::Debug>(result: Result<T>) -> i32 {
    result.unwrap_err().code()
}

/// Returns the adapter of loopback.
pub(crate) fn loopback_adapter() -> NetworkAdapter {
    let adapters = udpair::adapters().unwrap();
    let loopback = adapters.into_iter().find(|adapter| adapter.is_loopback);
    loopback.unwrap().into()
}

/// A read that the stream was asked for.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) buffer: Buffer,
    pub(crate) count: u32,
    pub(crate) options: InputStreamOptions,
    pub(crate) completer: Completer<Buffer, u32>,
}

impl Read {
    /// Completes the read with these bytes, in the buffer that it was given.
    pub(crate) fn complete(self, bytes: &'static [u8]) {
        self.buffer.fill(bytes.into()).unwrap();
        self.completer.complete(Ok(self.buffer));
    }
}

/// An input stream whose reads a test completes.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    pub(crate) pending: Mutex<Vec<Read>>,
    pub(crate) closed: Mutex<u32>,
}

impl Reads {
    pub(crate) fn take(&self) -> Read {
        self.pending.lock().unwrap().remove(0)
    }
}

impl IInputStream for Reads {
    fn read(
        &self,
        buffer: Buffer,
        count: u32,
        options: InputStreamOptions,
    ) -> OperationWithProgress<Buffer, u32> {
        let (operation, completer) = Operation::pending();
        self.pending.lock().unwrap().push(Read {
            buffer,
            count,
            options,
            completer,
        });
        operation
    }

    fn close(&self) {
        *self.closed.lock().unwrap() += 1;
    }
}

/// An output stream that remembers what was written. Its writes complete at once, or when the test
/// completes them.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    pub(crate) waits: bool,
    pub(crate) written: Mutex<Vec<Vec<u8>>>,
    pub(crate) pending: Mutex<Vec<Completer<u32, u32>>>,
    pub(crate) flushes: Mutex<u32>,
    pub(crate) closed: Mutex<u32>,
}

impl Writes {
    pub(crate) fn at_once() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn waiting() -> Arc<Self> {
        Arc::new(Self {
            waits: true,
            ..Self::default()
        })
    }

    pub(crate) fn written(&self) -> Vec<Vec<u8>> {
        self.written.lock().unwrap().clone()
    }

    pub(crate) fn take(&self) -> Completer<u32, u32> {
        self.pending.lock().unwrap().remove(0)
    }
}

impl IOutputStream for Writes {
    fn write(&self, buffer: &dyn IBuffer) -> OperationWithProgress<u32, u32> {
        self.written
            .lock()
            .unwrap()
            .push(buffer.to_bytes().to_vec());
        if !self.waits {
            return Operation::ready(buffer.length());
        }
        let (operation, completer) = Operation::pending();
        self.pending.lock().unwrap().push(completer);
        operation
    }

    fn flush(&self) -> Operation<bool> {
        *self.flushes.lock().unwrap() += 1;
        Operation::ready(false)
    }

    fn close(&self) {
        *self.closed.lock().unwrap() += 1;
    }
}

/// A buffer of an application: it keeps its bytes in a vector.
#[derive(Debug, Default)]
pub(crate) struct OwnBuffer(pub(crate) Mutex<(Vec<u8>, u32)>);

impl OwnBuffer {
    pub(crate) fn new(bytes: &[u8], length: u32) -> Arc<Self> {
        Arc::new(Self(Mutex::new((bytes.to_vec(), length))))
    }
}

impl IBuffer for OwnBuffer {
    fn capacity(&self) -> u32 {
        self.0.lock().unwrap().0.len().try_into().unwrap()
    }

    fn length(&self) -> u32 {
        self.0.lock().unwrap().1
    }

    fn set_length(&self, length: u32) -> Result<()> {
        if length > self.capacity() {
            return Err(Error::new(
                udpair_winrt::hresult::E_INVALIDARG,
                "the application's buffer is shorter",
            ));
        }
        self.0.lock().unwrap().1 = length;
        Ok(())
    }

    fn to_bytes(&self) -> bytes::Bytes {
        let state = self.0.lock().unwrap();
        let length = usize::try_from(state.1).unwrap();
        state.0[..length].to_vec().into()
    }

    fn write_at(&self, offset: u32, bytes: &[u8]) -> Result<()> {
        let start = usize::try_from(offset).unwrap();
        let mut state = self.0.lock().unwrap();
        match state.0.get_mut(start..start + bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(Error::new(
                udpair_winrt::hresult::E_INVALIDARG,
                "the application's buffer is shorter",
            )),
        }
    }
}
