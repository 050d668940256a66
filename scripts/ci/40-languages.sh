#!/usr/bin/env bash
# Python, Go and Java, for the example agents; what these build with comes from their own registries, at the versions of
# their own files.
set -euo pipefail
packages=()
python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3 python3-venv)
command -v javac >/dev/null || packages+=(openjdk-17-jdk-headless)
command -v mvn >/dev/null || packages+=(maven)
if [ "${#packages[@]}" -gt 0 ]; then
  apt-get update
  apt-get install -y --no-install-recommends "${packages[@]}"
fi
python3 --version
go version
javac -version
mvn -version
