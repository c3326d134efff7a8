#!/bin/sh
# Puts the definitions of the Prometheus operator's objects that the chart writes into FOLDER: operator-crds.sh FOLDER
# They come with the operator's Go module, of this version and with these contents and no others.
set -eu

module=github.com/prometheus-operator/prometheus-operator@v0.85.0
sum=h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=

command -v go >/dev/null || "$(dirname "$0")/../system-packages.sh" golang-go
told=$(cd / && go mod download -json "$module")
field() { echo "$told" | sed -n "s/.*\"$1\": \"\(.*\)\".*/\1/p"; }
[ "$(field Sum)" = "$sum" ] || { echo "$module is not what it was: $(field Sum)" >&2; exit 1; }

rm -rf "$1"
mkdir -p "$1"
for kind in podmonitors prometheusrules scrapeconfigs alertmanagerconfigs; do
  install -m 644 "$(field Dir)/jsonnet/prometheus-operator/$kind-crd.json" "$1"
done
