#!/usr/bin/env bash
# Prepare this checkout: system packages, Python packages in .venv, jars. Safe to repeat; a second run takes about a
# second and changes nothing. Requires bash and, if a system package is missing, apt-get or an installation by hand.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

version_of() { sed -n "s/^$1 = \"\([^\"]*\)\".*/\1/p" infra/versions.toml; }
PYTHON_VERSION=$(version_of python) NEWEST_PYTHON=$(version_of newest_python) SETUPTOOLS_VERSION=$(version_of setuptools)
JAVA_VERSION=$(version_of java) NEWEST_JAVA=$(version_of newest_java) UV_VERSION=$(version_of uv)
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
  local java version
  for java in "${JAVA_HOME:-/nowhere}/bin/java" "$(command -v java || true)" /usr/lib/jvm/*/bin/java; do
    [ -x "$java" ] || continue
    version=$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
    [ "${version:-0}" -ge "$JAVA_VERSION" ] && [ "$version" -le "$NEWEST_JAVA" ] && return
  done
  return 1
}

# Print the first package that this system's sources have, or else the first name.
available_package() {
  local name
  for name in "$@"; do
    [ -z "$(apt-cache show "$name" 2> /dev/null)" ] || { echo "$name"; return; }
  done
  echo "$1"
}

# The system's Python, if its version is supported, requires its headers to build mysqlclient. A Python that uv
# downloads has them.
lacks_headers() {
  is_supported_python python3 && ! python3 -c 'import pathlib, sys, sysconfig
sys.exit(not pathlib.Path(sysconfig.get_paths()["include"], "Python.h").exists())'
}

missing_packages() {
  has_java || available_package "openjdk-$JAVA_VERSION-jre-headless" "openjdk-$NEWEST_JAVA-jre-headless"
  # The server without a system service; Ubuntu 22.04 has it under the second name.
  has mariadbd && has mariadb-install-db || available_package mariadb-server-core mariadb-server-core-10.6
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
  report "system packages: updating the list of packages ..."
  "${sudo[@]}" apt-get update -q 2>&1 | show_apt || fail "system packages: apt-get update failed, see above. Fix the cause, then try again."
  missing=$(missing_packages | tr '\n' ' ') # the names depend on the list
  report "system packages: installing ${missing% } ..."
  # shellcheck disable=SC2086 # a list of words
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing 2>&1 |
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
  if ! is_supported_python .venv/bin/python; then
    report "python packages: an environment with $(supported_python) ..."
    "$UV" venv --quiet --allow-existing --python "$(supported_python)" .venv
  fi
  rm -f "$STAMP"
  if [ "$(python_version .venv/bin/python)" != "$PYTHON_VERSION" ]; then
    report "python packages: PyFlink has no wheel for Python $(python_version .venv/bin/python), and is compiled once: about a minute ..."
    "$UV" pip install --quiet --python .venv/bin/python "setuptools==$SETUPTOOLS_VERSION" # without Beam, which its build lists
  fi
  report "python packages: installing $(grep -c '^[a-z]' requirements.txt) packages ..."
  show_uv "$UV" pip sync --python .venv/bin/python requirements.txt
  requirements_hash > "$STAMP"
  report "python packages: installed"
}

python_version() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2> /dev/null || true; }
is_supported_python() {
  local version
  version=$(python_version "$1")
  [ -n "$version" ] && [ "${version%%.*}" = 3 ] && [ "${version#3.}" -ge "${PYTHON_VERSION#3.}" ] && [ "${version#3.}" -le "${NEWEST_PYTHON#3.}" ]
}
# The system's Python, or else a version that uv downloads.
supported_python() { if is_supported_python python3; then command -v python3; else echo "$PYTHON_VERSION"; fi; }

# On a terminal uv shows its progress; elsewhere it would list every package.
show_uv() { if [ -t 2 ]; then "$@"; else "$@" 2>&1 | { grep --line-buffered -vE '^ ([+~-]|Downloaded|Built|  *Built) ' || true; }; fi; }

ensure_system_packages
ensure_python_packages
.venv/bin/python -m infra jars
