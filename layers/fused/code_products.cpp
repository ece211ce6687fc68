#include "layers/fused/code_products.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "layers/fused/code_products.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#ifndef QUANTDYN_CODE_PRODUCTS_ONCE
#define QUANTDYN_CODE_PRODUCTS_ONCE
namespace quantdyn {
namespace {

constexpr int64_t block_columns = 16;
constexpr int most_rows = 6, most_blocks = 4;  // of a tile: its sums fill 24 wide registers

/// A few rows times a few blocks of columns.
struct CodeTile {
  const uint8_t* x;
  int64_t row, segment;
  const int8_t* weight;
  int64_t block;  // bytes from a block of the weight to the next
  int64_t segments, quads;
};
/// Writes the tile's sums [rows][blocks * 16].
using TileSums = void (*)(const CodeTile& tile, int32_t* sums);

/// The code for each number of rows and blocks, and the largest that it is good at.
struct TileKernels {
  std::array<TileSums, most_rows * 3> sums;  // by rows - 1, then log2 blocks
  int64_t rows, blocks;

  TileSums of(int64_t rows_, int64_t blocks_) const { return sums[(rows_ - 1) * 3 + blocks_ / 2]; }
};

template <class Kind, size_t... i>
constexpr TileKernels make_tiles(int64_t rows, int64_t blocks, std::index_sequence<i...>) {
  return {{&Kind::template sums<static_cast<int>(i / 3) + 1, 1 << (i % 3)>...}, rows, blocks};
}
template <class Kind>
constexpr TileKernels make_tiles(int64_t rows, int64_t blocks) {
  return make_tiles<Kind>(rows, blocks, std::make_index_sequence<most_rows * 3>());
}

/// The code of a sum without the shortcut.
uint8_t code_of_sum(const CodeMap& map, double sum, int64_t column) {
  const SumMap& exact = map.exact;
  return map.code_of(
      exact.ends.clip(static_cast<float>(sum * exact.scale[column] + exact.shift[column])));
}

int32_t quad_at(const uint8_t* at) {
  int32_t out;
  std::memcpy(&out, at, sizeof out);
  return out;
}

}  // namespace
}  // namespace quantdyn
#endif

HWY_BEFORE_NAMESPACE();
namespace quantdyn::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using Sums = hn::CappedTag<int32_t, block_columns>;

/// sums += the products of four unsigned bytes with four signed ones, lane by lane.
struct QuadFactor {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
  hn::Vec<hn::Repartition<int16_t, Sums>> even, odd;  // bytes 0 and 2, 1 and 3

  static HWY_INLINE QuadFactor left(int32_t quad) {
    const hn::Repartition<uint16_t, Sums> u;
    const hn::Repartition<int16_t, Sums> s;
    const auto bytes = hn::BitCast(u, hn::Set(Sums(), quad));
    return {hn::BitCast(s, hn::And(bytes, hn::Set(u, 0xFF))),
            hn::BitCast(s, hn::ShiftRight<8>(bytes))};
  }
  static HWY_INLINE QuadFactor right(const int8_t* at) {
    const hn::Repartition<int16_t, Sums> s;
    const auto bytes = hn::LoadU(s, reinterpret_cast<const int16_t*>(at));
    return {hn::ShiftRight<8>(hn::ShiftLeft<8>(bytes)), hn::ShiftRight<8>(bytes)};
  }
  static HWY_INLINE hn::Vec<Sums> add(hn::Vec<Sums> sums, const QuadFactor& a,
                                      const QuadFactor& b) {
    hn::Vec<Sums> unused = hn::Zero(Sums());  // x86 adds neighbouring pairs, all in one vector
    sums = hn::ReorderWidenMulAccumulate(Sums(), a.even, b.even, sums, unused);
    return hn::ReorderWidenMulAccumulate(Sums(), a.odd, b.odd, sums, unused);
  }
#else
  hn::Vec<Sums> parts[4];

  static HWY_INLINE QuadFactor left(int32_t quad) {
    const auto byte = [&](int i) { return hn::Set(Sums(), (quad >> (8 * i)) & 0xFF); };
    return {{byte(0), byte(1), byte(2), byte(3)}};
  }
  static HWY_INLINE QuadFactor right(const int8_t* at) {
    const auto bytes = hn::LoadU(Sums(), reinterpret_cast<const int32_t*>(at));
    return {{hn::ShiftRight<24>(hn::ShiftLeft<24>(bytes)),
             hn::ShiftRight<24>(hn::ShiftLeft<16>(bytes)),
             hn::ShiftRight<24>(hn::ShiftLeft<8>(bytes)), hn::ShiftRight<24>(bytes)}};
  }
  static HWY_INLINE hn::Vec<Sums> add(hn::Vec<Sums> sums, const QuadFactor& a,
                                      const QuadFactor& b) {
    for (int i = 0; i < 4; ++i) sums = hn::Add(sums, hn::Mul(a.parts[i], b.parts[i]));
    return sums;
  }
#endif
};

struct PortableTiles {
  template <int rows, int blocks>
  static HWY_NOINLINE void sums(const CodeTile& tile, int32_t* to) {
    constexpr auto lanes = static_cast<int64_t>(hn::MaxLanes(Sums()));
    constexpr int per_block = block_columns / lanes, vectors = blocks * per_block;
    hn::Vec<Sums> sum[rows][vectors];
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 16
      for (int j = 0; j < vectors; ++j) sum[i][j] = hn::Zero(Sums());
    const int8_t* weight = tile.weight;
    for (int64_t s = 0; s < tile.segments; ++s) {
      const uint8_t* at = tile.x + s * tile.segment;
      for (int64_t q = 0; q < tile.quads; ++q, at += 4, weight += 4 * block_columns)
#pragma GCC unroll 16
        for (int j = 0; j < vectors; ++j) {
          const QuadFactor right = QuadFactor::right(weight + (j / per_block) * tile.block +
                                                     (j % per_block) * 4 * lanes);
#pragma GCC unroll 8
          for (int i = 0; i < rows; ++i)
            sum[i][j] =
                QuadFactor::add(sum[i][j], QuadFactor::left(quad_at(at + i * tile.row)), right);
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 16
      for (int j = 0; j < vectors; ++j)
        hn::StoreU(sum[i][j], Sums(), to + i * blocks * block_columns + j * lanes);
  }
};

/// The sum of a row's bytes.
HWY_INLINE int32_t sum_row(const uint8_t* x, int64_t segment, int64_t segments, int64_t length) {
  [[maybe_unused]] const hn::ScalableTag<uint8_t> d;
  uint64_t out = 0;
  for (int64_t s = 0; s < segments; ++s, x += segment) {
    int64_t k = 0;
#if HWY_TARGET != HWY_SCALAR
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    const hn::Repartition<uint64_t, decltype(d)> d64;
    auto sums = hn::Zero(d64);
    for (; k + lanes <= length; k += lanes) sums = hn::Add(sums, hn::SumsOf8(hn::LoadU(d, x + k)));
    if (k > 0) out += hn::GetLane(hn::SumOfLanes(d64, sums));
#endif
    for (; k < length; ++k) out += x[k];
  }
  return static_cast<int32_t>(out);
}

/// A map for the channels of a vector of doubles; its float results.
template <class D>
struct MappedSums {
  using Floats = hn::Rebind<float, D>;
  hn::Vec<D> scale, shift;
  hn::Vec<Floats> low, high;

  HWY_INLINE MappedSums(const SumMap& map, int64_t c)
      : scale(hn::LoadU(D(), map.scale.data() + c)),
        shift(hn::LoadU(D(), map.shift.data() + c)),
        low(hn::Set(Floats(), map.ends.low)),
        high(hn::Set(Floats(), map.ends.high)) {}
  HWY_INLINE auto operator()(hn::Vec<D> sum) const {
    const auto y = hn::DemoteTo(Floats(), hn::Add(hn::Mul(sum, scale), shift));
    return hn::Min(high, hn::Max(low, y));  // in this order x86 keeps a NaN of the shift
  }
};

/// Exact sums of a vector of columns at `c`, from those of the packed bytes.
template <class DI>
HWY_INLINE hn::Vec<DI> corrected(DI di, const int32_t* sums, int64_t c, int32_t row_sum,
                                 const PackedCodes& right) {
  const auto sum = hn::Add(hn::LoadU(di, sums), hn::LoadU(di, right.constant.data() + c));
  if (right.of_row_sum.empty()) return sum;
  return hn::Add(sum, hn::Mul(hn::Set(di, row_sum), hn::LoadU(di, right.of_row_sum.data() + c)));
}

/// Sums become values.
struct ToValues {
  using Element = float;
  const SumMap& map;

  HWY_INLINE void row(const int32_t* sums, int64_t count, int64_t first, int32_t row_sum,
                      const PackedCodes& right, float* to) const {
    const hn::CappedTag<double, 8> d;
    const hn::Rebind<int32_t, decltype(d)> di;
    const hn::Rebind<float, decltype(d)> df;
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    for (int64_t j = 0; j < count; j += lanes) {
      const MappedSums<decltype(d)> mapped(map, first + j);
      const auto sum = corrected(di, sums + j, first + j, row_sum, right);
      hn::StoreU(mapped(hn::PromoteTo(d, sum)), df, to + j);
    }
  }
};

/// Codes of vectors of sums. Adding 1.5 2^23 rounds to whole numbers, ties to even, and leaves
/// these in the lowest bits.
template <class D>
struct CodeVectors {
  const CodeMap& map;
  const float* scale;
  const float* shift;
  hn::Vec<D> first, last, furthest, magic;

  HWY_INLINE explicit CodeVectors(const CodeMap& m)
      : map(m),
        scale(m.scale.data()),
        shift(m.shift.data()),
        first(hn::Set(D(), m.first)),
        last(hn::Set(D(), m.last)),
        furthest(hn::Set(D(), m.furthest)),
        magic(hn::Set(D(), 12582912.0f)) {}

  /// Writes the codes of the columns from c on; `sum_at(lane)` is one of the sums.
  template <typename SumAt>
  HWY_INLINE void store(hn::Vec<D> sum, int64_t c, uint8_t* to, const SumAt& sum_at) const {
    const D d;
    const hn::Rebind<uint8_t, D> d8;
    const auto t = hn::MulAdd(sum, hn::LoadU(d, scale + c), hn::LoadU(d, shift + c));
    const auto clipped = hn::Min(hn::Max(t, first), last);
    const auto raised = hn::Add(clipped, magic);
    const auto is_close = hn::Gt(hn::Abs(hn::Sub(clipped, hn::Sub(raised, magic))), furthest);
    const hn::Rebind<uint32_t, D> d32;
    if constexpr (hn::MaxLanes(D()) > 1)
      hn::StoreU(hn::U8FromU32(hn::BitCast(d32, raised)), d8, to);
    else
      *to = static_cast<uint8_t>(hn::GetLane(hn::BitCast(d32, raised)));
    if (HWY_LIKELY(hn::AllFalse(d, is_close))) return;
    uint8_t bits[8] = {};
    hn::StoreMaskBits(d, is_close, bits);
    for (int64_t lane = 0; lane < static_cast<int64_t>(hn::Lanes(d)); ++lane)
      if (bits[lane / 8] >> (lane % 8) & 1) to[lane] = code_of_sum(map, sum_at(lane), c + lane);
  }
};

/// Sums become codes.
struct ToCodes {
  using Element = uint8_t;
  using Floats = hn::Rebind<float, Sums>;
  CodeVectors<Floats> vectors;

  HWY_INLINE void row(const int32_t* sums, int64_t count, int64_t first, int32_t row_sum,
                      const PackedCodes& right, uint8_t* to) const {
    const Sums di;
    const auto lanes = static_cast<int64_t>(hn::Lanes(di));
    for (int64_t j = 0; j < count; j += lanes) {
      const auto sum = corrected(di, sums + j, first + j, row_sum, right);
      vectors.store(hn::ConvertTo(Floats(), sum), first + j, to + j, [&](int64_t lane) {
        int32_t all[block_columns];
        hn::StoreU(sum, di, all);
        return all[lane];
      });
    }
  }
};

/// All rows times the blocks of columns from `first` on.
template <class Target>
void multiply_panel(const CodeProductShape& shape, const CodeRows& left, const PackedCodes& right,
                    const Target& target, typename Target::Element* to, int64_t to_line,
                    const TileKernels& kernels, int64_t first, int64_t blocks) {
  const int64_t width = blocks * block_columns;
  const int64_t block = shape.segments * right.quads * 4 * block_columns;
  const int64_t columns = std::min(width, right.columns - first);
  const int64_t tiles = (shape.rows + kernels.rows - 1) / kernels.rows;
  alignas(64) int32_t sums[most_rows * most_blocks * block_columns];
  alignas(64) typename Target::Element padded[most_blocks * block_columns];
  for (int64_t line = 0; line < shape.lines; ++line) {
    auto* y = to + line * to_line + first;
    const uint8_t* x = left.data + line * left.line;
    for (int64_t tile = 0; tile < tiles; ++tile) {  // of about one size
      const int64_t rows = shape.rows / tiles + (tile < shape.rows % tiles ? 1 : 0);
      kernels.of(rows, blocks)(
          {x, left.row, left.segment, right.bytes.data() + first / block_columns * block, block,
           shape.segments, right.quads},
          sums);
      for (int64_t i = 0; i < rows; ++i, x += left.row, y += right.columns) {
        const int32_t row_sum =
            right.of_row_sum.empty() ? 0 : sum_row(x, left.segment, shape.segments, shape.length);
        target.row(sums + i * width, width, first, row_sum, right, columns == width ? y : padded);
        if (columns < width) std::copy_n(padded, columns, y);
      }
    }
  }
}

template <class Target>
void multiply_all(const CodeProductShape& shape, const CodeRows& left, const PackedCodes& right,
                  const Target& target, typename Target::Element* to, int64_t to_line,
                  const TileKernels* fast) {
  static constexpr bool is_wide = hn::MaxLanes(Sums()) == block_columns;
  static constexpr TileKernels portable =
      make_tiles<PortableTiles>(is_wide ? 6 : 4, is_wide ? 2 : 1);
  const TileKernels& kernels = fast ? *fast : portable;
  const int64_t all = right.padded_columns / block_columns;
  for (int64_t block = 0; block < all;) {
    int64_t blocks = kernels.blocks;
    while (block + blocks > all) blocks /= 2;
    multiply_panel(shape, left, right, target, to, to_line, kernels, block * block_columns, blocks);
    block += blocks;
  }
}

/// Calls body(code - zero_point, as float, of a vector; whether each is on the grid).
template <class D>
struct GridVectors {
  hn::Vec<D> scale, reciprocal, lowest, highest;

  HWY_INLINE explicit GridVectors(const CodeGrid& grid)
      : scale(hn::Set(D(), grid.scale)),
        reciprocal(hn::Set(D(), 1 / grid.scale)),
        lowest(hn::Set(D(), static_cast<float>(grid.lowest - grid.zero_point))),
        highest(hn::Set(D(), static_cast<float>(grid.highest - grid.zero_point))) {}
  HWY_INLINE hn::Vec<D> whole(hn::Vec<D> x) const { return hn::Round(hn::Mul(x, reciprocal)); }
  HWY_INLINE hn::Mask<D> is_on_grid(hn::Vec<D> x, hn::Vec<D> whole) const {
    return hn::And(hn::Eq(hn::Mul(whole, scale), x),
                   hn::And(hn::Ge(whole, lowest), hn::Le(whole, highest)));
  }
};

/// Calls body(tag, i) for whole vectors, then for single values, while it returns true.
template <typename Body>
HWY_INLINE bool for_values(int64_t count, const Body& body) {
  const hn::CappedTag<float, 16> wide;
  const auto lanes = static_cast<int64_t>(hn::Lanes(wide));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    if (!body(wide, i)) return false;
  for (; i < count; ++i)
    if (!body(hn::CappedTag<float, 1>(), i)) return false;
  return true;
}

}  // namespace

bool is_avx3() { return HWY_TARGET == HWY_AVX3; }

void multiply(const CodeProductShape& shape, const CodeRows& left, const PackedCodes& right,
              const SumMap& map, float* to, int64_t to_line, const TileKernels* fast) {
  multiply_all(shape, left, right, ToValues{map}, to, to_line, fast);
}

void multiply_to_codes(const CodeProductShape& shape, const CodeRows& left,
                       const PackedCodes& right, const CodeMap& map, uint8_t* to, int64_t to_line,
                       const TileKernels* fast) {
  multiply_all(shape, left, right, ToCodes{CodeVectors<ToCodes::Floats>(map)}, to, to_line, fast);
}

void code_rows(const CodeMap& map, const float* sums, int64_t rows, int64_t channels, uint8_t* to) {
  const hn::CappedTag<float, 16> wide;
  const hn::CappedTag<float, 1> narrow;
  const CodeVectors<decltype(wide)> vectors(map);
  const CodeVectors<decltype(narrow)> single(map);
  const auto lanes = static_cast<int64_t>(hn::Lanes(wide));
  for (int64_t row = 0; row < rows; ++row, sums += channels, to += channels) {
    int64_t c = 0;
    const auto sum_at = [&](int64_t lane) { return sums[c + lane]; };
    for (; c + lanes <= channels; c += lanes)
      vectors.store(hn::LoadU(wide, sums + c), c, to + c, sum_at);
    for (; c < channels; ++c) single.store(hn::LoadU(narrow, sums + c), c, to + c, sum_at);
  }
}

void map_rows(const SumMap& map, float* sums, int64_t rows, int64_t channels) {
  for (int64_t row = 0; row < rows; ++row, sums += channels) {
    const auto apply = [&](auto d, int64_t c) HWY_ATTR {
      const hn::Rebind<float, decltype(d)> df;
      const MappedSums<decltype(d)> mapped(map, c);
      hn::StoreU(mapped(hn::PromoteTo(d, hn::LoadU(df, sums + c))), df, sums + c);
    };
    const hn::CappedTag<double, 8> wide;
    const auto lanes = static_cast<int64_t>(hn::Lanes(wide));
    int64_t c = 0;
    for (; c + lanes <= channels; c += lanes) apply(wide, c);
    for (; c < channels; ++c) apply(hn::CappedTag<double, 1>(), c);
  }
}

bool write_codes(const CodeGrid& grid, const float* values, int64_t count, uint8_t* to) {
  return for_values(count, [&](auto d, int64_t i) HWY_ATTR {
    using D = decltype(d);
    const GridVectors<D> vectors(grid);
    const auto x = hn::LoadU(d, values + i);
    const auto whole = vectors.whole(x);
    if (!hn::AllTrue(d, vectors.is_on_grid(x, whole))) return false;
    const hn::Rebind<int32_t, D> di;
    const hn::Rebind<uint8_t, D> d8;
    hn::StoreU(hn::DemoteTo(d8, hn::ConvertTo(di, hn::Sub(whole, vectors.lowest))), d8, to + i);
    return true;
  });
}

bool check_values(const CodeGrid& grid, const float* values, int64_t count) {
  return for_values(count, [&](auto d, int64_t i) HWY_ATTR {
    const GridVectors<decltype(d)> vectors(grid);
    const auto x = hn::LoadU(d, values + i);
    return hn::AllTrue(d, vectors.is_on_grid(x, vectors.whole(x)));
  });
}

void write_whole_numbers(const CodeGrid& grid, const float* values, int64_t count, float* to) {
  for_values(count, [&](auto d, int64_t i) HWY_ATTR {
    const GridVectors<decltype(d)> vectors(grid);
    hn::StoreU(vectors.whole(hn::LoadU(d, values + i)), d, to + i);
    return true;
  });
}

void bytes_to_whole_numbers(int32_t zero, const uint8_t* codes, int64_t count, float* to) {
  for_values(count, [&](auto d, int64_t i) HWY_ATTR {
    const hn::Rebind<int32_t, decltype(d)> di;
    const hn::Rebind<uint8_t, decltype(d)> d8;
    const auto code = hn::PromoteTo(di, hn::LoadU(d8, codes + i));
    hn::StoreU(hn::ConvertTo(d, hn::Sub(code, hn::Set(di, zero))), d, to + i);
    return true;
  });
}

}  // namespace quantdyn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quantdyn {
namespace {

HWY_EXPORT(is_avx3);
HWY_EXPORT(multiply);
HWY_EXPORT(multiply_to_codes);
HWY_EXPORT(map_rows);
HWY_EXPORT(code_rows);
HWY_EXPORT(bytes_to_whole_numbers);
HWY_EXPORT(write_codes);
HWY_EXPORT(check_values);
HWY_EXPORT(write_whole_numbers);

#if defined(__x86_64__)
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

const TileKernels* fast_tiles() {
  static constexpr TileKernels vnni = make_tiles<VnniTiles>(6, 4);
  static const bool has_vnni = __builtin_cpu_supports("avx512vnni");
  return has_vnni && HWY_DYNAMIC_DISPATCH(is_avx3)() ? &vnni : nullptr;  // tests may do without
}
#else
const TileKernels* fast_tiles() { return nullptr; }
#endif

}  // namespace

PackedCodes::PackedCodes(int64_t segments, int64_t length, std::span<const int32_t> weight,
                         std::span<const CodeGrid> grids, int32_t input_zero)
    : columns(static_cast<int64_t>(grids.size())),
      padded_columns((columns + block_columns - 1) / block_columns * block_columns),
      quads((length + 3) / 4),
      bytes(static_cast<size_t>(segments * quads * 4 * padded_columns)),
      of_row_sum(padded_columns),
      constant(padded_columns) {
  for (int64_t k = 0; k < columns; ++k) {
    const CodeGrid& grid = grids[k];
    // Codes less their zero point if these fit into a byte: then the sum of the row is not needed.
    const bool fits = grid.lowest - grid.zero_point >= -128 && grid.highest - grid.zero_point < 128;
    const int32_t origin = fits ? grid.zero_point : grid.lowest + 128;
    int64_t sum = 0;
    for (int64_t s = 0; s < segments; ++s)
      for (int64_t i = 0; i < length; ++i) {
        const int32_t code = weight[(s * length + i) * columns + k];
        const int64_t quad = (k / block_columns * segments + s) * quads + i / 4;
        bytes[(quad * block_columns + k % block_columns) * 4 + i % 4] =
            static_cast<int8_t>(code - origin);
        sum += code - grid.zero_point;
      }
    of_row_sum[k] = origin - grid.zero_point;
    constant[k] = static_cast<int32_t>(-input_zero * sum);
  }
  if (std::ranges::all_of(of_row_sum, [](int32_t factor) { return factor == 0; }))
    of_row_sum.clear();
}

CodeMap::CodeMap(const SumMap& exact_map, const CodeTransform& transform, const CodeGrid& grid)
    : exact(exact_map), output(transform), lowest(grid.lowest) {
  double largest = 0;
  for (size_t i = 0; i < exact.scale.size(); ++i) {
    scale.push_back(static_cast<float>(exact.scale[i] / grid.scale));
    const double offset = exact.shift[i] / grid.scale;
    shift.push_back(static_cast<float>(offset + grid.zero_point - grid.lowest));
    largest = std::max(largest, std::isfinite(offset) ? std::abs(offset) : HUGE_VAL);
  }
  // Both ways round a few times, each by 2^-24 of codes up to 256 + 2 |shift|.
  const double error = std::ldexp(256 + largest, -20);
  is_usable = error < 0.25;
  furthest = static_cast<float>(0.5 - error);
  last = static_cast<float>(grid.highest - grid.lowest);
  if (exact.ends.low > -HUGE_VALF) first = code_of(exact.ends.low);
  if (exact.ends.high < HUGE_VALF) last = code_of(exact.ends.high);
}

uint8_t CodeMap::code_of(float value) const {
  int32_t code = 0;
  output.codes({&value, 1, 1, 1, 0, 0, 0, 0}, &code);
  return static_cast<uint8_t>(code - lowest);
}

void multiply_codes(const CodeProductShape& shape, const CodeRows& left, const PackedCodes& right,
                    const SumMap& map, float* to, int64_t to_line) {
  if (shape.lines == 0 || shape.rows == 0) return;
  HWY_DYNAMIC_DISPATCH(multiply)(shape, left, right, map, to, to_line, fast_tiles());
}

void multiply_codes(const CodeProductShape& shape, const CodeRows& left, const PackedCodes& right,
                    const CodeMap& codes, uint8_t* to, int64_t to_line) {
  if (shape.lines == 0 || shape.rows == 0) return;
  HWY_DYNAMIC_DISPATCH(multiply_to_codes)(shape, left, right, codes, to, to_line, fast_tiles());
}

void map_sums(const CodeMap& map, const float* sums, int64_t rows, int64_t channels, uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(code_rows)(map, sums, rows, channels, to);
}

void take_whole_numbers(int32_t zero, const uint8_t* codes, int64_t count, float* to) {
  HWY_DYNAMIC_DISPATCH(bytes_to_whole_numbers)(zero, codes, count, to);
}

void map_sums(const SumMap& map, float* sums, int64_t rows, int64_t channels) {
  HWY_DYNAMIC_DISPATCH(map_rows)(map, sums, rows, channels);
}

bool take_codes(const CodeGrid& grid, const float* values, int64_t count, uint8_t* to) {
  return HWY_DYNAMIC_DISPATCH(write_codes)(grid, values, count, to);
}

bool are_on_grid(const CodeGrid& grid, const float* values, int64_t count) {
  return HWY_DYNAMIC_DISPATCH(check_values)(grid, values, count);
}

void take_whole_numbers(const CodeGrid& grid, const float* values, int64_t count, float* to) {
  HWY_DYNAMIC_DISPATCH(write_whole_numbers)(grid, values, count, to);
}

}  // namespace quantdyn
#endif
