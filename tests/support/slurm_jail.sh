#!/bin/sh
# Runs a program in the file system that slurm_image.sh made, with this machine's /proc, /sys, /dev and /tmp:
# slurm_jail.sh ROOT PROGRAM ARGUMENT... The mounts are in a namespace of the program's own, and go with it.
set -eu
if [ -z "${JAILED:-}" ]; then
  exec env JAILED=1 unshare --mount --propagation private sh "$0" "$@"
fi
unset JAILED
root=$1
shift
for place in proc sys dev tmp etc/hosts; do
  mount --rbind "/$place" "$root/$place"
done
exec chroot "$root" "$@"
