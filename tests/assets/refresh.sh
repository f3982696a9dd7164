#!/usr/bin/env bash
# Fetches axe-core again from its package and writes vendored.json. Needs npm. To move to a newer version change it here,
# run, run the tests, commit. Tests only: nothing of it is part of the programs.
set -euo pipefail
cd "$(dirname "$0")"
axe=4.14.1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent "axe-core@$axe" >/dev/null && tar -xzf axe-core-*.tgz)
# Without the pointer to a source map, which nobody can follow here.
sed 's|^//# sourceMappingURL=.*||' "$work/package/axe.min.js" >axe.min.js
cp "$work/package/LICENSE" LICENSE-axe-core
cp "$work/package/LICENSE-3RD-PARTY.txt" LICENSE-axe-core-3rd-party
cat >vendored.json <<JSON
[
  {
    "file": "axe.min.js",
    "package": "axe-core",
    "version": "$axe",
    "licence": "MPL-2.0",
    "sha256": "$(sha256sum axe.min.js | cut -d' ' -f1)"
  }
]
JSON
