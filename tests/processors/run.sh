#!/usr/bin/env bash
# Runs on processors that this machine lacks, in an emulator: tests/processors/run.sh
# Runs build/quantdyn on an x86 without AVX-512: the small experiment of this folder must give the bits that it gives here. Then
# cross-builds for aarch64 in build-aarch64 and runs tests of the kernels there, with hashes of results found on x86. Debian's
# arm64 libraries are unpacked in build-aarch64/root; the system's packages stay as they are. What cannot be had here is left out
# with a line that says so. Exit code 1 if a test fails or a bit differs. Debian packages: those of
# experiments/install_packages.sh --processors.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=build-aarch64 root=$PWD/build-aarch64/root

skip() { echo "SKIP: tests/processors: $*"; exit 0; }
[ "$(uname -m)" = x86_64 ] || skip "this machine is no x86-64"
for tool in aarch64-linux-gnu-g++ mmdebstrap qemu-aarch64 qemu-x86_64; do
  command -v $tool > /dev/null || skip "no $tool; run experiments/install_packages.sh --processors"
done

mkdir -p $build
export OMP_WAIT_POLICY=passive
status=0

# check NAME COMMAND...: one line about it; what it printed is in build-aarch64/NAME.log.
check() {
  local name=$1 outcome=passed start=$SECONDS
  shift
  "$@" > "$build/$name.log" 2>&1 || { outcome="failed, exit code $?; see $build/$name.log"; status=1; }
  echo "$name: $outcome, $((SECONDS - start)) s"
}
# run NAME COMMAND...: the experiment, into $build/NAME.
run() { check "$1" "${@:2}" run tests/processors/experiment.yaml --quiet --threads 2 --force --fresh --output "$build/$1"; }
if [ -x build/quantdyn ]; then
  run here build/quantdyn
  run avx2 qemu-x86_64 -cpu max build/quantdyn
  build/quantdyn compare $build/here/result.h5 $build/avx2/result.h5 > $build/avx2.compare || true
  if grep -q 'all numbers are equal to the last bit' $build/avx2.compare; then
    echo "avx2: the bits of this machine"
  else
    echo "avx2: differs from this machine; see $build/avx2.compare"
    status=1
  fi
else
  echo "SKIP: tests/processors, avx2: no build/quantdyn"
fi

# Maintainer scripts do not run, so the links that they make are made here.
if [ ! -d "$root" ]; then
  packages=$(experiments/install_packages.sh --libraries | tr '\n' ,)libboost-test-dev
  rm -rf "$root.part"
  mmdebstrap --quiet --variant=extract --architectures=arm64 --include="$packages" bookworm "$root.part" > $build/root.log 2>&1 ||
    { echo "SKIP: tests/processors, aarch64: Debian's arm64 libraries cannot be had: $(tail -n 1 $build/root.log)"; exit $status; }
  lib=$root.part/usr/lib/aarch64-linux-gnu
  ln -s hdf5-serial.pc "$lib/pkgconfig/hdf5.pc"
  ln -s blis-openmp/libblis.so blis-openmp/libblis.so.4 "$lib"
  ln -s blis-openmp/blis.h "$root.part/usr/include/aarch64-linux-gnu"
  mv "$root.part" "$root"
fi

cat > $build/cross.ini << END
[constants]
root = '$root'
[binaries]
c = ['aarch64-linux-gnu-gcc', '--sysroot=' + root]
cpp = ['aarch64-linux-gnu-g++', '--sysroot=' + root]
ar = 'aarch64-linux-gnu-ar'
strip = 'aarch64-linux-gnu-strip'
pkgconfig = 'pkg-config'
exe_wrapper = ['qemu-aarch64', '-L', root]
[properties]
sys_root = root
pkg_config_libdir = [root / 'usr/lib/aarch64-linux-gnu/pkgconfig', root / 'usr/share/pkgconfig']
boost_root = root / 'usr'
[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
END
# A precompiled header makes the build shorter; with GCC a warning of it would be an error with -Dwerror=true.
[ -f $build/build.ninja ] || meson setup $build --cross-file $build/cross.ini --buildtype=release -Dtests=enabled -Db_pch=true
ninja -C $build tests/layers/test_layers tests/quant/test_quant tests/stats/test_stats

# Not the tests that take long there. The processor has no SVE, as most have none.
aarch64() { check "aarch64-$1" qemu-aarch64 -L "$root" -cpu cortex-a72 "$build/tests/$1/test_$1" "${@:2}"; }
aarch64 stats
aarch64 layers --run_test=portable_bits_test,products_test,code_sums_test,backward_test
aarch64 quant '--run_test=portable_bits*,kernels,gradient_passing,extreme_rows'
exit $status
