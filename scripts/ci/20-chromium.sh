#!/usr/bin/env bash
# A browser, to open the demo's report and dashboard.
set -euo pipefail
if ! command -v chromium >/dev/null; then
  apt-get update
  apt-get install -y --no-install-recommends chromium
fi
chromium --version
