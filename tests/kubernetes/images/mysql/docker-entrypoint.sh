#!/bin/bash
# mysql:8.0's contract: options or `mysqld` with options; at the first start root gets MYSQL_ROOT_PASSWORD(_FILE), at any host.
set -euo pipefail
data=/var/lib/mysql
[ "${1:0:1}" != - ] || set -- mysqld "$@"

initialise() {
  local password=${MYSQL_ROOT_PASSWORD:-}
  [ -z "${MYSQL_ROOT_PASSWORD_FILE:-}" ] || password=$(< "$MYSQL_ROOT_PASSWORD_FILE")
  [ -n "$password" ] || { echo "set MYSQL_ROOT_PASSWORD or MYSQL_ROOT_PASSWORD_FILE" >&2; exit 1; }
  password=${password//\\/\\\\} password=${password//\'/\'\'}
  find "$data" -mindepth 1 -delete # an earlier first start may have been interrupted
  local users
  users=$(mktemp)
  { # one statement a line, as bootstrap mode reads them
    echo "DELETE FROM mysql.global_priv WHERE User = '' OR User = 'root' AND Host <> 'localhost';"
    echo "FLUSH PRIVILEGES;"
    echo "CREATE USER root@'%' IDENTIFIED BY '$password';"
    echo "GRANT ALL PRIVILEGES ON *.* TO root@'%' WITH GRANT OPTION;"
    echo "ALTER USER root@localhost IDENTIFIED BY '$password';"
  } > "$users"
  mariadb-install-db --no-defaults --datadir="$data" --skip-test-db --auth-root-authentication-method=normal --extra-file="$users"
  rm "$users"
  touch "$data/.initialised"
}

if [ "$1" = mysqld ]; then
  [ -f "$data/.initialised" ] || initialise
  shift
  set -- mysqld --no-defaults --datadir="$data" --socket=/run/mysqld/mysqld.sock --tmpdir=/tmp --innodb-use-native-aio=0 "$@"
fi
exec "$@"
