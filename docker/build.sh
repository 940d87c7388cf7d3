#!/usr/bin/env bash
# Build images, each from a folder with a Dockerfile: docker/build.sh docker/flink docker/airflow
#
# The folder's `stage.sh`, if it exists, adds files from other folders to the build context.
#
#   IMAGE_BUILD_COMMAND   `docker build` or `buildah bud`, whichever is installed
#   IMAGE_BUILD_ARGS      more arguments of this command, such as --build-arg BASE=... or --build-arg SSL_CERT_FILE=...
#   IMAGE_REPOSITORY      olympic-streaming, the prefix of the image's name
#   IMAGE_TAG             the version in pyproject.toml
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

value_of() { sed -n "s/^$1 = \"\([^\"]*\)\".*/\1/p" "$2"; }
REPOSITORY=${IMAGE_REPOSITORY:-olympic-streaming} TAG=${IMAGE_TAG:-$(value_of version pyproject.toml)}

if [ -z "${IMAGE_BUILD_COMMAND:-}" ]; then
  if command -v docker > /dev/null; then IMAGE_BUILD_COMMAND="docker build"; elif command -v buildah > /dev/null; then IMAGE_BUILD_COMMAND="buildah bud"; fi
fi
[ -n "${IMAGE_BUILD_COMMAND:-}" ] || { echo "images: neither docker nor buildah is installed. Install one, or set IMAGE_BUILD_COMMAND." >&2; exit 1; }

# For stage.sh: copy a set of locked jars into the context. Its arguments are the lock file's name and the set.
copy_jars() {
  .venv/bin/python -m infra jars "$1" > /dev/null
  mkdir "$CONTEXT/jars" && cp -p "$(.venv/bin/python -m infra jars "$1" --folder)/$2/"*.jar "$CONTEXT/jars/"
}

# For stage.sh: copy the jar of the jobs' Java functions into the context.
copy_functions() {
  .venv/bin/python -m infra jars > /dev/null
  cp -p "$(.venv/bin/python -m infra jars --functions)" "$CONTEXT/jars/"
}

trap 'rm -rf "${CONTEXT:-}"' EXIT
build() {
  local folder=${1%/} name arguments=()
  name=$(basename "$folder")
  [ -f "$folder/Dockerfile" ] || { echo "images: $folder/Dockerfile does not exist. Expected a folder with a Dockerfile." >&2; exit 1; }
  CONTEXT=$(mktemp -d)
  cp -p "$folder"/* "$CONTEXT"
  rm -f "$CONTEXT/stage.sh"
  # shellcheck source=/dev/null
  [ ! -f "$folder/stage.sh" ] || source "$folder/stage.sh"
  # shellcheck disable=SC2086 # commands and arguments are lists of words
  $IMAGE_BUILD_COMMAND ${IMAGE_BUILD_ARGS:-} "${arguments[@]}" --tag "$REPOSITORY/$name:$TAG" \
    --build-arg PYTHON="$(value_of python infra/versions.toml)" --build-arg JAVA="$(value_of java infra/versions.toml)" \
    --build-arg UV="$(value_of uv infra/versions.toml)" "$CONTEXT"
  rm -rf "$CONTEXT"
  echo "images: built $REPOSITORY/$name:$TAG"
}

for folder in "$@"; do build "$folder"; done
