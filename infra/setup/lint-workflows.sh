#!/usr/bin/env bash
# Checks .github/workflows with actionlint: the installed one, else the pinned one, which Go fetches into a cache.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
VERSION=v1.7.12
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/olympic-streaming/actionlint-$VERSION

actionlint() {
  if command -v actionlint > /dev/null; then command actionlint "$@"; else "$CACHE/actionlint" "$@"; fi
}

if ! command -v actionlint > /dev/null && [ ! -x "$CACHE/actionlint" ]; then
  if ! command -v go > /dev/null; then
    echo "workflows: neither actionlint nor Go is installed. Expected one of them. Install actionlint: https://github.com/rhysd/actionlint" >&2
    exit 1
  fi
  echo "workflows: fetching actionlint $VERSION ..."
  GOBIN=$CACHE go install "github.com/rhysd/actionlint/cmd/actionlint@$VERSION"
fi
actionlint -color=false .github/workflows/*.yml
echo "workflows: $(ls .github/workflows/*.yml | wc -l) checked by actionlint $(actionlint -version | head -1)"
