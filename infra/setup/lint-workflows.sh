#!/usr/bin/env bash
# Check .github/workflows with actionlint: the installed one, else a pinned version that Go downloads into the cache.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
VERSION=v1.7.12
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/olympic-streaming/actionlint-$VERSION

if command -v actionlint > /dev/null; then
  ACTIONLINT=actionlint
elif [ -x "$CACHE/actionlint" ]; then
  ACTIONLINT=$CACHE/actionlint
elif command -v go > /dev/null; then
  echo "workflows: downloading actionlint $VERSION ..."
  GOBIN=$CACHE go install "github.com/rhysd/actionlint/cmd/actionlint@$VERSION"
  ACTIONLINT=$CACHE/actionlint
else
  echo "workflows: neither actionlint nor Go is installed. Expected one of them. Install actionlint: https://github.com/rhysd/actionlint" >&2
  exit 1
fi
"$ACTIONLINT" -no-color .github/workflows/*.yml
files=(.github/workflows/*.yml)
echo "workflows: ${#files[@]} files are valid (actionlint $("$ACTIONLINT" -version | head -1))"
