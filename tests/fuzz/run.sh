#!/bin/sh
# Builds the fuzz targets with Clang and libFuzzer in build-fuzz, and runs each for MINUTES, one after the other:
#   tests/fuzz/run.sh MINUTES [TARGET...]
# Prints executions, coverage and findings of each. An input that crashes, takes over 2 s or 1 GB, or leaks is a finding,
# kept in build-fuzz/findings/TARGET; exit code 1 if there is one. Inputs that reach new code stay in build-fuzz/corpus/TARGET.
set -eu
cd "$(dirname "$0")/../.."
all="options network cifar idx hdf5 keras onnx snapshot result"

minutes=${1:-}
case "$minutes" in
  "" | *[!0-9]*) sed -n '2,6p' "$0" >&2; exit 2 ;;
esac
shift
targets=${*:-$all}
for target in $targets; do
  case " $all " in
    *" $target "*) ;;
    *) echo "no target '$target'; there are: $all" >&2; exit 2 ;;
  esac
done

flags="-O1 -g1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined"
# Parsers of foreign bytes then run in the process itself, and kernels are built for one instruction set.
flags="$flags -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION -DHWY_COMPILE_ONLY_STATIC"
ccache=$(command -v ccache || true)
if [ ! -f build-fuzz/build.ninja ]; then
  CC="$ccache clang" CXX="$ccache clang++" meson setup build-fuzz --buildtype=plain -Dtests=disabled -Dfuzz=enabled \
    -Db_lundef=false -Dcpp_args="$flags" -Dcpp_link_args="-fsanitize=address,undefined"
fi
for target in $targets; do programs="${programs:-} tests/fuzz/fuzz_$target"; done
ninja -C build-fuzz $programs

# libhdf5 asks for memory that it may not get; it must say so.
export ASAN_OPTIONS=allocator_may_return_null=1:detect_stack_use_after_return=0 UBSAN_OPTIONS=print_stacktrace=1
export OMP_NUM_THREADS=1
# Where libhdf5 opens its files: in memory, if there is such a folder.
QUANTDYN_FUZZ_FOLDER=$(mktemp -d /dev/shm/quantdyn-fuzz.XXXXXX 2>/dev/null || mktemp -d)
export QUANTDYN_FUZZ_FOLDER
trap 'rm -rf "$QUANTDYN_FUZZ_FOLDER"' EXIT
trap 'exit 130' INT TERM
table=build-fuzz/table.txt
printf '%-10s %12s %9s %9s %9s\n' target executions coverage inputs findings > "$table"
status=0
for target in $targets; do
  findings=build-fuzz/findings/$target corpus=build-fuzz/corpus/$target
  mkdir -p "$findings" "$corpus"
  seeds=tests/fuzz/seeds/$target dictionary=
  case "$target" in
    options | network) seeds="experiments/networks tests/fuzz/seeds/$target" dictionary=-dict=tests/fuzz/yaml.dict length=4096 ;;
    cifar) length=8192 ;;
    idx) length=4096 ;;
    *) length=100000 ;;
  esac
  [ "$target" != onnx ] || seeds=
  # In its fork mode libFuzzer goes on after a finding.
  build-fuzz/tests/fuzz/fuzz_"$target" -fork=1 -ignore_crashes=1 -ignore_timeouts=1 -ignore_ooms=1 \
    -timeout=2 -rss_limit_mb=1024 -max_total_time=$((minutes * 60)) -max_len=$length $dictionary \
    -artifact_prefix="$findings/" "$corpus" $seeds > "build-fuzz/$target.log" 2>&1 || true
  line=$(grep '^#[0-9]*: cov:' "build-fuzz/$target.log" | tail -1)
  found=$(find "$findings" -type f | wc -l)
  [ "$found" -eq 0 ] || status=1
  # "#52: cov: 11 ft: 12 corp: 3 exec/s 26 ..."
  set -- $line
  number=${1:-#0:}
  number=${number#\#}
  printf '%-10s %12s %9s %9s %9s\n' "$target" "${number%:}" "${3:--}" "${7:--}" "$found" >> "$table"
done
cat "$table"
exit $status
