#!/bin/sh
# Makes the file system of a virtual machine out of a Debian release: vm_image.sh RELEASE OUT PACKAGE...
#
# OUT becomes an initramfs of the packages and what they depend on, unpacked. Nothing of them runs here: what their own scripts
# would have done is done by vm_init.sh in the machine.
set -eu

release=$1 out=$2
shift 2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

packaging/tools/debian-release-package.sh --with-dependencies "$release" "$root" "$@"
rm -rf "$root"/boot "$root"/usr/lib/modules "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/locale
(cd "$root" && find . | cpio --quiet -o -H newc --owner=0:0) >"$out.new"
mv "$out.new" "$out"
