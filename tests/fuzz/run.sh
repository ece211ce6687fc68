#!/bin/sh
# Builds the fuzz targets with Clang and libFuzzer in build-fuzz, and runs each for MINUTES, one after the other:
#   tests/fuzz/run.sh MINUTES [TARGET...]
# Prints executions in this run and in all runs so far, coverage and findings of each. An input that crashes, takes over 2 s of processor
# time or 1 GB, or leaks is a finding, kept in build-fuzz/findings/TARGET; exit code 1 if there is one. What goes wrong within libhdf5 or
# libonnx is counted as `library`: in the program, a child process reads these formats. Inputs that reach new code stay in
# build-fuzz/corpus/TARGET.
set -eu
cd "$(dirname "$0")/../.."
all="options network cifar idx hdf5 keras onnx checkpoint snapshot result"

minutes=${1:-}
case "$minutes" in
  "" | *[!0-9]*) sed -n '2,8p' "$0" >&2; exit 2 ;;
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

# libhdf5 asks for memory that it may not get, as in a child process of the program; it must say so.
ASAN_OPTIONS=allocator_may_return_null=1:max_allocation_size_mb=1024:detect_stack_use_after_return=0
export ASAN_OPTIONS=$ASAN_OPTIONS:quarantine_size_mb=32:malloc_context_size=4:max_malloc_fill_size=0 UBSAN_OPTIONS=print_stacktrace=1
# Some refusals of libhdf5 leak a few bytes within it; each is in a process of its own in the program.
echo leak:libhdf5 > build-fuzz/suppressions.txt
export LSAN_OPTIONS=suppressions=build-fuzz/suppressions.txt:print_suppressions=0 OMP_NUM_THREADS=1
# Where libhdf5 opens its files: in memory, if there is such a folder.
QUANTDYN_FUZZ_FOLDER=$(mktemp -d /dev/shm/quantdyn-fuzz.XXXXXX 2>/dev/null || mktemp -d)
export QUANTDYN_FUZZ_FOLDER
trap 'rm -rf "$QUANTDYN_FUZZ_FOLDER"' EXIT
# The fuzzer, which gets the signal too, then says how far it came.
stopped=
trap 'stopped=1' INT TERM

# Whether the innermost function of a report is libhdf5's or libonnx's, and works on memory of its own.
is_of_library() {
  frames=$(grep -E '^ +#[0-9]+ ' "$1")
  # A signal that ended it after 2 s: what it interrupted is the tenth.
  ! grep -q 'took over 2 s' "$1" || frames=$(printf '%s\n' "$frames" | tail -n +10)
  place=$(printf '%s\n' "$frames" | grep -v -e ' in malloc ' -e ' in free ' -e ' in realloc ' -e '[Ii]nterceptor' -e sanitizer -e 'fuzzer::' -e libc.so -e sysdeps -e '/\./' | head -1)
  case "$place" in
    *libhdf5* | *libonnx* | *libprotobuf* | *" onnx::"* | *" google::protobuf"*) ;;
    *) return 1 ;;
  esac
  # Too much memory is told by a list of all memory, ours with it.
  case "$input" in */oom-*) return 0 ;; esac
  ! grep -q -e 'operator new' -e "$2" "$1"
}

# Whether a report without names tells of the C library's memcpy, free or the like, and of memory: all called by libhdf5 or libonnx.
is_called_by_library() {
  place=$(sed -n 's/^ *#0 .*fuzz_[a-z0-9]*+\(0x[0-9a-f]*\)).*/\1/p' "$1" | head -1)
  [ -n "$place" ] || return 1
  case "$(addr2line -f -e build-fuzz/tests/fuzz/fuzz_"$target" "$place" | head -1)" in
    mem* | str* | free | malloc | calloc | realloc) ;;
    *) return 1 ;;
  esac
  ! grep -E '^ +#1 ' "$1" | grep -q -v -e libhdf5 -e libonnx -e libprotobuf
}

# Sorts what the process found that wrote the log. Forgets what only took memory because of the inputs before it. What goes wrong
# within libhdf5 or libonnx goes to the folder `library`: a child process meets it in the program.
sort_finding() {
  input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -1)
  [ -f "$input" ] || return 0
  report=build-fuzz/report.txt
  # Naming functions takes seconds; without names, memory that was allocated may be ours.
  if ! is_of_library "$log" 'allocated by' && ! is_called_by_library "$log"; then
    cp "$log" "$findings/$(basename "$input").log"
    if build-fuzz/tests/fuzz/fuzz_"$target" -rss_limit_mb=1024 "$input" > $report 2>&1; then
      case "$input" in */oom-*) rm "$input" "$findings/$(basename "$input").log" ;; esac
      return
    fi
    is_of_library $report 'no such text' || return 0
    rm "$findings/$(basename "$input").log"
  fi
  mv "$input" "$findings/library/"
}

# Fuzzes for what is left of the time; after a finding, in a new process. libFuzzer's own fork mode starts processes far more often.
fuzz_until() {
  executed=0 coverage=- inputs=-
  while left=$(($1 - $(date +%s))) && [ "$left" -gt 0 ] && [ -z "$stopped" ]; do
    ASAN_OPTIONS=$ASAN_OPTIONS:symbolize=0 build-fuzz/tests/fuzz/fuzz_"$target" -max_total_time=$left -print_final_stats=1 -rss_limit_mb=1024 -report_slow_units=86400 -entropic=0 \
      -max_len=$length $dictionary -artifact_prefix="$findings/" "$corpus" $seeds > "$log" 2>&1 && ended=0 || ended=$?
    # "stat::number_of_executed_units: 1234", "#1234 DONE cov: 11 ft: 12 corp: 3/40b ..."
    count=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1)
    executed=$((executed + ${count:-0}))
    set -- "$1" $(grep -o 'cov: [0-9]* ft: [0-9]* corp: [0-9]*' "$log" | tail -1)
    coverage=${3:-$coverage} inputs=${7:-$inputs}
    [ -n "${count:-}" ] || { echo "$target ended with exit code $ended; see $log" >&2; return 1; }
    sort_finding
  done
}

table=build-fuzz/table.txt
printf '%-10s %12s %12s %9s %9s %9s %9s\n' target executions 'so far' coverage inputs library findings > "$table"
status=0
mkdir -p build-fuzz/executions
for target in $targets; do
  [ -z "$stopped" ] || exit 130
  findings=build-fuzz/findings/$target corpus=build-fuzz/corpus/$target log=build-fuzz/$target.log
  mkdir -p "$findings/library" "$corpus"
  seeds=tests/fuzz/seeds/$target dictionary=
  case "$target" in
    options) dictionary=-dict=tests/fuzz/yaml.dict length=512 ;;
    network) dictionary=-dict=tests/fuzz/yaml.dict length=1024 ;;
    cifar) length=6200 ;;
    idx) length=1024 ;;
    *) length=100000 ;;
  esac
  [ "$target" != onnx ] || seeds=
  fuzz_until $(($(date +%s) + minutes * 60)) || status=1
  total=build-fuzz/executions/$target
  so_far=$(($(cat "$total" 2>/dev/null || echo 0) + executed))
  echo $so_far > "$total"
  found=$(find "$findings" -maxdepth 1 -type f ! -name '*.log' | wc -l) library=$(find "$findings/library" -type f | wc -l)
  [ "$found" -eq 0 ] || status=1
  printf '%-10s %12s %12s %9s %9s %9s %9s\n' "$target" "$executed" "$so_far" "$coverage" "$inputs" "$library" "$found" >> "$table"
done
cat "$table"
exit $status
