//! Makes the server's side of EventStoreDB's protocol from its descriptions, which lie in the client's package wherever
//! Cargo keeps it. Nothing of them is copied into this repository.

use std::path::PathBuf;
use std::process::Command;
use std::{env, error::Error};

const PACKAGE: &str = "eventstore";
const DESCRIPTIONS: [&str; 3] = ["streams.proto", "gossip.proto", "serverfeatures.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../Cargo.lock");
    let folder = package()?.join("protos");
    let descriptions = DESCRIPTIONS.map(|name| folder.join(name));
    let set = protox::compile(descriptions, [&folder])?;
    tonic_build::configure()
        .build_client(false)
        .build_transport(false)
        // Bodies are shared with what read them, not copied.
        .bytes(["."])
        .compile_fds(set)?;
    Ok(())
}

/// The folder of the client's package, of the version that the lock file names.
fn package() -> Result<PathBuf, Box<dyn Error>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--offline", "--locked", "--filter-platform"])
        .arg(env::var("TARGET")?)
        .current_dir(env::var("CARGO_MANIFEST_DIR")?)
        .output()?;
    if !output.status.success() {
        return Err(format!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata names no packages")?;
    let manifest = packages
        .iter()
        .find(|package| package["name"] == PACKAGE)
        .and_then(|package| package["manifest_path"].as_str())
        .ok_or("the package of the client is not among the dependencies")?;
    Ok(PathBuf::from(manifest).parent().ok_or("a manifest lies in a folder")?.to_owned())
}
