//! The example agent in Rust: echo, digest, count and fail, as docs/agents/README.md states them.

mod attempt;
mod capabilities;
mod connection;
mod job;
mod session;
mod stream;
mod values;

use std::{env, process, time::Duration};

use serde_json::Value as Json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// What build.rs has generated.
pub mod pb {
    tonic::include_proto!("yardmaster.v1");
}
pub mod rpc {
    tonic::include_proto!("google.rpc");
}

// One thread, in which nothing waits for a lock; whoever works the processor yields.
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let state = pb::State {
        revision: 1,
        slots: read_number("YARDMASTER_SLOTS", 4, 1),
        capabilities: read_capabilities(include_str!("../capabilities.json")),
        ..Default::default()
    };
    let grace = Duration::from_millis(read_number("YARDMASTER_GRACE_MS", 10_000, 0).into());
    let url = read_text("YARDMASTER_URL", "http://127.0.0.1:7420");
    let token = read_text("YARDMASTER_TOKEN", "");
    let remote = connection::Remote::new(&url, &token).unwrap_or_else(|problem| refuse(&problem));
    let (leave, leaving) = mpsc::channel(1);
    tokio::spawn(pass_on_signals(leave));
    let agent_id = read_text("YARDMASTER_AGENT_ID", "example-rust");
    session::Session::new(remote, agent_id, state, leaving, grace).run().await;
}

/// The first one is the session's; a second one ends the process at once.
async fn pass_on_signals(leave: mpsc::Sender<&'static str>) {
    let listen = |kind: SignalKind| signal(kind).expect("the runtime can listen for signals");
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate()), listen(SignalKind::interrupt()));
    let _ = leave.send(next(&mut terminate, &mut interrupt).await).await;
    next(&mut terminate, &mut interrupt).await;
    process::exit(1);
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}

fn read_text(name: &str, otherwise: &str) -> String {
    match env::var(name) {
        Err(env::VarError::NotPresent) => otherwise.to_owned(),
        Ok(text) if text.is_empty() => otherwise.to_owned(),
        Ok(text) => text,
        Err(problem) => refuse(&format!("{name}: {problem}")),
    }
}

fn read_number(name: &str, otherwise: u32, least: u32) -> u32 {
    let text = read_text(name, &otherwise.to_string());
    match text.parse() {
        Ok(number) if number >= least => number,
        _ => refuse(&format!("{name} must be a whole number from {least}, not {text:?}")),
    }
}

fn refuse(problem: &str) -> ! {
    eprintln!("cannot start: {problem}");
    process::exit(2)
}

/// The file holds one `State` as JSON, the same in every language.
fn read_capabilities(text: &str) -> Vec<pb::Capability> {
    let stated: Json = serde_json::from_str(text).expect("capabilities.json is JSON");
    let stated = stated["capabilities"].as_array().expect("capabilities.json has capabilities");
    let text = |of: &Json| of.as_str().unwrap_or_default().to_owned();
    stated
        .iter()
        .map(|it| pb::Capability {
            name: text(&it["name"]),
            version: text(&it["version"]),
            description: text(&it["description"]),
            idempotent: it["idempotent"] == true,
            input_schema: values::to_struct(&it["inputSchema"]),
            output_schema: values::to_struct(&it["outputSchema"]),
            ..Default::default()
        })
        .collect()
}
