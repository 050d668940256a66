//! The four capabilities. A stop drops the future of a handler, at whatever it awaits.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use tokio::{task, time};

use crate::job::Job;
use crate::pb::AttemptFailed;
use crate::values::to_value;

const ROUNDS_AT_ONCE: u64 = 250;

pub async fn perform(given: Json, job: &Job) -> Result<Json, AttemptFailed> {
    match job.capability.as_str() {
        "echo" => Ok(given),
        "digest" => digest(given).await,
        "count" => count(given, job).await,
        "fail" => fail(given, job),
        other => Err(failure("UNSUPPORTED", format!("{other:?} is not offered here"))),
    }
}

async fn digest(given: Json) -> Result<Json, AttemptFailed> {
    let mut sum = Sha256::digest(text(&given, "text")?);
    for done in 1..whole(&given, "rounds", 1..=100_000_000)? {
        if done % ROUNDS_AT_ONCE == 0 {
            task::yield_now().await; // beats and stops come in here
        }
        sum = Sha256::digest(sum);
    }
    Ok(json!({ "sha256": sum.iter().map(|byte| format!("{byte:02x}")).collect::<String>() }))
}

async fn count(given: Json, job: &Job) -> Result<Json, AttemptFailed> {
    let to = whole(&given, "to", 0..=1_000_000)?;
    let delay = Duration::from_millis(whole(&given, "delayMs", 0..=3_600_000)?);
    let saved = job.checkpoint["at"].as_f64().unwrap_or(0.0) as u64;
    for at in saved + 1..=to {
        time::sleep(delay).await;
        job.write("out", format!("{at}\n")).await;
        job.save(json!({ "at": at }), at as f64 / to as f64, format!("{at} of {to}")).await;
    }
    Ok(json!({ "counted": to }))
}

fn fail(given: Json, job: &Job) -> Result<Json, AttemptFailed> {
    let to_count = |value: &Json| to_whole(value)?.try_into().ok();
    let times: Option<u32> = optional(&given, "times", "a whole number", to_count)?;
    if times.is_some_and(|times| job.try_number > times) {
        return Ok(json!({ "tries": job.try_number }));
    }
    Err(AttemptFailed {
        code: text(&given, "code")?,
        message: text(&given, "message")?,
        details: given.get("details").map(to_value),
        retryable: optional(&given, "retryable", "a boolean", Json::as_bool)?,
        retry_after_ms: optional(&given, "retryAfterMs", "a whole number", to_count)?.unwrap_or_default(),
        avoid_this_agent: optional(&given, "avoidThisAgent", "a boolean", Json::as_bool)?.unwrap_or_default(),
    })
}

// ---- what the schemas say

fn text(given: &Json, name: &str) -> Result<String, AttemptFailed> {
    let text = optional(given, name, "a string", |value| value.as_str().map(str::to_owned))?;
    text.ok_or_else(|| invalid(format!("{name} is missing")))
}

fn whole(given: &Json, name: &str, range: RangeInclusive<u64>) -> Result<u64, AttemptFailed> {
    let kind = format!("a whole number from {} to {}", range.start(), range.end());
    let number = optional(given, name, &kind, |value| to_whole(value).filter(|number| range.contains(number)))?;
    number.ok_or_else(|| invalid(format!("{name} is missing")))
}

fn optional<T>(
    given: &Json,
    name: &str,
    kind: &str,
    read: impl Fn(&Json) -> Option<T>,
) -> Result<Option<T>, AttemptFailed> {
    let read = |value| read(value).ok_or_else(|| invalid(format!("{name} must be {kind}")));
    given.get(name).map(read).transpose()
}

/// Numbers of the protocol are doubles.
fn to_whole(value: &Json) -> Option<u64> {
    value.as_f64().filter(|number| *number >= 0.0 && number.fract() == 0.0).map(|number| number as u64)
}

pub fn invalid(message: String) -> AttemptFailed {
    failure("INVALID_INPUT", message)
}

/// One that no other try would mend.
pub fn failure(code: &str, message: String) -> AttemptFailed {
    AttemptFailed { code: code.to_owned(), message, retryable: Some(false), ..Default::default() }
}
