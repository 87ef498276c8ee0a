//! Checks events against `docs/events.schema.json`, for tests.
//!
//! It knows the part of JSON Schema that the schema uses, and fails at everything else. Other than
//! a reader of events, it wants every property to be in the schema.

use serde_json::Value;

/// Returns the schema.
pub(crate) fn schema() -> Value {
    let text = include_str!("../../../docs/events.schema.json");
    serde_json::from_str(text).expect("the schema is JSON")
}

/// Checks an event. Returns what is wrong with it.
pub(crate) fn check(schema: &Value, event: &Value) -> Result<(), String> {
    matches(schema, schema, event).map_err(|why| format!("{event}: {why}"))
}

fn matches(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let rules = schema.as_object().ok_or("a schema is an object")?;
    for (rule, wanted) in rules {
        let is_met = match &**rule {
            "$schema" | "$defs" | "title" | "description" => true,
            "$ref" => {
                let name = wanted.as_str().and_then(|name| name.strip_prefix('#'));
                let target = name.and_then(|name| root.pointer(name));
                let target = target.ok_or_else(|| format!("no definition {wanted}"))?;
                matches(root, target, value)?;
                true
            }
            "oneOf" => {
                let choices = wanted.as_array().into_iter().flatten();
                let results: Vec<_> = choices.map(|one| matches(root, one, value)).collect();
                let met = results.iter().filter(|result| result.is_ok()).count();
                if met != 1 {
                    return Err(format!("{met} of the choices match: {results:?}"));
                }
                true
            }
            "type" => match wanted {
                Value::Array(types) => types.iter().any(|one| has_type(one, value)),
                one => has_type(one, value),
            },
            "const" => wanted == value,
            "enum" => wanted.as_array().is_some_and(|all| all.contains(value)),
            "minimum" => value
                .as_f64()
                .is_none_or(|number| number >= wanted.as_f64().unwrap_or(0.0)),
            "format" => wanted == "date-time" && value.as_str().is_some_and(is_date_time),
            "required" => {
                let names = wanted.as_array().into_iter().flatten();
                let mut missing =
                    names.filter(|name| value.get(name.as_str().unwrap_or("")).is_none());
                if let Some(name) = missing.next() {
                    return Err(format!("{name} is missing"));
                }
                true
            }
            "properties" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    let property = wanted
                        .get(name)
                        .ok_or_else(|| format!("{name} is unknown"))?;
                    matches(root, property, value).map_err(|why| format!("{name}: {why}"))?;
                }
                true
            }
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    matches(root, wanted, item)?;
                }
                true
            }
            other => return Err(format!("the rule {other} is not implemented")),
        };
        if !is_met {
            return Err(format!("{value} is not {rule} {wanted}"));
        }
    }
    Ok(())
}

fn has_type(name: &Value, value: &Value) -> bool {
    match name.as_str().unwrap_or_default() {
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        _ => false,
    }
}

/// Whether a text is `2026-03-01T12:00:00.000250Z`.
fn is_date_time(text: &str) -> bool {
    const FORM: &[u8] = b"0000-00-00T00:00:00.000000Z";
    text.len() == FORM.len()
        && text.bytes().zip(FORM).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            form => byte == *form,
        })
}
