//! Input streams, and streams that a program has written in JavaScript.
//!
//! A reader or writer of the model that is given a stream of JavaScript gets a stand-in here. What it
//! asks of the stand-in is a request, which JavaScript takes and answers: so nothing here holds an
//! object of JavaScript.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use napi::Env;
use napi::bindgen_prelude::{Either3, Uint8Array};
use napi_derive::napi;
use udpair_winrt::{
    Buffer, Completer, Error, IBuffer, IInputStream, IOutputStream, InputStream,
    InputStreamOptions, Operation, OperationWithProgress, OutputStream,
};

use crate::failure::OrThrow;
use crate::operations::{Started, started};
use crate::runtime::Runtime;

/// An input stream of the model.
#[napi]
pub struct NativeInput(pub(crate) InputStream);

#[napi]
impl NativeInput {
    /// Returns a stream of a copy of these bytes.
    #[napi(constructor)]
    pub fn new(bytes: &[u8]) -> Self {
        Self(InputStream::from_bytes(bytes.to_vec()))
    }

    /// Reads up to `count` bytes; the result has them.
    #[napi]
    pub fn read<'env>(
        &self,
        env: &'env Env,
        runtime: &Runtime,
        capacity: u32,
        count: u32,
        options: u32,
    ) -> napi::Result<Started<'env>> {
        let options = InputStreamOptions::try_from(options).or_throw(env)?;
        let operation = self.0.read(Buffer::with_capacity(capacity), count, options);
        started(env, runtime.state(), operation, |buffer| bytes(&buffer))
    }

    #[napi]
    pub fn close(&self) {
        self.0.close();
    }
}

/// Returns the bytes of a buffer as JavaScript has them.
pub(crate) fn bytes(buffer: &Buffer) -> Uint8Array {
    Uint8Array::from(buffer.to_bytes().to_vec())
}

/// A stream that is implemented in JavaScript.
#[napi]
pub struct NativeStandIn(Arc<Requests>);

#[derive(Default)]
struct Requests(Mutex<State>);

#[derive(Default)]
struct State {
    next: u32,
    /// Requests that JavaScript has not taken.
    waiting: VecDeque<Request>,
    answers: HashMap<u32, Answer>,
}

/// What a request of a stand-in is answered with.
enum Answer {
    Read(Buffer, Completer<Buffer, u32>),
    Write(Completer<u32, u32>),
    Flush(Completer<bool>),
}

/// What the model asks of a stream of JavaScript.
#[napi(object)]
pub struct Request {
    pub number: u32,
    /// `read`, `write`, `flush` or `close`.
    pub what: String,
    pub count: u32,
    pub options: u32,
    pub bytes: Option<Uint8Array>,
}

#[napi]
impl NativeStandIn {
    #[napi(constructor)]
    pub fn new() -> Self {
        Self(Arc::default())
    }

    /// Takes the next request; null if there is none.
    #[napi]
    pub fn next(&self) -> Option<Request> {
        self.0.lock().waiting.pop_front()
    }

    /// Answers a request: a read with its bytes, a write with a number, a flush with a boolean.
    #[napi]
    pub fn answer(&self, number: u32, result: Either3<bool, u32, Uint8Array>) {
        let answer = self.0.lock().answers.remove(&number);
        match (answer, result) {
            (Some(Answer::Flush(completer)), Either3::A(is_flushed)) => {
                completer.complete(Ok(is_flushed));
            }
            (Some(Answer::Write(completer)), Either3::B(written)) => {
                completer.complete(Ok(written));
            }
            (Some(Answer::Read(buffer, completer)), Either3::C(bytes)) => {
                let filled = buffer.fill(bytes.to_vec().into());
                completer.complete(filled.map(|()| buffer));
            }
            // A completer that is dropped ends the operation.
            _ => {}
        }
    }

    /// Answers a request with an error.
    #[napi]
    pub fn fail(&self, number: u32, code: i32, message: String) {
        let error = Error::new(code, message);
        let answer = self.0.lock().answers.remove(&number);
        match answer {
            Some(Answer::Flush(completer)) => completer.complete(Err(error)),
            Some(Answer::Write(completer)) => completer.complete(Err(error)),
            Some(Answer::Read(_, completer)) => completer.complete(Err(error)),
            None => {}
        }
    }
}

impl NativeStandIn {
    pub(crate) fn input(&self) -> InputStream {
        InputStream::new(StandIn(self.0.clone()))
    }

    pub(crate) fn output(&self) -> OutputStream {
        OutputStream::new(StandIn(self.0.clone()))
    }
}

impl Default for NativeStandIn {
    fn default() -> Self {
        Self::new()
    }
}

impl Requests {
    fn ask(
        &self,
        what: &str,
        count: u32,
        options: u32,
        bytes: Option<Vec<u8>>,
        answer: Option<Answer>,
    ) {
        let mut state = self.lock();
        let number = state.next;
        state.next = number.wrapping_add(1);
        state.waiting.push_back(Request {
            number,
            what: what.to_owned(),
            count,
            options,
            bytes: bytes.map(Uint8Array::from),
        });
        if let Some(answer) = answer {
            state.answers.insert(number, answer);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the model has in place of a stream of JavaScript.
struct StandIn(Arc<Requests>);

impl IInputStream for StandIn {
    fn read(
        &self,
        buffer: Buffer,
        count: u32,
        options: InputStreamOptions,
    ) -> OperationWithProgress<Buffer, u32> {
        let (operation, completer) = Operation::pending();
        let answer = Answer::Read(buffer, completer);
        self.0
            .ask("read", count, options.bits(), None, Some(answer));
        operation
    }

    fn close(&self) {
        self.0.ask("close", 0, 0, None, None);
    }
}

impl IOutputStream for StandIn {
    fn write(&self, buffer: &dyn IBuffer) -> OperationWithProgress<u32, u32> {
        let (operation, completer) = Operation::pending();
        let bytes = buffer.to_bytes().to_vec();
        self.0
            .ask("write", 0, 0, Some(bytes), Some(Answer::Write(completer)));
        operation
    }

    fn flush(&self) -> Operation<bool> {
        let (operation, completer) = Operation::pending();
        self.0
            .ask("flush", 0, 0, None, Some(Answer::Flush(completer)));
        operation
    }

    fn close(&self) {
        self.0.ask("close", 0, 0, None, None);
    }
}
