#include "layers/fused/code_tiles.h"

#include "layers/fused/vnni_codes.h"

namespace quantdyn {

#if defined(__x86_64__)
namespace {

/// One instruction adds the four products of a quad to a sum (AVX-512 VNNI).
struct VnniTiles {
  template <int rows, int blocks>
  QUANTDYN_VNNI static void sums(const CodeTile& tile, int32_t* to) {
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

/// A row of `blocks` vectors of sums.
template <int blocks>
QUANTDYN_VNNI inline void row_to_codes(const vnni::Finish& finish, const TileMap& map,
                                       const int32_t* sums, int64_t row, uint64_t written,
                                       uint8_t* to) {
  const float* const scale = map.map.scale.data() + map.first;
  const float* const shift = map.map.shift.data() + map.first;
  const auto sum_of = [&](int64_t c) QUANTDYN_VNNI {
    const __m512i sum =
        _mm512_add_epi32(_mm512_loadu_si512(sums + c), _mm512_loadu_si512(map.constant + c));
    if (!map.of_row_sum) return sum;
    return _mm512_add_epi32(sum, _mm512_mullo_epi32(_mm512_set1_epi32(map.row_sums[row]),
                                                    _mm512_loadu_si512(map.of_row_sum + c)));
  };
  __m512i code[most_blocks] = {};
  __m512 off = _mm512_setzero_ps();
#pragma GCC unroll 4
  for (int64_t j = 0; j < blocks; ++j) {
    const int64_t c = j * block_columns;
    code[j] =
        vnni::Finish::whole(sum_of(c), _mm512_loadu_ps(scale + c), _mm512_loadu_ps(shift + c), off);
  }
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i bytes = finish.pack(code[0], code[1], code[2], code[3]);
  _mm512_mask_storeu_epi8(to, written, _mm512_permutexvar_epi32(order, bytes));
  if (!finish.is_close(off)) [[likely]]
    return;
  for (int64_t c = 0; c < blocks * block_columns; c += block_columns)
    finish.decide(
        sum_of(c), _mm512_loadu_ps(scale + c), _mm512_loadu_ps(shift + c),
        [&](int lane) { return map.first + c + lane; },
        [&](int lane) { return c + lane < map.columns ? c + lane : -1; }, to);
}

template <int blocks>
QUANTDYN_VNNI void rows_to_codes(const int32_t* sums, int64_t rows, const TileMap& map, uint8_t* to,
                                 int64_t to_row) {
  const vnni::Finish finish(map.map);
  const uint64_t written = vnni::first_bytes(map.columns);
  for (int64_t i = 0; i < rows; ++i, sums += blocks * block_columns, to += to_row)
    row_to_codes<blocks>(finish, map, sums, i, written, to);
}

void tile_to_codes(const int32_t* sums, int64_t rows, int64_t blocks, const TileMap& map,
                   uint8_t* to, int64_t to_row) {
  if (blocks == 4)
    rows_to_codes<4>(sums, rows, map, to, to_row);
  else if (blocks == 2)
    rows_to_codes<2>(sums, rows, map, to, to_row);
  else
    rows_to_codes<1>(sums, rows, map, to, to_row);
}

}  // namespace

const TileKernels* vnni_tiles() {
  static constexpr TileKernels tiles = [] {
    TileKernels out = make_tiles<VnniTiles>(6, 4);
    out.codes = tile_to_codes;
    return out;
  }();
  static const bool has_vnni = __builtin_cpu_supports("avx512vnni") &&
                               __builtin_cpu_supports("avx512bw") &&
                               __builtin_cpu_supports("avx512dq");
  return has_vnni ? &tiles : nullptr;
}
#else
const TileKernels* vnni_tiles() { return nullptr; }
#endif

}  // namespace quantdyn
