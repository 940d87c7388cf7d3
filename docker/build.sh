#!/usr/bin/env bash
# Builds images by name, from docker/<name> or tests/kubernetes/images/<name>: docker/build.sh flink airflow
#
#   IMAGE_BUILD_COMMAND   `docker build` or `buildah bud`, whichever is there
#   IMAGE_BUILD_ARGS      more arguments of it, such as --build-arg BASE=... or --build-arg SSL_CERT_FILE=...
#   IMAGE_REPOSITORY      olympic-streaming, before the image's name
#   IMAGE_TAG             the version of pyproject.toml
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

value_of() { sed -n "s/^$1 = \"\([^\"]*\)\".*/\1/p" "$2"; }
jars_folder() { echo "${XDG_CACHE_HOME:-$HOME/.cache}/olympic-streaming/jars/$(sha256sum "infra/setup/$1.lock" | cut -c1-16)"; }
REPOSITORY=${IMAGE_REPOSITORY:-olympic-streaming} TAG=${IMAGE_TAG:-$(value_of version pyproject.toml)}

if [ -z "${IMAGE_BUILD_COMMAND:-}" ]; then
  if command -v docker > /dev/null; then IMAGE_BUILD_COMMAND="docker build"; elif command -v buildah > /dev/null; then IMAGE_BUILD_COMMAND="buildah bud"; fi
fi
[ -n "${IMAGE_BUILD_COMMAND:-}" ] || { echo "images: neither docker nor buildah is there; install one, or set IMAGE_BUILD_COMMAND" >&2; exit 1; }

# What an image's Dockerfile copies, in a folder of its own: the context holds nothing else, and jars are those of the lock.
stage() {
  case $1 in
    flink) copy_jars jars flink "$2" ;;
    airflow)
      cp -p docker/airflow/requirements.txt "$2"
      mkdir "$2/source"
      git ls-files -z --cached --others --exclude-standard dags infra flink_jobs | xargs -0 cp -p --parents -t "$2/source" ;;
    kafka) copy_jars jars kafka "$2" ;;
    operator) .venv/bin/python -m infra.setup.jars operator; copy_jars operator operator "$2" ;;
  esac
}
copy_jars() { mkdir "$3/jars" && cp -p "$(jars_folder "$1")/$2/"*.jar "$3/jars/"; }

build() {
  local name=$1 folder=docker/$1 context bases=()
  [ -d "$folder" ] || folder=tests/kubernetes/images/$name
  [ -f "$folder/Dockerfile" ] || { echo "images: there is no image $name" >&2; exit 1; }
  context=$(mktemp -d) && trap 'rm -rf "$context"' RETURN
  cp -p "$folder"/* "$context"
  stage "$name" "$context"
  [ "$name" != airflow-session ] || bases=(--build-arg "AIRFLOW_IMAGE=$REPOSITORY/airflow:$TAG" --build-arg "FLINK_IMAGE=$REPOSITORY/flink:$TAG")
  # shellcheck disable=SC2086 # commands and arguments are lists of words
  $IMAGE_BUILD_COMMAND ${IMAGE_BUILD_ARGS:-} "${bases[@]}" --tag "$REPOSITORY/$name:$TAG" \
    --build-arg PYTHON="$(value_of python infra/versions.toml)" --build-arg JAVA="$(value_of java infra/versions.toml)" \
    --build-arg UV="$(value_of uv infra/versions.toml)" "$context"
  echo "images: built $REPOSITORY/$name:$TAG"
}

for name in "$@"; do build "$name"; done
