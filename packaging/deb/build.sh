#!/bin/sh
# Builds Debian packages of this checkout below OUT: packaging/deb/build.sh PYTHON OUT
#
# They hold what the RPMs hold, which are built first, for the Python of this Debian release. The same commit gives the same bytes.
#
# From the environment: TARGET_PYTHON (this release's: 3.11 on Debian 12, 3.13 on 13), ARCH and RELEASE as for the RPMs.
set -eu
umask 022
export LC_ALL=C TZ=UTC

python=$1
out=$(mkdir -p "$2" && cd "$2" && pwd)
TARGET_PYTHON=${TARGET_PYTHON:-$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')}
cd "$(dirname "$0")/../.."
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export TARGET_PYTHON SOURCE_DATE_EPOCH

rm -rf "$out/rpm" "$out/tree" "$out"/*.deb
packaging/rpm/build.sh "$python" "$out/rpm"

ask() { rpm -qp --qf "$1" "$rpm"; }
for rpm in "$out"/rpm/RPMS/*/*.rpm; do
  name=$(ask '%{NAME}')
  version=$(ask '%{VERSION}-%{RELEASE}')
  tree=$out/tree/$name
  mkdir -p "$tree/DEBIAN"
  rpm2cpio "$rpm" | (cd "$tree" && cpio --quiet --extract --make-directories --preserve-modification-time)

  case $(ask '%{ARCH}') in noarch) arch=all ;; x86_64) arch=amd64 ;; aarch64) arch=arm64 ;; *) arch=$(ask '%{ARCH}') ;; esac
  needs=$(rpm -qp --requires "$rpm" | sed -n 's/^\(jobgauge[a-z-]*\) = \(.*\)$/\1 (= \2)/p' | paste -sd , | sed 's/,/, /g')
  cat >"$tree/DEBIAN/control" <<EOF
Package: $name
Version: $version
Architecture: $arch
Maintainer: The Jobgauge maintainers <maintainers@jobgauge.invalid>
Section: admin
Priority: optional
Depends: ${needs:-python$TARGET_PYTHON, libc6}
Description: $(ask '%{SUMMARY}')
$(ask '%{DESCRIPTION}' | sed 's/^/ /')
EOF
  rpm -qpc "$rpm" >"$tree/DEBIAN/conffiles"
  if [ -e "$tree/usr/lib/systemd/system/$name.service" ]; then
    for script in postinst prerm postrm; do
      sed "s/@NAME@/$name/g" "packaging/deb/$script" >"$tree/DEBIAN/$script"
      chmod 755 "$tree/DEBIAN/$script"
    done
  fi
  find "$tree" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
  dpkg-deb --root-owner-group --build "$tree" "$out/${name}_${version}_$arch.deb" >/dev/null
done
rm -rf "$out/rpm" "$out/tree"
