//! Output streams of the object model.

use napi::Env;
use napi::bindgen_prelude::Unknown;
use napi_derive::napi;
use udpair_winrt::{Buffer, OutputStream};

use crate::failure::OrThrow;
use crate::js;
use crate::operations::{Started, started};
use crate::runtime::Runtime;

/// An output stream.
#[napi]
pub struct NativeOutput(pub(crate) OutputStream);

#[napi]
impl NativeOutput {
    /// Returns a function that writes if that is possible at once, and returns whether it was.
    #[napi]
    pub fn writer<'env>(&self, env: &'env Env) -> napi::Result<Unknown<'env>> {
        let stream = self.0.clone();
        js::writer(env, move |env, payload| {
            stream.try_write(payload).or_throw(env)
        })
    }

    #[napi]
    pub fn write<'env>(
        &self,
        env: &'env Env,
        runtime: &Runtime,
        payload: &[u8],
    ) -> napi::Result<Started<'env>> {
        let operation = self.0.write(&Buffer::copy_from(payload));
        started(env, runtime.state(), operation, |written| written)
    }

    #[napi]
    pub fn flush<'env>(&self, env: &'env Env, runtime: &Runtime) -> napi::Result<Started<'env>> {
        started(env, runtime.state(), self.0.flush(), |is_flushed| {
            is_flushed
        })
    }

    #[napi]
    pub fn close(&self) {
        self.0.close();
    }
}
