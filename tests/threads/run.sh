#!/bin/sh
# Builds with Clang's ThreadSanitizer in build-threads, and runs what works on several threads: tests/threads/run.sh
# Loader, writer, kernels, and two training runs of the program (experiment.yaml). Exit code 1 if a race is reported, or if
# a test or a run fails. Debian packages: those of experiments/install_packages.sh --tests, and
# clang libclang-rt-14-dev libomp-14-dev libblis4-serial; with ccache a second build is quick.
set -eu
cd "$(dirname "$0")/../.."

# Without archer the sanitizer would not know how OpenMP's threads wait for each other, and report what is no race.
archer=/usr/lib/llvm-14/lib/libarcher.so
# The default BLIS runs on GCC's OpenMP, a second one in the process, of which archer knows nothing.
blis=$(dirname "$(ls /usr/lib/*/blis-serial/libblis.so.4 2>/dev/null || echo missing/)")
for file in "$(command -v clang++ || echo clang++)" "$archer" "$blis/libblis.so.4"; do
  [ -f "$file" ] || { echo "no $file; apt-get install clang libclang-rt-14-dev libomp-14-dev libblis4-serial" >&2; exit 2; }
done

. tests/clang_flags.sh
flags="-O1 -g1 -fno-omit-frame-pointer -fsanitize=thread $one_instruction_set"
if [ ! -f build-threads/build.ninja ]; then
  meson setup build-threads --buildtype=plain -Db_ndebug=false -Dtests=enabled -Db_pch=true -Db_lundef=false \
    -Dcpp_args="$flags" -Dcpp_link_args=-fsanitize=thread
fi
ninja -C build-threads quantdyn tests/data/test_data tests/framework/test_framework tests/layers/test_layers tests/stats/test_stats

# Threads that wait do not spin: the sanitizer makes everything slow enough.
export OMP_WAIT_POLICY=passive OMP_NUM_THREADS=4 OMP_TOOL_LIBRARIES=$archer ARCHER_OPTIONS=verbose=1 LD_LIBRARY_PATH=$blis
# Archer asks for ignore_noninstrumented_modules=1; leaving out libomp alone, by suppressions.txt, hides less.
export TSAN_OPTIONS="suppressions=$PWD/tests/threads/suppressions.txt:print_suppressions=0:second_deadlock_stack=1"

status=0
# check NAME COMMAND...: one line about it; what it printed is in build-threads/NAME.log.
check() {
  name=$1 log=build-threads/$1.log outcome=passed
  shift
  "$@" > "$log" 2>&1 || outcome="failed, exit code $?"
  races=$(grep -c 'WARNING: ThreadSanitizer' "$log" || true)
  grep -q 'Archer detected OpenMP application with TSan' "$log" || outcome="$outcome, without archer"
  echo "$name: $outcome, $races reports"
  [ "$outcome, $races" = "passed, 0" ] || { status=1; grep 'SUMMARY: ThreadSanitizer' "$log" | sort | uniq -c; }
}
check data build-threads/tests/data/test_data --run_test='!*/real_*'
check framework build-threads/tests/framework/test_framework --run_test=background_test,threads_test,durable_file_test,frame_test,h5_test
check layers build-threads/tests/layers/test_layers
check stats build-threads/tests/stats/test_stats
check program build-threads/quantdyn run tests/threads/experiment.yaml --threads 4 --fresh --force --output build-threads/run
exit $status
