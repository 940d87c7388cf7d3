#!/usr/bin/env bash
# Prepare this checkout: system packages, Python packages in .venv, jars. Safe to repeat; a second run takes about a
# second and changes nothing. Requires bash and, if a system package is missing, apt-get or an installation by hand.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

version_of() { sed -n "s/^$1 = \"\([^\"]*\)\".*/\1/p" infra/versions.toml; }
PYTHON_VERSION=$(version_of python) UV_VERSION=$(version_of uv) JAVA_VERSION=$(version_of java)
UV=.venv/uv/bin/uv STAMP=.venv/.requirements.sha256
SERVER_PATH="$PATH:/usr/sbin:/usr/local/sbin:/usr/libexec" # Debian installs servers outside the PATH of users

report() { echo "$*"; }
fail() { echo "$*" >&2; exit 1; }
has() { PATH=$SERVER_PATH command -v "$1" > /dev/null; }

requirements_hash() { { echo "$PYTHON_VERSION"; cat requirements.txt; } | sha256sum | cut -d' ' -f1; }
has_python_packages() { [ -x .venv/bin/python ] && [ "$(cat "$STAMP" 2> /dev/null)" = "$(requirements_hash)" ]; }
has_uv() { [ "$("$UV" --version 2> /dev/null | cut -d' ' -f2)" = "$UV_VERSION" ]; }
has_jars() { [ -x .venv/bin/python ] && [ -d "$(.venv/bin/python -m infra jars --folder 2> /dev/null)" ]; }

has_java() {
  local java
  for java in "${JAVA_HOME:-/nowhere}/bin/java" "$(command -v java || true)" /usr/lib/jvm/*"$JAVA_VERSION"*/bin/java; do
    [ -x "$java" ] && "$java" -version 2>&1 | grep -q "version \"$JAVA_VERSION" && return
  done
  return 1
}

# The system's Python, if it has the required version, requires its headers to build mysqlclient. A Python that uv
# downloads has them.
lacks_headers() {
  python3 - "$PYTHON_VERSION" << 'EOF'
import pathlib, sys, sysconfig
own = "%d.%d" % sys.version_info[:2] == sys.argv[1]
sys.exit(0 if own and not pathlib.Path(sysconfig.get_paths()["include"], "Python.h").exists() else 1)
EOF
}

missing_packages() {
  has_java || echo "openjdk-$JAVA_VERSION-jre-headless"
  has mariadbd && has mariadb-install-db || echo mariadb-server-core # the server without a system service
  has my_print_defaults && has mariadb-binlog || echo mariadb-client # a test reads the binary log with the second program
  has ps || echo procps
  has mvn || has_jars || echo maven
  has_uv || { has python3 && python3 -c 'import ensurepip, venv' 2> /dev/null; } || echo python3 python3-venv
  has_python_packages || missing_build_packages
}

missing_build_packages() {
  has gcc || echo gcc
  [ -e /usr/include/stdio.h ] || ! has apt-get || echo libc6-dev
  has pkg-config || echo pkg-config
  { has pkg-config && { pkg-config --exists mysqlclient || pkg-config --exists libmariadb; }; } || echo default-libmysqlclient-dev
  { has python3 && ! lacks_headers; } || echo python3-dev
}

ensure_system_packages() {
  local missing sudo=()
  missing=$(missing_packages | tr '\n' ' ')
  [ -n "${missing// /}" ] || { report "system packages: present"; return; }
  has apt-get || fail "system packages: missing, by their Debian names: ${missing% }. Install them under the names of your system, then try again."
  if [ "$(id -u)" != 0 ]; then
    sudo -n true 2> /dev/null || fail "system packages: missing. Run this, then try again:
  sudo apt-get install -y ${missing% }"
    sudo=(sudo -n)
  fi
  report "system packages: installing ${missing% } ..."
  # shellcheck disable=SC2086 # a list of words
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive sh -c 'apt-get update -q && exec apt-get install -q -y --no-install-recommends "$@"' sh $missing 2>&1 |
    show_apt || fail "system packages: apt-get failed, see above. Fix the cause, then try again."
  report "system packages: installed"
}

# Show only apt's errors and a count of packages, because large packages take long without output.
show_apt() {
  local line count=0
  while IFS= read -r line; do
    case $line in
      E:* | W:* | "dpkg: error"*) echo "$line" >&2 ;;
      "Setting up "*) count=$((count + 1)); [ $((count % 25)) != 0 ] || report "system packages: $count configured ..." ;;
      "Need to get "*) report "system packages: ${line,}" ;;
    esac
  done
}

ensure_python_packages() {
  if has_python_packages && has_uv; then report "python packages: unchanged"; return; fi
  if ! has_uv; then
    report "python packages: uv $UV_VERSION ..."
    rm -rf .venv/uv
    python3 -m venv .venv/uv
    .venv/uv/bin/pip install --quiet --disable-pip-version-check "uv==$UV_VERSION"
  fi
  if ! is_required_python .venv/bin/python; then
    report "python packages: Python $PYTHON_VERSION ..."
    "$UV" venv --quiet --allow-existing --python "$(required_python)" .venv
  fi
  report "python packages: installing $(grep -c '^[a-z]' requirements.txt) packages ..."
  rm -f "$STAMP"
  show_uv "$UV" pip sync --python .venv/bin/python requirements.txt
  requirements_hash > "$STAMP"
  report "python packages: installed"
}

is_required_python() { [ "$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2> /dev/null)" = "$PYTHON_VERSION" ]; }
required_python() { if is_required_python python3; then command -v python3; else echo "$PYTHON_VERSION"; fi; }

# On a terminal uv shows its progress; elsewhere it would list every package.
show_uv() { if [ -t 2 ]; then "$@"; else "$@" 2>&1 | { grep --line-buffered -vE '^ ([+~-]|Downloaded|Built|  *Built) ' || true; }; fi; }

ensure_system_packages
ensure_python_packages
.venv/bin/python -m infra jars
