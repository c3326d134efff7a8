#!/bin/sh
# Installs the Debian packages named on the command line where they are missing. Says what it does; asks nothing; starts no service.
set -eu

missing=""
for package in "$@"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
  echo "These system packages are missing:$missing" >&2
  echo "Ask an administrator to run: apt-get install --no-install-recommends$missing" >&2
  exit 1
fi

echo "Installing system packages:$missing"
# Debian starts a daemon when its package is installed unless policy-rc.d says no; ours are started by hand, on loopback.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# shellcheck disable=SC2086  # the names are words
if ! { apt-get update && apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
  tail -n 30 "$log" >&2
  echo "apt-get failed; the whole log is in $log" >&2
  exit 1
fi
rm -f "$log"
