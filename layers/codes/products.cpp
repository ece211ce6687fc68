#include "layers/codes/products.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "layers/codes/products.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "layers/codes/maps-inl.h"
#include "layers/codes/tiles.h"

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

void sum_bytes(const ByteRows& rows, int64_t count, int32_t* to) {
  [[maybe_unused]] const hn::ScalableTag<uint8_t> d;
  for (int64_t i = 0; i < count; ++i) {
    uint64_t out = 0;
    for (int64_t s = 0; s < rows.segments; ++s) {
      const uint8_t* const x = rows.data + i * rows.row + s * rows.segment;
      int64_t k = 0;
#if HWY_TARGET != HWY_SCALAR
      const auto lanes = static_cast<int64_t>(hn::Lanes(d));
      const hn::Repartition<uint64_t, decltype(d)> d64;
      auto sums = hn::Zero(d64);
      for (; k + lanes <= rows.length; k += lanes)
        sums = hn::Add(sums, hn::SumsOf8(hn::LoadU(d, x + k)));
      if (k > 0) out += hn::GetLane(hn::SumOfLanes(d64, sums));
#endif
      for (; k < rows.length; ++k) out += x[k];
    }
    to[i] = static_cast<int32_t>(out);
  }
}

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

/// The sum of each row's bytes, line after line; empty if no column needs them.
std::vector<int32_t> sum_rows(const CodeProductShape& shape, const CodeRows& left,
                              const PackedCodes& right, const TileKernels& kernels) {
  if (right.of_row_sum.empty()) return {};
  std::vector<int32_t> out(static_cast<size_t>(shape.lines * shape.rows));
  const RowSums sum = kernels.row_sums ? kernels.row_sums : sum_bytes;
  for (int64_t line = 0; line < shape.lines; ++line)
    sum({left.data + line * left.line, left.row, left.segment, shape.segments, shape.length},
        shape.rows, out.data() + line * shape.rows);
  return out;
}

/// Sums of a tile, row by row.
template <class Target>
struct RowByRow {
  using Element = typename Target::Element;
  Target target;

  HWY_INLINE void tile(const int32_t* sums, int64_t rows, int64_t blocks, int64_t first,
                       const int32_t* row_sums, const PackedCodes& right, Element* to) const {
    const int64_t width = blocks * block_columns, columns = std::min(width, right.columns - first);
    alignas(64) Element padded[most_blocks * block_columns];
    for (int64_t i = 0; i < rows; ++i, sums += width, to += right.columns) {
      target.row(sums, width, first, row_sums ? row_sums[i] : 0, right,
                 columns == width ? to : padded);
      if (columns < width) std::copy_n(padded, columns, to);
    }
  }
};

/// Sums of a tile by the code that an instruction set has for it.
struct ByTile {
  using Element = uint8_t;
  const CodeMap& map;
  TileCodes codes;

  void tile(const int32_t* sums, int64_t rows, int64_t blocks, int64_t first,
            const int32_t* row_sums, const PackedCodes& right, uint8_t* to) const {
    codes(sums, rows, blocks,
          {map, first, std::min(blocks * block_columns, right.columns - first),
           right.constant.data() + first, row_sums ? right.of_row_sum.data() + first : nullptr,
           row_sums},
          to, right.columns);
  }
};

/// All rows times the blocks of columns from `first` on.
template <class Target>
void multiply_panel(const CodeProductShape& shape, const CodeRows& left, const PackedCodes& right,
                    const Target& target, typename Target::Element* to, int64_t to_line,
                    const TileKernels& kernels, const std::vector<int32_t>& row_sums, int64_t first,
                    int64_t blocks) {
  const int64_t block = shape.segments * right.quads * 4 * block_columns;
  const int64_t tiles = (shape.rows + kernels.rows - 1) / kernels.rows;
  constexpr int64_t rows_held = 24;  // whose sums wait, so that a map is loaded once for them
  alignas(64) int32_t sums[rows_held * most_blocks * block_columns];
  for (int64_t line = 0; line < shape.lines; ++line)
    for (int64_t tile = 0, row = 0, held = 0; tile < tiles; row += held) {
      for (held = 0; tile < tiles && held + kernels.rows <= rows_held; ++tile) {
        const int64_t rows =
            shape.rows / tiles + (tile < shape.rows % tiles ? 1 : 0);  // about equal
        kernels.of(rows, blocks)({left.data + line * left.line + (row + held) * left.row, left.row,
                                  left.segment, right.bytes.data() + first / block_columns * block,
                                  block, shape.segments, right.quads},
                                 sums + held * blocks * block_columns);
        held += rows;
      }
      target.tile(sums, held, blocks, first,
                  row_sums.empty() ? nullptr : row_sums.data() + line * shape.rows + row, right,
                  to + line * to_line + row * right.columns + first);
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
  const std::vector<int32_t> row_sums = sum_rows(shape, left, right, kernels);
  const int64_t all = right.padded_columns / block_columns;
  for (int64_t block = 0; block < all;) {
    int64_t blocks = kernels.blocks;
    while (block + blocks > all) blocks /= 2;
    multiply_panel(shape, left, right, target, to, to_line, kernels, row_sums,
                   block * block_columns, blocks);
    block += blocks;
  }
}

}  // namespace

bool is_avx3() { return HWY_TARGET == HWY_AVX3; }

void multiply(const CodeProductShape& shape, const CodeRows& left, const PackedCodes& right,
              const SumMap& map, float* to, int64_t to_line, const TileKernels* fast) {
  multiply_all(shape, left, right, RowByRow<ToValues>{{map}}, to, to_line, fast);
}

void multiply_to_codes(const CodeProductShape& shape, const CodeRows& left,
                       const PackedCodes& right, const CodeMap& map, uint8_t* to, int64_t to_line,
                       const TileKernels* fast) {
  if (fast && fast->codes && map.is_small)
    multiply_all(shape, left, right, ByTile{map, fast->codes}, to, to_line, fast);
  else
    multiply_all(shape, left, right, RowByRow<ToCodes>{ToCodes{CodeVectors<ToCodes::Floats>(map)}},
                 to, to_line, fast);
}

}  // namespace quantdyn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quantdyn {

HWY_EXPORT(is_avx3);
HWY_EXPORT(multiply);
HWY_EXPORT(multiply_to_codes);

const TileKernels* fast_tiles() { return HWY_DYNAMIC_DISPATCH(is_avx3)() ? vnni_tiles() : nullptr; }

int32_t byte_origin(const CodeGrid& grid) {
  const bool fits = grid.lowest - grid.zero_point >= -128 && grid.highest - grid.zero_point < 128;
  return fits ? grid.zero_point : grid.lowest + 128;
}

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
    const int32_t origin = byte_origin(grid);
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

}  // namespace quantdyn
#endif
