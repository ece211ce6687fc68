#!/usr/bin/env bash
# Installs what is missing, builds, and runs the tests, all or the named ones:
#   tests/run.sh [--sanitize | --long | --faults] [TEST...]
#   --sanitize  with Clang's address and undefined-behaviour sanitizers, in build-sanitize
#   --faults    also every kill and every failing call of tests/faults, for hours
#   --long      also what takes longer: quickstart, several processes over MPI, Slurm, NFS, other processors in an emulator, Debian's
#               packages on Debian 12 and 13, and real images where QUANTDYN_CIFAR10 names their folder
# Tests of pretrained nets need QUANTDYN_SHARED/data/mlperf-tiny/ (default of QUANTDYN_SHARED: ../shared); without it they are skipped.
# A skipped test shows as SKIP, or as a line "n cases skipped" at the end of its program's log.
set -euo pipefail
cd "$(dirname "$0")/.."

mode=
case "${1:-}" in
  --sanitize | --long | --faults) mode=$1; shift ;;
  -*) sed -n '2,9p' "$0" >&2; exit 2 ;;
esac

folder=build
options=(--buildtype=release)
tests=("$@")
if [ "$mode" = --sanitize ]; then
  experiments/install_packages.sh --sanitize
  folder=build-sanitize
  . tests/clang_flags.sh
  # Clang does not name its sanitizer as GCC does. At -O1 it leaves some `omp simd` loops as they are, and says so.
  flags="-g1 -fno-sanitize-recover=undefined -D__SANITIZE_ADDRESS__ -Wno-pass-failed $one_instruction_set"
  options=(--buildtype=plain -Doptimization=1 -Db_sanitize=address,undefined -Db_lundef=false
    "-Dc_args=$flags" "-Dcpp_args=$flags" -Dcpp_link_args=-fno-sanitize-recover=undefined)
  # A request for too much memory is refused, as it is without sanitizers.
  export ASAN_OPTIONS=allocator_may_return_null=1:detect_stack_use_after_return=0 UBSAN_OPTIONS=print_stacktrace=1
  export LSAN_OPTIONS=suppressions=$PWD/tests/leaks.txt:print_suppressions=0
  settings=(--timeout-multiplier 5)
  precompiled=true
else
  experiments/install_packages.sh --tests
  settings=()
  precompiled=false
fi
if [ ! -f "$folder/build.ninja" ]; then
  compiler=${CXX:-c++}
  case $("${compiler##* }" -dumpversion) in  # a warning of GCC 12 or Clang 14 is an error; others may have more of them
    12 | 14.*) options+=(-Dwerror=true) ;;
  esac
  meson setup "$folder" "${options[@]}" -Dtests=enabled
fi
export OMP_WAIT_POLICY=passive  # tests run beside each other: a thread that waits leaves its core
# Also where the folder is older than these defaults.
meson configure "$folder" -Dtests=enabled -Dpkgconfig.relocatable=true -Db_pch=$precompiled
[ ${#tests[@]} -gt 0 ] || ninja -C "$folder"
meson test -C "$folder" --print-errorlogs "${settings[@]}" "${tests[@]}"

if [ "$mode" = --long ]; then
  experiments/quickstart.sh
  experiments/install_packages.sh --mpi
  tests/mpi/run.sh
  tests/cluster/run.sh
  experiments/install_packages.sh --processors
  tests/processors/run.sh
  tests/packages/run.sh bookworm
  tests/packages/run.sh trixie
fi
if [ "$mode" = --faults ]; then
  python3 tests/faults/faults.py build/quantdyn build/tests/faults/libfault_shim.so build/tests/faults/same_result --long
fi
