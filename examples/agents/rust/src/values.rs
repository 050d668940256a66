//! Values: between JSON and the protocol, inline or as blobs.

use prost::Message;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use tonic::Status;

use crate::capabilities::{failure, invalid};
use crate::connection::Remote;
use crate::pb::{self, AttemptFailed, Limits, Payload, payload, upload_request::Part};

const BLOB_PART_BYTES: usize = 64 * 1024;

pub fn to_value(json: &Json) -> Value {
    let kind = match json {
        Json::Null => Kind::NullValue(0),
        Json::Bool(flag) => Kind::BoolValue(*flag),
        Json::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => Kind::StringValue(text.clone()),
        Json::Array(items) => Kind::ListValue(ListValue { values: items.iter().map(to_value).collect() }),
        Json::Object(_) => Kind::StructValue(to_struct(json).unwrap_or_default()),
    };
    Value { kind: Some(kind) }
}

pub fn to_struct(json: &Json) -> Option<Struct> {
    let members = json.as_object()?;
    Some(Struct { fields: members.iter().map(|(name, value)| (name.clone(), to_value(value))).collect() })
}

pub fn to_json(value: Value) -> Json {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Json::Null,
        Some(Kind::BoolValue(flag)) => flag.into(),
        Some(Kind::NumberValue(number)) => number.into(),
        Some(Kind::StringValue(text)) => text.into(),
        Some(Kind::ListValue(list)) => list.values.into_iter().map(to_json).collect(),
        Some(Kind::StructValue(members)) => {
            members.fields.into_iter().map(|(name, value)| (name, to_json(value))).collect()
        }
    }
}

pub async fn unpack(input: Option<Payload>, run_id: &str, remote: &Remote) -> Result<Json, AttemptFailed> {
    let value = match input.and_then(|payload| payload.kind) {
        None => return Ok(json!({})),
        Some(payload::Kind::Value(value)) => value,
        Some(payload::Kind::Blob(blob)) => {
            let data = remote.download(run_id, &blob.blob_id).await.map_err(unreachable)?;
            if !blob.sha256.is_empty() && blob.sha256 != Sha256::digest(&data)[..] {
                return Err(failure("BLOB_CORRUPT", "the input arrived damaged".to_owned()));
            }
            Value::decode(&data[..]).map_err(|problem| failure("BLOB_CORRUPT", problem.to_string()))?
        }
    };
    let given = to_json(value);
    if given.is_object() { Ok(given) } else { Err(invalid("the input must be an object".to_owned())) }
}

pub async fn pack(output: &Json, attempt_id: &str, limits: Limits, remote: &Remote) -> Result<Payload, AttemptFailed> {
    let value = to_value(output);
    let size = value.encoded_len();
    if size <= limits.inline_value_bytes_max as usize {
        return Ok(Payload { kind: Some(payload::Kind::Value(value)) });
    }
    if size > limits.blob_bytes_max as usize {
        return Err(failure("LIMIT", format!("the output has {size} bytes")));
    }
    let data = value.encode_to_vec();
    let sha256 = Sha256::digest(&data).to_vec();
    let header = pb::UploadHeader { attempt_id: attempt_id.to_owned(), sha256, size: size as u32 };
    let mut parts = vec![Part::Header(header)];
    parts.extend(data.chunks(BLOB_PART_BYTES).map(|part| Part::Data(part.to_vec())));
    let blob = remote.upload(parts).await.map_err(unreachable)?;
    Ok(Payload { kind: Some(payload::Kind::Blob(blob)) })
}

/// Another try may find the way.
fn unreachable(status: Status) -> AttemptFailed {
    AttemptFailed { code: "HANDLER_ERROR".to_owned(), message: status.to_string(), ..Default::default() }
}
