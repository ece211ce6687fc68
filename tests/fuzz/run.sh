#!/bin/sh
# Builds the fuzz targets with Clang and libFuzzer in build-fuzz, and runs each for MINUTES, one after the other:
#   tests/fuzz/run.sh MINUTES [TARGET...]
# Prints executions, coverage and findings of each. An input that crashes, takes over 2 s or 1 GB, or leaks is a finding,
# kept in build-fuzz/findings/TARGET; exit code 1 if there is one. What goes wrong within libhdf5 or libonnx is counted as
# `library`: in the program, a child process reads these formats. Inputs that reach new code stay in build-fuzz/corpus/TARGET.
set -eu
cd "$(dirname "$0")/../.."
all="options network cifar idx hdf5 keras onnx checkpoint snapshot result"

minutes=${1:-}
case "$minutes" in
  "" | *[!0-9]*) sed -n '2,7p' "$0" >&2; exit 2 ;;
esac
shift
targets=${*:-$all}
for target in $targets; do
  case " $all " in
    *" $target "*) ;;
    *) echo "no target '$target'; there are: $all" >&2; exit 2 ;;
  esac
done

. tests/clang_flags.sh
flags="-O1 -g1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined"
# Parsers of foreign bytes then run in the process itself.
flags="$flags $one_instruction_set -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION"
if [ ! -f build-fuzz/build.ninja ]; then
  meson setup build-fuzz --buildtype=plain -Dtests=disabled -Dfuzz=enabled \
    -Db_lundef=false -Dcpp_args="$flags" -Dcpp_link_args="-fsanitize=address,undefined"
fi
for target in $targets; do programs="${programs:-} tests/fuzz/fuzz_$target"; done
ninja -C build-fuzz $programs

# libhdf5 asks for memory that it may not get; it must say so.
export ASAN_OPTIONS=allocator_may_return_null=1:detect_stack_use_after_return=0 UBSAN_OPTIONS=print_stacktrace=1
# Some refusals of libhdf5 leak a few bytes within it; each is in a process of its own in the program.
echo leak:libhdf5 > build-fuzz/suppressions.txt
export LSAN_OPTIONS=suppressions=build-fuzz/suppressions.txt:print_suppressions=0 OMP_NUM_THREADS=1
# Where libhdf5 opens its files: in memory, if there is such a folder.
QUANTDYN_FUZZ_FOLDER=$(mktemp -d /dev/shm/quantdyn-fuzz.XXXXXX 2>/dev/null || mktemp -d)
export QUANTDYN_FUZZ_FOLDER
trap 'rm -rf "$QUANTDYN_FUZZ_FOLDER"' EXIT
trap 'exit 130' INT TERM

# Runs each finding again. Forgets what only took long because the machine was busy. What goes wrong within libhdf5 or
# libonnx, on memory of its own, goes to the folder `library`: a child process meets it in the program.
sort_findings() {
  for input in "$findings"/*-*; do
    [ -f "$input" ] || continue
    report=build-fuzz/report.txt
    if (ulimit -t 10; exec build-fuzz/tests/fuzz/fuzz_"$target" -timeout=2 -rss_limit_mb=1024 "$input") > $report 2>&1; then
      case "$input" in */timeout-* | */slow-* | */oom-*) rm "$input" ;; esac
      continue
    fi
    place=$(grep -E '^ +#[0-9]+ ' $report | grep -v -e ' in malloc ' -e interceptor -e sanitizer -e 'fuzzer::' -e libc.so -e sysdeps | head -1)
    case "$place" in
      *libhdf5* | *libonnx* | *libprotobuf* | *" onnx::"* | *" google::protobuf"*)
        grep -q 'operator new' $report || mv "$input" "$findings/library/" ;;
    esac
  done
}

table=build-fuzz/table.txt
printf '%-10s %12s %9s %9s %9s %9s\n' target executions coverage inputs library findings > "$table"
status=0
for target in $targets; do
  findings=build-fuzz/findings/$target corpus=build-fuzz/corpus/$target
  mkdir -p "$findings/library" "$corpus"
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
  sort_findings
  line=$(grep '^#[0-9]*: cov:' "build-fuzz/$target.log" | tail -1)
  found=$(find "$findings" -maxdepth 1 -type f | wc -l) library=$(find "$findings/library" -type f | wc -l)
  [ "$found" -eq 0 ] || status=1
  # "#52: cov: 11 ft: 12 corp: 3 exec/s 26 ..."
  set -- $line
  number=${1:-#0:}
  number=${number#\#}
  printf '%-10s %12s %9s %9s %9s %9s\n' "$target" "${number%:}" "${3:--}" "${7:--}" "$library" "$found" >> "$table"
done
cat "$table"
exit $status
