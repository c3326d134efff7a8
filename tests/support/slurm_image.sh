#!/bin/sh
# Makes a file system with the Slurm of a Debian release, for slurm_jail.sh: slurm_image.sh RELEASE FOLDER
# Nothing of the packages runs here: what their own scripts would have done for Slurm is done below.
set -eu
release=$1 root=$2.new
rm -rf "$root" "$2"
packaging/tools/debian-release-package.sh --with-dependencies "$release" "$root" base-files base-passwd bash coreutils util-linux \
  slurmctld slurmd slurm-client slurmdbd slurmrestd slurm-wlm-mysql-plugin slurm-wlm-jwt-plugin
cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
touch "$root/etc/hosts"
for program in slurmctld slurmd slurmstepd; do
  ln -sf "$program-wlm" "$root/usr/sbin/$program"
done
ln -sf bash "$root/usr/bin/sh"
rm -rf "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/locale
mv "$root" "$2"
