// The one door to BLIS: single-threaded matrix products with explicit strides.
#pragma once

#include <cstdint>
#include <string>

namespace quantdyn {

/// A row-major or column-major matrix in memory; nothing is transposed by copy.
template <typename T>
struct Matrix {
  T* data;
  int64_t row_stride, column_stride;

  Matrix transposed() const { return {data, column_stride, row_stride}; }
};

/// Whether C is overwritten or added to.
enum class Accumulate { no, yes };

/// C [m,n] (+)= A [m,k] B [k,n], in float32, on the calling thread.
///
/// The bits depend only on m, n, k and the strides. Call start_gemm() first.
void gemm(int64_t m, int64_t n, int64_t k, Matrix<const float> a, Matrix<const float> b,
          Matrix<float> c, Accumulate accumulate);

/// Picks BLIS's kernels for this CPU: wherever there is AVX-512 those for it, so that all such
/// processors give the same bits. Left alone, BLIS 0.9 falls back to scalar code on Zen 5 (measured
/// on one: 39 GF/s; with its AVX-512 kernels 200), and to AVX2 on an Intel Xeon whose model name a
/// virtual machine hides. BLIS_ARCH_TYPE overrides.
void start_gemm();
/// The kernels in use, "skx", and BLIS's version.
std::string gemm_architecture();
std::string gemm_version();

}  // namespace quantdyn
