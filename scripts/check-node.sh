#!/bin/sh
# Ends with a clear error unless Node 20.19 or newer is here.
set -eu
if ! command -v node >/dev/null 2>&1; then
  echo "Node 20.19 or newer is needed, and there is no 'node' on the PATH. Install it (nodejs.org), then run this again." >&2
  exit 3
fi
node -e '
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Node 20.19 or newer is needed; this is ${process.version}.`);
  process.exit(3);
}'
