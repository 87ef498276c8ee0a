//! Readers, writers, and text as bytes.

use napi::Env;
use napi::bindgen_prelude::{BigInt, Uint8Array, Uint8ArraySlice, Utf16String};
use napi_derive::napi;
use udpair_winrt::{
    BinaryStringEncoding, Buffer, ByteOrder, CryptographicBuffer, DataReader, DataWriter, DateTime,
    InputStreamOptions, TimeSpan, UnicodeEncoding,
};

use crate::failure::OrThrow;
use crate::js;
use crate::operations::{Started, started};
use crate::options::invalid;
use crate::output::NativeOutput;
use crate::runtime::Runtime;
use crate::socket::guid;
use crate::streams::{NativeInput, NativeStandIn, bytes};

/// A reader.
#[napi]
pub struct NativeReader(DataReader);

#[napi]
impl NativeReader {
    /// Returns a reader of a copy of these bytes.
    #[napi(factory)]
    pub fn of_bytes(payload: &[u8]) -> Self {
        Self(DataReader::from_buffer(Buffer::copy_from(payload)))
    }

    #[napi(factory)]
    pub fn of_input(stream: &NativeInput) -> Self {
        Self(DataReader::new(stream.0.clone()))
    }

    #[napi(factory)]
    pub fn of_stand_in(stream: &NativeStandIn) -> Self {
        Self(DataReader::new(stream.input()))
    }

    #[napi]
    pub fn byte_order(&self, env: Env) -> napi::Result<u32> {
        self.0.byte_order().map(|order| order as u32).or_throw(&env)
    }

    #[napi]
    pub fn set_byte_order(&self, env: Env, value: i32) -> napi::Result<()> {
        self.0.byte_order().or_throw(&env)?;
        let value = ByteOrder::try_from(value).or_throw(&env)?;
        self.0.set_byte_order(value).or_throw(&env)
    }

    #[napi]
    pub fn unicode_encoding(&self, env: Env) -> napi::Result<u32> {
        let encoding = self.0.unicode_encoding();
        encoding.map(|encoding| encoding as u32).or_throw(&env)
    }

    #[napi]
    pub fn set_unicode_encoding(&self, env: Env, value: i32) -> napi::Result<()> {
        self.0.unicode_encoding().or_throw(&env)?;
        let value = UnicodeEncoding::try_from(value).or_throw(&env)?;
        self.0.set_unicode_encoding(value).or_throw(&env)
    }

    #[napi]
    pub fn input_stream_options(&self, env: Env) -> napi::Result<u32> {
        let options = self.0.input_stream_options();
        options.map(InputStreamOptions::bits).or_throw(&env)
    }

    #[napi]
    pub fn set_input_stream_options(&self, env: Env, value: u32) -> napi::Result<()> {
        self.0.input_stream_options().or_throw(&env)?;
        let value = InputStreamOptions::try_from(value).or_throw(&env)?;
        self.0.set_input_stream_options(value).or_throw(&env)
    }

    #[napi]
    pub fn unconsumed_buffer_length(&self, env: Env) -> napi::Result<u32> {
        self.0.unconsumed_buffer_length().or_throw(&env)
    }

    #[napi]
    pub fn load<'env>(
        &self,
        env: &'env Env,
        runtime: &Runtime,
        count: u32,
    ) -> napi::Result<Started<'env>> {
        started(env, runtime.state(), self.0.load(count), |loaded| loaded)
    }

    #[napi]
    pub fn detach_buffer(&self, env: Env) -> napi::Result<Uint8Array> {
        self.0
            .detach_buffer()
            .map(|buffer| bytes(&buffer))
            .or_throw(&env)
    }

    #[napi]
    pub fn detach_stream(&self, env: Env) -> napi::Result<()> {
        self.0.detach_stream().or_throw(&env)?;
        Ok(())
    }

    #[napi]
    pub fn close(&self) {
        self.0.close();
    }

    #[napi]
    pub fn read_boolean(&self, env: Env) -> napi::Result<bool> {
        self.0.read_bool().or_throw(&env)
    }

    #[napi]
    pub fn read_byte(&self, env: Env) -> napi::Result<u32> {
        self.0.read_u8().map(u32::from).or_throw(&env)
    }

    #[napi]
    pub fn read_int16(&self, env: Env) -> napi::Result<i32> {
        self.0.read_i16().map(i32::from).or_throw(&env)
    }

    #[napi]
    pub fn read_int32(&self, env: Env) -> napi::Result<i32> {
        self.0.read_i32().or_throw(&env)
    }

    #[napi]
    pub fn read_int64(&self, env: Env) -> napi::Result<BigInt> {
        self.0.read_i64().map(BigInt::from).or_throw(&env)
    }

    #[napi]
    pub fn read_u_int16(&self, env: Env) -> napi::Result<u32> {
        self.0.read_u16().map(u32::from).or_throw(&env)
    }

    #[napi]
    pub fn read_u_int32(&self, env: Env) -> napi::Result<u32> {
        self.0.read_u32().or_throw(&env)
    }

    #[napi]
    pub fn read_u_int64(&self, env: Env) -> napi::Result<BigInt> {
        self.0.read_u64().map(BigInt::from).or_throw(&env)
    }

    #[napi]
    pub fn read_single(&self, env: Env) -> napi::Result<f64> {
        self.0.read_f32().map(f64::from).or_throw(&env)
    }

    #[napi]
    pub fn read_double(&self, env: Env) -> napi::Result<f64> {
        self.0.read_f64().or_throw(&env)
    }

    #[napi]
    pub fn read_guid(&self, env: Env) -> napi::Result<String> {
        self.0
            .read_guid()
            .map(|guid| guid.to_string())
            .or_throw(&env)
    }

    /// Returns the ticks of a date.
    #[napi]
    pub fn read_date_time(&self, env: Env) -> napi::Result<BigInt> {
        self.0
            .read_date_time()
            .map(|date| BigInt::from(date.0))
            .or_throw(&env)
    }

    /// Returns the ticks of a span.
    #[napi]
    pub fn read_time_span(&self, env: Env) -> napi::Result<BigInt> {
        self.0
            .read_time_span()
            .map(|span| BigInt::from(span.0))
            .or_throw(&env)
    }

    #[napi]
    pub fn read_bytes(&self, env: Env, mut value: Uint8ArraySlice<'_>) -> napi::Result<()> {
        self.0.read_bytes(js::bytes_mut(&mut value)).or_throw(&env)
    }

    #[napi]
    pub fn read_buffer(&self, env: Env, length: u32) -> napi::Result<Uint8Array> {
        self.0
            .read_buffer(length)
            .map(|buffer| bytes(&buffer))
            .or_throw(&env)
    }

    #[napi]
    pub fn read_string(&self, env: Env, code_units: u32) -> napi::Result<String> {
        self.0.read_string(code_units).or_throw(&env)
    }
}

/// A writer.
#[napi]
pub struct NativeWriter(DataWriter);

#[napi]
impl NativeWriter {
    #[napi(constructor)]
    pub fn new() -> Self {
        Self(DataWriter::new())
    }

    #[napi(factory)]
    pub fn of_output(stream: &NativeOutput) -> Self {
        Self(DataWriter::with_stream(stream.0.clone()))
    }

    #[napi(factory)]
    pub fn of_stand_in(stream: &NativeStandIn) -> Self {
        Self(DataWriter::with_stream(stream.output()))
    }

    #[napi]
    pub fn byte_order(&self, env: Env) -> napi::Result<u32> {
        self.0.byte_order().map(|order| order as u32).or_throw(&env)
    }

    #[napi]
    pub fn set_byte_order(&self, env: Env, value: i32) -> napi::Result<()> {
        self.0.byte_order().or_throw(&env)?;
        let value = ByteOrder::try_from(value).or_throw(&env)?;
        self.0.set_byte_order(value).or_throw(&env)
    }

    #[napi]
    pub fn unicode_encoding(&self, env: Env) -> napi::Result<u32> {
        let encoding = self.0.unicode_encoding();
        encoding.map(|encoding| encoding as u32).or_throw(&env)
    }

    #[napi]
    pub fn set_unicode_encoding(&self, env: Env, value: i32) -> napi::Result<()> {
        self.0.unicode_encoding().or_throw(&env)?;
        let value = UnicodeEncoding::try_from(value).or_throw(&env)?;
        self.0.set_unicode_encoding(value).or_throw(&env)
    }

    #[napi]
    pub fn unstored_buffer_length(&self, env: Env) -> napi::Result<u32> {
        self.0.unstored_buffer_length().or_throw(&env)
    }

    #[napi]
    pub fn measure_string(&self, env: Env, text: Utf16String) -> napi::Result<u32> {
        self.0.measure_utf16(&text).or_throw(&env)
    }

    #[napi]
    pub fn store<'env>(&self, env: &'env Env, runtime: &Runtime) -> napi::Result<Started<'env>> {
        started(env, runtime.state(), self.0.store(), |stored| stored)
    }

    #[napi]
    pub fn flush<'env>(&self, env: &'env Env, runtime: &Runtime) -> napi::Result<Started<'env>> {
        started(env, runtime.state(), self.0.flush(), |is_flushed| {
            is_flushed
        })
    }

    #[napi]
    pub fn detach_buffer(&self, env: Env) -> napi::Result<Uint8Array> {
        self.0
            .detach_buffer()
            .map(|buffer| bytes(&buffer))
            .or_throw(&env)
    }

    #[napi]
    pub fn detach_stream(&self, env: Env) -> napi::Result<()> {
        self.0.detach_stream().or_throw(&env)?;
        Ok(())
    }

    #[napi]
    pub fn close(&self) {
        self.0.close();
    }

    #[napi]
    pub fn write_boolean(&self, env: Env, value: bool) -> napi::Result<()> {
        self.0.write_bool(value).or_throw(&env)
    }

    #[napi]
    pub fn write_byte(&self, env: Env, value: u8) -> napi::Result<()> {
        self.0.write_u8(value).or_throw(&env)
    }

    #[napi]
    pub fn write_int16(&self, env: Env, value: i16) -> napi::Result<()> {
        self.0.write_i16(value).or_throw(&env)
    }

    #[napi]
    pub fn write_int32(&self, env: Env, value: i32) -> napi::Result<()> {
        self.0.write_i32(value).or_throw(&env)
    }

    #[napi]
    pub fn write_int64(&self, env: Env, value: BigInt) -> napi::Result<()> {
        let value = integer(&value).or_throw(&env)?;
        self.0.write_i64(value).or_throw(&env)
    }

    #[napi]
    pub fn write_u_int16(&self, env: Env, value: u16) -> napi::Result<()> {
        self.0.write_u16(value).or_throw(&env)
    }

    #[napi]
    pub fn write_u_int32(&self, env: Env, value: u32) -> napi::Result<()> {
        self.0.write_u32(value).or_throw(&env)
    }

    #[napi]
    pub fn write_u_int64(&self, env: Env, value: BigInt) -> napi::Result<()> {
        let (is_negative, value, is_lossless) = value.get_u64();
        if is_negative || !is_lossless {
            return Err(invalid("a number has more than 64 bits")).or_throw(&env);
        }
        self.0.write_u64(value).or_throw(&env)
    }

    #[napi]
    #[allow(
        clippy::cast_possible_truncation,
        reason = "as JavaScript rounds a number to a float"
    )]
    pub fn write_single(&self, env: Env, value: f64) -> napi::Result<()> {
        self.0.write_f32(value as f32).or_throw(&env)
    }

    #[napi]
    pub fn write_double(&self, env: Env, value: f64) -> napi::Result<()> {
        self.0.write_f64(value).or_throw(&env)
    }

    #[napi]
    pub fn write_guid(&self, env: Env, value: String) -> napi::Result<()> {
        let guid = guid(&value).or_throw(&env)?;
        self.0.write_guid(guid).or_throw(&env)
    }

    #[napi]
    pub fn write_date_time(&self, env: Env, ticks: BigInt) -> napi::Result<()> {
        let ticks = integer(&ticks).or_throw(&env)?;
        self.0.write_date_time(DateTime(ticks)).or_throw(&env)
    }

    #[napi]
    pub fn write_time_span(&self, env: Env, ticks: BigInt) -> napi::Result<()> {
        let ticks = integer(&ticks).or_throw(&env)?;
        self.0.write_time_span(TimeSpan(ticks)).or_throw(&env)
    }

    #[napi]
    pub fn write_bytes(&self, env: Env, value: &[u8]) -> napi::Result<()> {
        self.0.write_bytes(value).or_throw(&env)
    }

    #[napi]
    pub fn write_buffer(&self, env: Env, value: &[u8], start: u32, count: u32) -> napi::Result<()> {
        let buffer = Buffer::copy_from(value);
        self.0
            .write_buffer_range(&buffer, start, count)
            .or_throw(&env)
    }

    #[napi]
    pub fn write_string(&self, env: Env, text: Utf16String) -> napi::Result<u32> {
        self.0.write_utf16(&text).or_throw(&env)
    }
}

impl Default for NativeWriter {
    fn default() -> Self {
        Self::new()
    }
}

#[napi]
pub fn convert_string_to_binary(
    env: Env,
    text: Utf16String,
    encoding: i32,
) -> napi::Result<Uint8Array> {
    let encoding = BinaryStringEncoding::try_from(encoding).or_throw(&env)?;
    let buffer = CryptographicBuffer::convert_utf16_to_binary(&text, encoding);
    buffer.map(|buffer| bytes(&buffer)).or_throw(&env)
}

#[napi]
pub fn convert_binary_to_string(env: Env, encoding: i32, value: &[u8]) -> napi::Result<String> {
    let encoding = BinaryStringEncoding::try_from(encoding).or_throw(&env)?;
    let buffer = Buffer::copy_from(value);
    CryptographicBuffer::convert_binary_to_string(encoding, &buffer).or_throw(&env)
}

fn integer(value: &BigInt) -> Result<i64, udpair_winrt::Error> {
    match value.get_i64() {
        (value, true) => Ok(value),
        _ => Err(invalid("a number has more than 64 bits")),
    }
}
