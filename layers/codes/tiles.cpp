#include "layers/codes/tiles.h"

#include "layers/codes/vnni.h"

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

/// What turns the sums of `blocks` vectors into codes, in registers for all rows of a tile.
template <int blocks>
struct TileVectors {
  __m512 scale[blocks], shift[blocks];
  __m512i constant[blocks], of_row_sum[blocks];

  QUANTDYN_VNNI explicit TileVectors(const TileMap& map) {
#pragma GCC unroll 4
    for (int64_t j = 0; j < blocks; ++j) {
      const int64_t c = j * block_columns;
      scale[j] = _mm512_loadu_ps(map.map.scale.data() + map.first + c);
      shift[j] = _mm512_loadu_ps(map.map.shift.data() + map.first + c);
      constant[j] = _mm512_loadu_si512(map.constant + c);
      of_row_sum[j] =
          map.of_row_sum ? _mm512_loadu_si512(map.of_row_sum + c) : _mm512_setzero_si512();
    }
  }
  template <bool has_row_sums>
  QUANTDYN_VNNI __m512i sum(const int32_t* sums, int64_t j, int32_t row_sum) const {
    const __m512i out = _mm512_add_epi32(_mm512_loadu_si512(sums + j * block_columns), constant[j]);
    if (!has_row_sums) return out;
    return _mm512_add_epi32(out, _mm512_mullo_epi32(_mm512_set1_epi32(row_sum), of_row_sum[j]));
  }
};

/// The codes near a tie of one row.
template <int blocks, bool has_row_sums>
QUANTDYN_VNNI __attribute__((noinline)) void decide(const vnni::Finish& finish, const TileMap& map,
                                                    const int32_t* sums, int32_t row_sum,
                                                    uint8_t* to) {
  const TileVectors<blocks> vectors(map);
  for (int64_t j = 0; j < blocks; ++j) {
    const int64_t c = j * block_columns;
    finish.decide(
        vectors.template sum<has_row_sums>(sums, j, row_sum), vectors.scale[j], vectors.shift[j],
        [&](int lane) { return map.first + c + lane; },
        [&](int lane) { return c + lane < map.columns ? c + lane : -1; }, to);
  }
}

template <int blocks, bool has_row_sums>
QUANTDYN_VNNI void rows_to_codes(const int32_t* sums, int64_t rows, const TileMap& map, uint8_t* to,
                                 int64_t to_row) {
  const vnni::Finish finish(map.map);
  const TileVectors<blocks> vectors(map);
  const uint64_t written = vnni::first_bytes(map.columns);
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  for (int64_t i = 0; i < rows; ++i, sums += blocks * block_columns, to += to_row) {
    const int32_t row_sum = has_row_sums ? map.row_sums[i] : 0;
    __m512i code[most_blocks] = {};
    __m512 off = _mm512_setzero_ps();
#pragma GCC unroll 4
    for (int64_t j = 0; j < blocks; ++j)
      code[j] = vnni::Finish::whole(vectors.template sum<has_row_sums>(sums, j, row_sum),
                                    vectors.scale[j], vectors.shift[j], off);
    const __m512i bytes = finish.pack(code[0], code[1], code[2], code[3]);
    _mm512_mask_storeu_epi8(to, written, _mm512_permutexvar_epi32(order, bytes));
    if (finish.is_close(off)) [[unlikely]]
      decide<blocks, has_row_sums>(finish, map, sums, row_sum, to);
  }
}

template <int blocks>
void tile_to_codes(const int32_t* sums, int64_t rows, const TileMap& map, uint8_t* to,
                   int64_t to_row) {
  if (map.of_row_sum)
    rows_to_codes<blocks, true>(sums, rows, map, to, to_row);
  else
    rows_to_codes<blocks, false>(sums, rows, map, to, to_row);
}

void tile_to_codes(const int32_t* sums, int64_t rows, int64_t blocks, const TileMap& map,
                   uint8_t* to, int64_t to_row) {
  if (blocks == 4)
    tile_to_codes<4>(sums, rows, map, to, to_row);
  else if (blocks == 2)
    tile_to_codes<2>(sums, rows, map, to, to_row);
  else
    tile_to_codes<1>(sums, rows, map, to, to_row);
}

/// The sum of a row's bytes, as eight parts.
QUANTDYN_VNNI inline __m512i sum_row(const ByteRows& rows, int64_t row) {
  const __m512i zero = _mm512_setzero_si512();
  __m512i out = zero;
  for (int64_t s = 0; s < rows.segments; ++s) {
    const uint8_t* const at = rows.data + row * rows.row + s * rows.segment;
    int64_t k = 0;
    for (; k + 64 <= rows.length; k += 64)
      out = _mm512_add_epi64(out, _mm512_sad_epu8(_mm512_loadu_si512(at + k), zero));
    if (k == rows.length) continue;
    const __m512i rest = _mm512_maskz_loadu_epi8(vnni::first_bytes(rows.length - k), at + k);
    out = _mm512_add_epi64(out, _mm512_sad_epu8(rest, zero));
  }
  return out;
}

/// Adds neighbouring halves of 128 bits of both: those of a, then those of b.
QUANTDYN_VNNI inline __m512i add_lanes(__m512i a, __m512i b) {
  return _mm512_add_epi64(_mm512_shuffle_i64x2(a, b, 0x88), _mm512_shuffle_i64x2(a, b, 0xDD));
}
QUANTDYN_VNNI inline __m512i add_neighbours(__m512i a, __m512i b) {
  return _mm512_add_epi64(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
}

QUANTDYN_VNNI void sum_rows(const ByteRows& rows, int64_t count, int32_t* to) {
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    __m512i pair[4];
#pragma GCC unroll 4
    for (int64_t j = 0; j < 4; ++j)
      pair[j] = add_neighbours(sum_row(rows, i + 2 * j), sum_row(rows, i + 2 * j + 1));
    const __m512i all = add_lanes(add_lanes(pair[0], pair[1]), add_lanes(pair[2], pair[3]));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), _mm512_cvtepi64_epi32(all));
  }
  for (; i < count; ++i) to[i] = static_cast<int32_t>(_mm512_reduce_add_epi64(sum_row(rows, i)));
}

}  // namespace

const TileKernels* vnni_tiles() {
  static constexpr TileKernels tiles = [] {
    TileKernels out = make_tiles<VnniTiles>(6, 4);
    out.codes = tile_to_codes;
    out.row_sums = sum_rows;
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
