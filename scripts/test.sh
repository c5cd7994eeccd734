#!/usr/bin/env bash
# What `npm test` runs, on a fresh machine too: installs the packages and, where there is no GPU, the software Vulkan
# driver; then the static checks, the unit suite, and the device suite on WebAssembly and on WebGPU. All are run even
# when one fails, and the last line totals the suites. Exits with 0 only when everything passed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '\n== %s\n' "$*"; }

if ! node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)'; then
  echo "weft needs Node 20 or newer; this is $(node --version 2>/dev/null || echo 'no Node at all')" >&2
  exit 1
fi

# npm writes this file at the end of an install, so it is absent or old exactly when there is one to do.
installed=node_modules/.package-lock.json
if [ ! -e "$installed" ] || [ package-lock.json -nt "$installed" ]; then
  say 'npm ci'
  npm ci --no-audit --no-fund || exit 1
fi

# Without an adapter the WebGPU suite fails, and says so; the rest is worth running all the same.
bash scripts/setup-driver.sh

reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
check=passed

run_suite() {
  say "$1 tests"
  npx vitest run --project "$1" --reporter=default --reporter=json --outputFile.json="$reports/$1.json"
}

say 'check: types, style, layers'
npm run --silent check || check=failed
run_suite unit
run_suite wasm
run_suite webgpu

say 'total'
echo "check $check"
node scripts/test-summary.mjs "$reports"/{unit,wasm,webgpu}.json
total=$?
[ "$check" = passed ] && [ "$total" -eq 0 ]
