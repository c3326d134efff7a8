#!/bin/sh
# Builds the RPMs of this checkout below OUT: packaging/rpm/build.sh PYTHON OUT
#
# PYTHON is the environment's, with pip and build. Wheels of the pinned requirements are fetched first, by their hashes and for
# the Python and machine of the target; rpmbuild then needs no network. The same commit gives the same bytes.
#
# From the environment: TARGET_PYTHON (3.12, which EL 8.10, 9 and 10 have), ARCH (this machine's), RELEASE (1).
set -eu
umask 022
export LC_ALL=C TZ=UTC

python=$1
out=$(mkdir -p "$2" && cd "$2" && pwd)
target_python=${TARGET_PYTHON:-3.12}
arch=${ARCH:-$(uname -m)}
cd "$(dirname "$0")/../.."
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
name=jobgauge-$version
sources=$out/SOURCES/$name

rm -rf "$out/SOURCES" "$out/BUILD" "$out/BUILDROOT" "$out/RPMS"
mkdir -p "$sources/wheels" "$sources/provides"

"$python" -m build --wheel --no-isolation --outdir "$sources/wheels/own" . >"$out/wheel.log" 2>&1 ||
  { cat "$out/wheel.log" >&2; exit 1; }
rm -f "$sources/wheels/own/.gitignore"

# Each package carries what its group needs beyond the base package.
for group in core nvidia gateway ldap dashboards view; do
  "$python" -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: \
    --python-version "$target_python" --implementation cp \
    --platform "manylinux_2_28_$arch" --platform "manylinux_2_17_$arch" --platform "manylinux2014_$arch" \
    --dest "$sources/wheels/$group" -r "requirements/$group.txt"
  for wheel in "$sources/wheels/$group"/*.whl; do
    file=${wheel##*/}
    if [ $group != core ] && [ -e "$sources/wheels/core/$file" ]; then
      rm "$wheel"
    else
      echo "$file" | sed 's/^\([^-]*\)-\([^-]*\)-.*/Provides: bundled(python3dist(\1)) = \2/' | tr 'A-Z_' 'a-z-' |
        sed 's/^provides/Provides/' >>"$sources/provides/$group"
    fi
  done
done

PYTHONPATH=exporters PYTHONDONTWRITEBYTECODE=1 "$python" -c 'import sys; from jobgauge.rules import main; sys.exit(main())' \
  --out "$sources/rules"
cp -R LICENSE README.md docs packaging/rpm packaging/slurm recording_rules job_exporter scheduler_exporter "$sources"
cp -R exporters/jobgauge_gateway "$sources/gateway"
cp -R exporters/jobgauge_mail "$sources/mail"
cp -R dashboards/jobgauge_view "$sources/view"
find "$sources" -name __pycache__ -prune -exec rm -rf {} +

tar -C "$out/SOURCES" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
  -cf "$out/SOURCES/$name.tar" "$name"
cp "$sources"/provides/* "$out/SOURCES"
rm -rf "$sources"

mkdir -p "$out/SPECS"
{
  echo "%global suite_version $version"
  echo "%global suite_release ${RELEASE:-1}"
  echo "%global suite_python $target_python"
  cat packaging/rpm/jobgauge.spec
} >"$out/SPECS/jobgauge.spec"
# No source package: rpm writes the place of the build into it.
rpmbuild -bb --quiet --target "$arch" --define "_topdir $out" "$out/SPECS/jobgauge.spec" >"$out/rpmbuild.log" 2>&1 ||
  { cat "$out/rpmbuild.log" >&2; exit 1; }
rm -rf "$out/SOURCES" "$out/SPECS" "$out/SRPMS" "$out/BUILD" "$out/BUILDROOT"
