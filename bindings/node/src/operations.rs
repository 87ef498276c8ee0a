//! Operations: what a call returns whose result comes later.

use napi::bindgen_prelude::{Array, JsObjectValue, Null, ToNapiValue};
use napi::{Env, JsValue};
use udpair_winrt::udpair::background;
use udpair_winrt::{AsyncStatus, Error, Operation};

use crate::failure;
use crate::js;
use crate::runtime::State;

/// What a call returns: `[0, result]`, `[1, error]`, or `[2, number]` of an operation that is under way.
///
/// An operation that was refused throws from the call (GEN-01).
pub(crate) type Started<'env> = Array<'env>;

/// Returns what the call that has started `operation` returns. `convert` makes a value of JavaScript of
/// the result.
pub(crate) fn started<'env, T, P, V>(
    env: &'env Env,
    state: &State,
    operation: Operation<T, P>,
    convert: fn(T) -> V,
) -> napi::Result<Started<'env>>
where
    T: Clone + Send + Sync + 'static,
    P: Send + 'static,
    V: ToNapiValue + 'static,
{
    if let Some(error) = operation.refusal() {
        return Err(failure::thrown(env, &error));
    }
    let mut answer = env.create_array(2)?;
    if operation.status() != AsyncStatus::Started {
        match operation.get_results() {
            Ok(result) => {
                answer.set(0, 0)?;
                answer.set(1, convert(result))?;
            }
            Err(error) => {
                answer.set(0, 1)?;
                answer.set(1, failure::object(env, &error)?)?;
            }
        }
        return Ok(answer);
    }
    let cancelled = operation.clone();
    let number = state.begin(move || cancelled.cancel());
    let mailbox = state.mailbox.clone();
    let spawned = background::spawn(async move {
        let result = (&operation).await;
        let status = operation.status();
        mailbox.post(Box::new(move |env| {
            settled(env, number, status, result, convert)
        }));
    });
    if let Err(error) = spawned {
        // Nothing can wait for the end of the operation.
        answer.set(0, 1)?;
        answer.set(1, failure::object(env, &error.into())?)?;
        return Ok(answer);
    }
    answer.set(0, 2)?;
    answer.set(1, number)?;
    Ok(answer)
}

/// Returns the arguments of the JavaScript function that is called at the end of an operation.
fn settled<T, V: ToNapiValue>(
    env: napi::sys::napi_env,
    number: u32,
    status: AsyncStatus,
    result: Result<T, Error>,
    convert: fn(T) -> V,
) -> napi::Result<[napi::sys::napi_value; crate::mailbox::ARGUMENTS]> {
    let number = js::value(env, number)?;
    let null = js::value(env, Null)?;
    match result {
        Ok(result) => Ok([number, null, js::value(env, convert(result))?]),
        Err(error) => {
            let env_of = Env::from_raw(env);
            let mut object = failure::object(&env_of, &error)?;
            if status == AsyncStatus::Canceled {
                object.set_named_property("name", "Canceled")?;
            }
            Ok([number, object.value().value, null])
        }
    }
}
