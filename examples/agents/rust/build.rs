//! Stubs from the protos, made whenever they have changed.

use std::error::Error;

const PROTOS: &str = "../../../proto";
const FILES: [&str; 4] = [
    "yardmaster/v1/agent_service.proto",
    "yardmaster/v1/blob_service.proto",
    "google/rpc/status.proto",
    "google/rpc/error_details.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PROTOS}");
    let descriptors = protox::compile(FILES, [PROTOS])?;
    tonic_prost_build::configure().build_server(false).compile_fds(descriptors)?;
    Ok(())
}
