#!/usr/bin/env bash
# The oldest Node that the package supports, through npm, for the tests that run on both.
set -euo pipefail
folder=.tmp/node-24
mkdir -p "$folder"
cd "$folder"
[ -x node_modules/.bin/node ] && [ "$(node_modules/.bin/node --version)" = v24.16.0 ] && exit 0
echo '{ "private": true, "allowScripts": { "node": true } }' > package.json
npm install --save-exact node@24.16.0
node_modules/.bin/node --version
