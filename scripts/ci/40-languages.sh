#!/usr/bin/env bash
# Python, Go, Java and Rust, for the example agents; what these build with comes from their own registries, at the versions of
# their own files.
set -euo pipefail
packages=()
python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3 python3-venv)
command -v javac >/dev/null || packages+=(openjdk-17-jdk-headless)
command -v mvn >/dev/null || packages+=(maven)
command -v cargo >/dev/null || packages+=(cargo)
if [ "${#packages[@]}" -gt 0 ]; then
  apt-get update
  apt-get install -y --no-install-recommends "${packages[@]}"
fi
python3 --version
go version
javac -version
mvn -version
cargo --version
rustc --version
# The crates say so themselves, but in many words, and after minutes.
if [ "$(printf '1.88\n%s\n' "$(rustc --version | cut -d ' ' -f 2)" | sort -V | head -n 1)" != 1.88 ]; then
  echo 'The example agent in Rust needs Rust 1.88 or newer; that of the system is older. Install one with rustup.' >&2
  exit 1
fi
