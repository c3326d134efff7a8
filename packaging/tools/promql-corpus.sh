#!/bin/sh
# Puts the expressions with which Prometheus tests its own language into FOLDER: promql-corpus.sh FOLDER
# They come with Prometheus' Go module, of this version and with these contents and no others.
set -eu

module=github.com/prometheus/prometheus@v0.305.3
sum=h1:LzXTBJasd61l8kD/RcpwoiJ95v2Txkb3vZJX74uEe2E=

command -v go >/dev/null || "$(dirname "$0")/../system-packages.sh" golang-go
told=$(cd / && go mod download -json "$module")
field() { echo "$told" | sed -n "s/.*\"$1\": \"\(.*\)\".*/\1/p"; }
[ "$(field Sum)" = "$sum" ] || { echo "$module is not what it was: $(field Sum)" >&2; exit 1; }

rm -rf "$1"
mkdir -p "$1"
install -m 644 "$(field Dir)"/promql/promqltest/testdata/*.test "$1"
