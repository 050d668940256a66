#!/usr/bin/env bash
# A C compiler, for the shim that simulates a loss of power.
set -euo pipefail
if ! command -v cc >/dev/null; then
  apt-get update
  apt-get install -y --no-install-recommends gcc libc6-dev
fi
cc --version
