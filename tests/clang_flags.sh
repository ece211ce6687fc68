# Sourced by the scripts that build with Clang and a sanitizer: sets CC and CXX, with ccache where there is one, and
# one_instruction_set, the flags that build each kernel for one instruction set (AVX2 where there is it): all take long to compile.
one_instruction_set=-DHWY_COMPILE_ONLY_STATIC
if grep -qw avx2 /proc/cpuinfo; then
  one_instruction_set="$one_instruction_set -march=x86-64-v3 -maes -mpclmul"
fi
ccache=$(command -v ccache || true)
export CC="$ccache clang" CXX="$ccache clang++"
