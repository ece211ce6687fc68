#!/bin/sh
# Finds bugs and needless cost with clang-tidy 14 (.clang-tidy says what): tests/tidy.sh [FILE.cpp...]
# Without names, all sources but the tests, which sanitizers run. A header is checked with the sources that include it.
# Exit code 1 if there is a finding. Debian packages: those of experiments/install_packages.sh --tests, and
# clang clang-tidy libomp-dev.
set -eu
cd "$(dirname "$0")/.."
for tool in clang++ clang-tidy; do
  command -v $tool >/dev/null || { echo "no $tool; apt-get install clang clang-tidy libomp-dev" >&2; exit 2; }
done
for file in "$@"; do
  case "$file" in *.cpp) [ -f "$file" ] && continue ;; esac
  echo "$file: no such source; accepted: the names of .cpp files, from the folder of the repository" >&2
  exit 2
done

if [ ! -f build-tidy/build.ninja ]; then
  CC=clang CXX=clang++ meson setup build-tidy --buildtype=plain -Db_ndebug=false -Dtests=enabled -Dcpp_args=-DHWY_COMPILE_ONLY_STATIC
fi
ninja -C build-tidy experiments/revision.h
# A program of the plugin example is no part of the build.
[ $# -gt 0 ] || set -- $(git ls-files '*.cpp' | grep -v -e '^tests/' -e '^experiments/plugin_example/')

status=0
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 1 clang-tidy -p build-tidy --quiet --warnings-as-errors='*' \
  > build-tidy/findings.txt 2> build-tidy/errors.txt || status=1
cat build-tidy/findings.txt
# What is left here is a failure of clang-tidy itself.
grep -v ' warnings\{0,1\} \(generated\|treated\)' build-tidy/errors.txt >&2 || true
echo "$# files, $(grep -c 'error:.*warnings-as-errors' build-tidy/findings.txt) findings"
exit $status
