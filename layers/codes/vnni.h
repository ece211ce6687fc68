// From sums of products to bytes, by AVX-512, for kernels that hold the sums in registers.
#pragma once

#if defined(__x86_64__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"  // GCC 12 means values that intrinsics ignore
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#pragma GCC diagnostic pop

#include <bit>
#include <cstdint>

#include "layers/codes/maps.h"

#define QUANTDYN_VNNI __attribute__((target("avx512f,avx512bw,avx512dq,avx512vnni")))

namespace quantdyn::vnni {

/// The codes of up to 64 columns: CodeMap, for sums in four vectors.
struct Finish {
  const CodeMap& map;
  __m512 furthest;
  __m512i first, last;

  QUANTDYN_VNNI explicit Finish(const CodeMap& m)
      : map(m),
        furthest(_mm512_set1_ps(m.furthest)),
        first(_mm512_set1_epi8(static_cast<char>(static_cast<uint8_t>(m.first)))),
        last(_mm512_set1_epi8(static_cast<char>(static_cast<uint8_t>(m.last)))) {}

  /// Rounds to whole numbers, ties to even; `off` becomes the larger distance from a whole number.
  QUANTDYN_VNNI static __m512i whole(__m512i sum, __m512 scale, __m512 shift, __m512& off) {
    const __m512 t = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), scale, shift);
    constexpr int to_whole = 8, largest_magnitude = 11;
    off = _mm512_range_ps(off, _mm512_reduce_ps(t, to_whole), largest_magnitude);
    return _mm512_cvt_roundps_epi32(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  /// Four vectors as bytes: of 128 bits each, those of the four follow one another.
  QUANTDYN_VNNI __m512i pack(__m512i a, __m512i b, __m512i c, __m512i d) const {
    const __m512i all = _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
    return _mm512_min_epu8(_mm512_max_epu8(all, first), last);
  }
  QUANTDYN_VNNI bool is_close(__m512 off) const {
    return _mm512_cmp_ps_mask(off, furthest, _CMP_GT_OQ) != 0;
  }
  /// Decides the codes near a tie of 16 columns. `column_of(lane)` is the map's column of a lane,
  /// `place_of(lane)` that of its byte in `to`; below 0 it is none.
  template <typename ColumnOf, typename PlaceOf>
  QUANTDYN_VNNI void decide(__m512i sum, __m512 scale, __m512 shift, const ColumnOf& column_of,
                            const PlaceOf& place_of, uint8_t* to) const {
    __m512 off = _mm512_setzero_ps();
    whole(sum, scale, shift, off);
    alignas(64) int32_t sums[16];
    _mm512_store_si512(sums, sum);
    for (uint32_t close = _mm512_cmp_ps_mask(off, furthest, _CMP_GT_OQ); close != 0;
         close &= close - 1) {
      const int lane = std::countr_zero(close);
      const int64_t place = place_of(lane);
      if (place >= 0) to[place] = map.code_of_sum(sums[lane], column_of(lane));
    }
  }
};

/// The first `count` of 64 bytes.
inline uint64_t first_bytes(int64_t count) {
  return count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

}  // namespace quantdyn::vnni
#endif
