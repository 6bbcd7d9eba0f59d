#!/usr/bin/env bash
# Installs the real VS Code server for the workbench tests into the folder given: Node 24 and the server inside the npm
# package code-server, without its wrapper. About 40 s; an installation that is already there is kept.
set -euo pipefail
node_version=24.21.0 server_version=4.139.1 revision=1
target=$1 stamp="$node_version $server_version $revision"
[ "$(cat "$target/stamp" 2>/dev/null)" = "$stamp" ] && exit 0
rm -rf "$target" && mkdir -p "$target" && cd "$target"
case "$(uname -m)" in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) echo "no VS Code server for $(uname -m)" >&2; exit 3 ;; esac
echo '{"private":true}' > package.json
quiet=(--no-audit --no-fund --loglevel=error)
npm install --no-package-lock --ignore-scripts "${quiet[@]}" "node-linux-$arch@$node_version" > /dev/null
node_home=$PWD/node_modules/node-linux-$arch
export PATH=$node_home/bin:$PATH npm_config_nodedir=$node_home
tar xzf "$(npm pack --silent code-server@$server_version)" package/lib/vscode \
  --exclude=package/lib/vscode/extensions/copilot --exclude=package/lib/vscode/extensions/mermaid-markdown-features
rm -f code-server-*.tgz && mv package/lib/vscode server && rm -rf package && cd server
# The optional packages stay: the file watcher's prebuilt binary is one. The log library alone has to be built.
npm install --omit=dev --ignore-scripts "${quiet[@]}" > /dev/null
npm rebuild @vscode/spdlog "${quiet[@]}" > /dev/null
rm -rf node_modules/@github node_modules/@microsoft/mxc-sdk node_modules/@devcontainers
echo "$stamp" > ../stamp
