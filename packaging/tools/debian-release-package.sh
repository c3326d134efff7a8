#!/bin/sh
# Unpacks packages of another Debian release into a folder, without installing them and without a change to this machine's apt.
#
#   debian-release-package.sh [--with-dependencies] RELEASE FOLDER PACKAGE...
#
# The mirror is this machine's own; apt verifies the release's signature and each package's checksum. Without the option
# dependencies are not followed: name those that are needed.
set -eu

fetch=download
if [ "$1" = --with-dependencies ]; then
  fetch="install --yes --download-only"
  shift
fi
release=$1
folder=$2
shift 2
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

own=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
  awk -v own="$own" '$1 == own && !found { print $2; found = 1 }')
if [ -z "$mirror" ]; then
  echo "No Debian mirror is found in this machine's apt sources, for ${own:-an unknown release}: it must be Debian" >&2
  exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/debs/partial"
: >"$work/status"
echo "deb [signed-by=$keyring] $mirror $release main" >"$work/sources.list"

private_apt() {
  apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=- \
    -o Dir::State::Lists="$work/lists" -o Dir::State::Status="$work/status" -o Dir::Cache="$work" \
    -o APT::Sandbox::User="$(id -un)" -o APT::Install-Recommends=false -o Dir::Cache::Archives="$work/debs" -o Acquire::Languages=none -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false \
    -o DPkg::Post-Invoke= -o APT::Update::Post-Invoke= -o APT::Update::Post-Invoke-Success= "$@"
}

echo "Fetching $* of Debian $release"
private_apt update
# shellcheck disable=SC2086  # the option's words
(cd "$work/debs" && private_apt $fetch "$@" >"$work/log") || { cat "$work/log" >&2; exit 1; }
mkdir -p "$folder"
for package in "$work"/debs/*.deb; do
  dpkg-deb --extract "$package" "$folder"
done
