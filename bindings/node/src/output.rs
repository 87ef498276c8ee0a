//! Output streams of the object model.

use napi::Env;
use napi_derive::napi;
use udpair_winrt::{Buffer, OutputStream};

use crate::failure::OrThrow;
use crate::operations::{Started, started};
use crate::runtime::Runtime;

/// An output stream.
#[napi]
pub struct NativeOutput(pub(crate) OutputStream);

#[napi]
impl NativeOutput {
    /// Writes if that is possible at once, and returns whether it was.
    #[napi]
    pub fn try_write(&self, env: Env, payload: &[u8]) -> napi::Result<bool> {
        self.0.try_write(payload).or_throw(&env)
    }

    #[napi]
    pub fn write<'env>(&self, env: &'env Env, runtime: &Runtime, payload: &[u8]) -> Started<'env> {
        let operation = self.0.write(&Buffer::copy_from(payload));
        started(env, runtime.state(), operation, |written| written)
    }

    #[napi]
    pub fn flush<'env>(&self, env: &'env Env, runtime: &Runtime) -> Started<'env> {
        started(env, runtime.state(), self.0.flush(), |is_flushed| {
            is_flushed
        })
    }

    #[napi]
    pub fn close(&self) {
        self.0.close();
    }
}
