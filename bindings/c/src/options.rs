//! Numbers of the caller as values of the object model.

use udpair_winrt::UnicodeEncoding;
use udpair_winrt::{
    BinaryStringEncoding, ByteOrder, Error, EventToken, InputStreamOptions, Result, hresult,
};

/// Returns the value of an enumeration with this number.
pub(crate) fn numbered<T: TryFrom<i32, Error = Error>>(number: i32) -> Result<T> {
    T::try_from(number)
}

/// Returns a token; `None` for 0.
pub(crate) fn token_of(number: i64) -> Option<EventToken> {
    EventToken::from_value(number)
}

pub(crate) fn byte_order(number: i32) -> Result<ByteOrder> {
    match number {
        0 => Ok(ByteOrder::LittleEndian),
        1 => Ok(ByteOrder::BigEndian),
        _ => Err(Error::new(
            hresult::E_INVALIDARG,
            format!("no byte order has the number {number}"),
        )),
    }
}

pub(crate) fn encoding(number: i32) -> Result<UnicodeEncoding> {
    Ok(BinaryStringEncoding::try_from(number)?.into())
}

pub(crate) fn stream_options(number: u32) -> Result<InputStreamOptions> {
    InputStreamOptions::try_from(number)
}
