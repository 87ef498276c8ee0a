//! Errors of the model as errors of JavaScript.

use napi::bindgen_prelude::{JsObjectValue, Object};
use napi::{Env, JsValue, Status};
use udpair_winrt::udpair::ErrorKind;
use udpair_winrt::{Error, SocketError, hresult};

/// Returns an `Error` with the HRESULT as `number`, and with what Node.js has in its errors: `code`
/// and `errno`.
pub(crate) fn object<'env>(env: &'env Env, error: &Error) -> napi::Result<Object<'env>> {
    let text = napi::Error::new(Status::GenericFailure, error.to_string());
    let mut object = env.create_error(text)?;
    object.set_named_property("number", error.code())?;
    object.set_named_property("status", u32::from(SocketError::status(error.code()) as u8))?;
    match code(error) {
        Some(code) => object.set_named_property("code", code)?,
        None => {
            object.delete_named_property("code")?;
        }
    }
    if let Some(number) = error.raw_os_error() {
        object.set_named_property("errno", -number)?;
    }
    if let Some(advice) = error.as_udpair().and_then(|error| error.advice()) {
        object.set_named_property("advice", advice)?;
    }
    Ok(object)
}

/// Returns what a function returns to throw this error.
pub(crate) fn thrown(env: &Env, error: &Error) -> napi::Error {
    match object(env, error) {
        Ok(object) => napi::Error::from(object.to_unknown()),
        Err(error) => error,
    }
}

/// Results whose errors are thrown.
pub(crate) trait OrThrow<T> {
    fn or_throw(self, env: &Env) -> napi::Result<T>;
}

impl<T> OrThrow<T> for Result<T, Error> {
    fn or_throw(self, env: &Env) -> napi::Result<T> {
        self.map_err(|error| thrown(env, &error))
    }
}

impl<T> OrThrow<T> for Result<T, udpair_winrt::udpair::Error> {
    fn or_throw(self, env: &Env) -> napi::Result<T> {
        self.map_err(|error| thrown(env, &error.into()))
    }
}

/// Makes an error for a rule of the language, such as a string that is null.
#[napi_derive::napi]
pub fn make_error(env: &Env, number: i32, message: String) -> napi::Result<Object<'_>> {
    object(env, &Error::new(number, message))
}

/// Returns the `code` of an error, as Node.js names it.
fn code(error: &Error) -> Option<&'static str> {
    if let Some(error) = error.as_udpair() {
        return Some(match error.kind() {
            ErrorKind::AddressInUse => "EADDRINUSE",
            ErrorKind::AddressNotAvailable => "EADDRNOTAVAIL",
            ErrorKind::Cancelled => "ECANCELED",
            ErrorKind::Closed => "ERR_SOCKET_CLOSED",
            ErrorKind::FamilyNotSupported => "EAFNOSUPPORT",
            ErrorKind::HostNotFound | ErrorKind::ServiceNotFound => "ENOTFOUND",
            ErrorKind::HostUnreachable => "EHOSTUNREACH",
            ErrorKind::InvalidArgument => "ERR_INVALID_ARG_VALUE",
            ErrorKind::InvalidState => "ERR_INVALID_STATE",
            ErrorKind::NameServer => "EAI_AGAIN",
            ErrorKind::NetworkUnreachable => "ENETUNREACH",
            ErrorKind::NoData => "ENODATA",
            ErrorKind::NoReply => "ETIMEDOUT",
            ErrorKind::PayloadTooLarge => "EMSGSIZE",
            ErrorKind::PeerUnreachable => "ECONNREFUSED",
            ErrorKind::PermissionDenied => "EACCES",
            ErrorKind::TooManyFiles => "EMFILE",
            ErrorKind::Unsupported => "ENOTSUP",
            _ => "EIO",
        });
    }
    Some(match error.code() {
        hresult::E_BOUNDS => "ERR_OUT_OF_RANGE",
        hresult::E_ILLEGAL_METHOD_CALL | hresult::E_ILLEGAL_DELEGATE_ASSIGNMENT => {
            "ERR_INVALID_STATE"
        }
        hresult::E_INVALIDARG => "ERR_INVALID_ARG_VALUE",
        hresult::E_NOTIMPL => "ERR_METHOD_NOT_IMPLEMENTED",
        hresult::ERROR_INVALID_OPERATION => "EBUSY",
        hresult::ERROR_NO_UNICODE_TRANSLATION => "ERR_ENCODING_INVALID_ENCODED_DATA",
        hresult::ERROR_OPERATION_ABORTED => "ECANCELED",
        hresult::RO_E_CLOSED => "ERR_SOCKET_CLOSED",
        hresult::WSAECONNRESET => "ECONNREFUSED",
        hresult::WSAEMSGSIZE => "EMSGSIZE",
        hresult::WSAENETRESET => "EHOSTUNREACH",
        _ => return None,
    })
}
