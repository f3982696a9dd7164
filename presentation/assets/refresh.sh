#!/usr/bin/env bash
# Fetches the vendored files again from their packages, makes the icon sprite of the icons in icons.txt, and writes
# vendored.json. Needs npm and node. To move to a newer version change it here, run, look at every page, commit.
set -euo pipefail
cd "$(dirname "$0")"
assets=$PWD
tabler=1.6.1 icons=3.52.0 htmx=4.0.1 pad=5.1.4

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in "@tabler/core@$tabler" "@tabler/icons@$icons" "htmx.org@$htmx" "signature_pad@$pad"; do
    npm pack --silent "$package" >/dev/null
done
unpack() { mkdir -p "$1" && tar -xzf "$2" -C "$1" --strip-components 1; }
unpack core tabler-core-*.tgz
unpack icons tabler-icons-*.tgz
unpack htmx htmx.org-*.tgz
unpack pad signature_pad-*.tgz

# Without the pointers to source maps, which nobody can follow here.
sed 's|/\*# sourceMappingURL=.*\*/||' core/dist/css/tabler.min.css >"$assets/vendor/tabler.min.css"
sed 's|^//# sourceMappingURL=.*||' htmx/dist/htmx.min.js >"$assets/vendor/htmx.min.js"
sed 's|^//# sourceMappingURL=.*||' pad/dist/signature_pad.umd.min.js >"$assets/vendor/signature_pad.min.js"
cp htmx/LICENSE "$assets/vendor/LICENSE-htmx"
cp pad/LICENSE "$assets/vendor/LICENSE-signature-pad"
cp icons/LICENSE "$assets/vendor/LICENSE-tabler-icons"

ASSETS=$assets TABLER=$tabler ICONS=$icons HTMX=$htmx PAD=$pad node <<'JS'
const fs = require('fs'), crypto = require('crypto'), path = require('path')
const { ASSETS, TABLER, ICONS, HTMX, PAD } = process.env
const names = fs.readFileSync(path.join(ASSETS, 'icons.txt'), 'utf8').split(/\s+/).filter(Boolean)
const symbols = names.map(name => {
    const svg = fs.readFileSync(`icons/icons/outline/${name}.svg`, 'utf8')
    const inside = svg.slice(svg.indexOf('>', svg.indexOf('<svg')) + 1, svg.lastIndexOf('</svg>'))
    const paths = inside.replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*\/>/, '').replace(/\s*\n\s*/g, '')
    return `<symbol id="${name}" viewBox="0 0 24 24">${paths}</symbol>`
})
fs.writeFileSync(path.join(ASSETS, 'vendor/icons.svg'),
    `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join('\n')}\n</svg>\n`)
const sha256 = file => crypto.createHash('sha256').update(fs.readFileSync(path.join(ASSETS, file))).digest('hex')
const entry = (file, pkg, version, licence) => ({ file, package: pkg, version, licence, sha256: sha256(file) })
fs.writeFileSync(path.join(ASSETS, 'vendored.json'), JSON.stringify([
    entry('vendor/tabler.min.css', '@tabler/core', TABLER, 'MIT'),
    entry('vendor/icons.svg', '@tabler/icons', ICONS, 'MIT'),
    entry('vendor/htmx.min.js', 'htmx.org', HTMX, '0BSD'),
    entry('vendor/signature_pad.min.js', 'signature_pad', PAD, 'MIT'),
], null, 2) + '\n')
JS
