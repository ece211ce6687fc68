#include "framework/base/gemm.h"

#include <blis.h>

#include <cstdlib>

namespace quantdyn {

void start_gemm() {
#if defined(__x86_64__)
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  if (avx512) setenv("BLIS_ARCH_TYPE", std::to_string(BLIS_ARCH_SKX).c_str(), 0);
#endif
  bli_init();
  bli_thread_set_num_threads(1);
}

void gemm(int64_t m, int64_t n, int64_t k, Matrix<const float> a, Matrix<const float> b,
          Matrix<float> c, Accumulate accumulate) {
  float one = 1, beta = accumulate == Accumulate::yes ? 1 : 0;
  // BLIS reads A and B only, but its interface is not const-correct.
  bli_sgemm(BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, m, n, k, &one, const_cast<float*>(a.data),
            a.row_stride, a.column_stride, const_cast<float*>(b.data), b.row_stride,
            b.column_stride, &beta, c.data, c.row_stride, c.column_stride);
}

std::string gemm_architecture() { return bli_arch_string(bli_arch_query_id()); }
std::string gemm_version() { return bli_info_get_version_str(); }

}  // namespace quantdyn
