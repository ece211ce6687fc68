#include "layers/fused/code_tiles.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace quantdyn {

#if defined(__x86_64__)
namespace {

/// One instruction adds the four products of a quad to a sum (AVX-512 VNNI).
struct VnniTiles {
  template <int rows, int blocks>
  __attribute__((target("avx512f,avx512vnni"))) static void sums(const CodeTile& tile,
                                                                 int32_t* to) {
    __m512i sum[rows][blocks];
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < blocks; ++j) sum[i][j] = _mm512_setzero_si512();
    const int8_t* weight = tile.weight;
    for (int64_t s = 0; s < tile.segments; ++s) {
      const uint8_t* at = tile.x + s * tile.segment;
      for (int64_t q = 0; q < tile.quads; ++q, at += 4, weight += 4 * block_columns) {
        __m512i right[blocks];
#pragma GCC unroll 4
        for (int j = 0; j < blocks; ++j) right[j] = _mm512_loadu_si512(weight + j * tile.block);
#pragma GCC unroll 8
        for (int i = 0; i < rows; ++i) {
          const __m512i left = _mm512_set1_epi32(quad_at(at + i * tile.row));
#pragma GCC unroll 4
          for (int j = 0; j < blocks; ++j)
            sum[i][j] = _mm512_dpbusd_epi32(sum[i][j], left, right[j]);
        }
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < blocks; ++j)
        _mm512_storeu_si512(to + (i * blocks + j) * block_columns, sum[i][j]);
  }
};

}  // namespace

const TileKernels* vnni_tiles() {
  static constexpr TileKernels tiles = make_tiles<VnniTiles>(6, 4);
  static const bool has_vnni = __builtin_cpu_supports("avx512vnni");
  return has_vnni ? &tiles : nullptr;
}
#else
const TileKernels* vnni_tiles() { return nullptr; }
#endif

}  // namespace quantdyn
