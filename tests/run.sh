#!/usr/bin/env bash
# Installs what is missing, builds, and runs the tests: tests/run.sh [--sanitize | --long | --faults]
#   --sanitize  with the address and undefined-behaviour sanitizers, in build-sanitize
#   --faults    also every kill and every failing call of tests/faults, for hours
#   --long      also what takes longer: quickstart, and real images where QUANTDYN_CIFAR10 names their folder
# Tests of pretrained nets need QUANTDYN_SHARED/data/mlperf-tiny/ (default of QUANTDYN_SHARED: ../shared); without it they are skipped.
# A skipped test shows as SKIP, or as a line "n cases skipped" at the end of its program's log.
set -euo pipefail
cd "$(dirname "$0")/.."

mode="${1:-}"
case "$mode" in
  "" | --sanitize | --long | --faults) ;;
  *) sed -n '2,7p' "$0" >&2; exit 2 ;;
esac

experiments/install_packages.sh --tests
folder=build
options=(--buildtype=release)
if [ "$mode" = --sanitize ]; then
  folder=build-sanitize
  options=(--buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false)
fi
[ -f "$folder/build.ninja" ] || meson setup "$folder" "${options[@]}" -Dtests=enabled
meson configure "$folder" -Dtests=enabled -Dpkgconfig.relocatable=true  # also where the folder is older than these defaults
ninja -C "$folder"
meson test -C "$folder" --print-errorlogs

if [ "$mode" = --long ]; then experiments/quickstart.sh; fi
if [ "$mode" = --faults ]; then
  python3 tests/faults/faults.py build/quantdyn build/tests/faults/libfault_shim.so build/tests/faults/same_result --long
fi
