#!/usr/bin/env bash
# From a bare Debian 12 to a first answer: installs what is missing, builds, trains a depthwise-separable net and
# its regular twin on the built-in images, quantizes both to 8 and 4 bits and prints one table. Results: results/quickstart/.
set -euo pipefail
cd "$(dirname "$0")/.."

experiments/install_packages.sh
[ -f build/build.ninja ] || meson setup build --buildtype=release
# shellcheck disable=SC2046 # the schemas for editors, in folders that have them: two words
ninja -C build quantdyn $(ninja -C build -t targets all | sed -n "s/^\([a-z]*\.schema\.json\):.*/\1/p")

build/quantdyn run experiments/quickstart.yaml --force "$@"
