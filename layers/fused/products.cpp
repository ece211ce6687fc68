#include "layers/fused/products.h"

#include <algorithm>

#include "framework/base/threads.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "layers/fused/products.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "layers/fused/activation-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quantdyn::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

constexpr auto lanes = static_cast<int64_t>(hn::MaxLanes(hn::ScalableTag<float>()));
// The sums (rows times vectors) fill the registers and leave room for their factors.
constexpr bool has_32_registers = HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64;
constexpr int64_t most_vectors = has_32_registers ? 4 : 2;
constexpr int64_t rows_of_widest = 6;
constexpr int64_t rows_of_narrower = has_32_registers ? 8 : 6;

/// What to do with a tile's sums: add them to the result, map them, or store them as they are.
struct Store {
  bool add;
  const ChannelMap* map;
  int64_t first_column;
  int64_t columns;  // of a panel that is narrower than its one vector
  FetchAhead& ahead;
};

// Elsewhere a masked load reads all lanes, at an aligned address, and a masked store writes them
// all.
constexpr bool has_masks = HWY_TARGET <= HWY_AVX2;

/// The columns of a vector: all its lanes, or where `is_partial` the first few.
template <bool is_partial, class D>
struct Columns {
  using V = hn::Vec<D>;

  Columns(D d, const Store& store) : store_(store) {
    if constexpr (is_partial) mask_ = hn::FirstN(d, static_cast<size_t>(store.columns));
  }
  HWY_INLINE V load(D d, const float* from) const {
    if constexpr (is_partial && has_masks) return hn::MaskedLoad(mask_, d, from);
    if constexpr (is_partial) {
      float values[hn::MaxLanes(D())] = {};
      std::copy_n(from, store_.columns, values);
      return hn::LoadU(d, values);
    }
    return hn::LoadU(d, from);
  }
  HWY_INLINE void store(D d, V values, float* to) const {
    if constexpr (is_partial && has_masks) {
      hn::BlendedStore(values, mask_, d, to);
    } else if constexpr (is_partial) {
      float all[hn::MaxLanes(D())];
      hn::StoreU(values, d, all);
      std::copy_n(all, store_.columns, to);
    } else {
      hn::StoreU(values, d, to);
    }
  }
  HWY_INLINE Mapped<D> map(D d, int64_t column) const {
    if (!is_partial || store_.map == nullptr)
      return Mapped<D>(d, store_.map, store_.first_column + column);
    float scale[hn::MaxLanes(D())] = {}, shift[hn::MaxLanes(D())] = {};  // no channels after these
    std::copy_n(store_.map->scale + store_.first_column, store_.columns, scale);
    std::copy_n(store_.map->shift + store_.first_column, store_.columns, shift);
    const ChannelMap map{scale, shift, store_.map->activation};
    return Mapped<D>(d, &map, 0);
  }

 private:
  const Store& store_;
  hn::Mask<D> mask_;
};

/// One tile of sums: `rows` rows of `vectors` vectors.
template <int rows, int vectors, bool is_partial, class D>
HWY_INLINE void multiply_tile(D d, const ProductShape& shape, const LeftFactor& left,
                              const float* HWY_RESTRICT a, const float* HWY_RESTRICT b,
                              int64_t b_row, float* HWY_RESTRICT c, int64_t c_row,
                              const Store& store) {
  using V = hn::Vec<D>;
  constexpr auto width = static_cast<int64_t>(hn::MaxLanes(D()));
  const Columns<is_partial, D> columns(d, store);
  V sums[rows][vectors];
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < vectors; ++j) sums[i][j] = hn::Zero(d);
  FetchAhead ahead = store.ahead;  // in registers
  for (int64_t s = 0; s < shape.segments; ++s) {
    const float* at = a + s * left.segment;
    for (int64_t k = 0; k < shape.length; ++k, at += left.step, b += b_row) {
      ahead.first.fetch();
      ahead.second.fetch();
      V right[vectors];
#pragma GCC unroll 8
      for (int j = 0; j < vectors; ++j) right[j] = columns.load(d, b + j * width);
#pragma GCC unroll 8
      for (int i = 0; i < rows; ++i) {
        const V value = hn::Set(d, at[i * left.row]);
#pragma GCC unroll 8
        for (int j = 0; j < vectors; ++j) sums[i][j] = hn::MulAdd(value, right[j], sums[i][j]);
      }
    }
  }
  store.ahead = ahead;
#pragma GCC unroll 8
  for (int j = 0; j < vectors; ++j) {
    const Mapped<D> map = columns.map(d, j * width);
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i) {
      float* const to = c + i * c_row + j * width;
      const V sum = store.add ? hn::Add(columns.load(d, to), sums[i][j]) : sums[i][j];
      columns.store(d, store.map ? map(d, sum) : sum, to);
    }
  }
}

/// A tile of up to `most` rows; the code for its number of rows is picked at run time.
template <int most, int vectors, bool is_partial, class D>
HWY_INLINE void multiply_rows(D d, int64_t rows, const ProductShape& shape, const LeftFactor& left,
                              const float* a, const float* b, int64_t b_row, float* c,
                              int64_t c_row, const Store& store) {
  if (rows == most)
    multiply_tile<most, vectors, is_partial>(d, shape, left, a, b, b_row, c, c_row, store);
  else if constexpr (most > 1)
    multiply_rows<most - 1, vectors, is_partial>(d, rows, shape, left, a, b, b_row, c, c_row,
                                                 store);
}

/// All rows for columns [first, first + vectors * lanes of D), or for those that are left.
template <int most, int vectors, bool is_partial, class D>
HWY_NOINLINE void multiply_panel(D d, const ProductShape& shape, const LeftFactor& left,
                                 const float* b, int64_t b_row, const ProductRows& to,
                                 int64_t first, bool add, FetchAhead& ahead) {
  const Store store{add, to.map, first, shape.columns - first, ahead};
  const int64_t tiles = (shape.rows + most - 1) / most;
  const int64_t rows = shape.rows / tiles,
                longer = shape.rows % tiles;  // tiles of about one size
  for (int64_t line = 0; line < shape.lines; ++line) {
    const float* a = left.data + line * left.line;
    float* c = to.data + line * to.line + first;
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const int64_t count = rows + (tile < longer ? 1 : 0);
      multiply_rows<most, vectors, is_partial>(d, count, shape, left, a, b, b_row, c, to.row,
                                               store);
      a += count * left.row;
      c += count * to.row;
    }
  }
}

/// Calls body(tag, vectors, is_partial, first) for panels of columns, as wide as possible, from
/// left to right; one that is narrower than its vector is the last.
template <typename Body>
HWY_INLINE void for_panels(int64_t columns, const Body& body) {
  int64_t first = 0;
  const hn::CappedTag<float, lanes> d;
  constexpr std::false_type whole;
  constexpr std::integral_constant<int, 1> one;
  for (; first + most_vectors * lanes <= columns; first += most_vectors * lanes)
    body(d, std::integral_constant<int, most_vectors>(), whole, first);
  if constexpr (most_vectors > 2)
    for (; first + 2 * lanes <= columns; first += 2 * lanes)
      body(d, std::integral_constant<int, 2>(), whole, first);
  for (; first + lanes <= columns; first += lanes) body(d, one, whole, first);
  const hn::CappedTag<float, 4> quarter;
  constexpr auto four = static_cast<int64_t>(hn::MaxLanes(decltype(quarter)()));
  for (; first + four <= columns; first += four) body(quarter, one, whole, first);
  if constexpr (four > 1)
    if (first < columns) body(quarter, one, std::true_type(), first);
}

}  // namespace

void multiply_panels(const ProductShape& shape, const LeftFactor& left, const RightFactor& right,
                     const ProductRows& to, bool add, FetchAhead& ahead) {
  if (shape.lines == 0 || shape.rows == 0) return;
  const int64_t depth = shape.segments * shape.length;
  for_panels(shape.columns, [&](auto d, auto vectors, auto is_partial, int64_t first) {
    constexpr int count = decltype(vectors)::value;
    constexpr bool is_narrow = decltype(is_partial)::value;
    constexpr auto widest = static_cast<int64_t>(hn::MaxLanes(decltype(d)())) * count;
    const int64_t width = is_narrow ? shape.columns - first : widest;
    constexpr int64_t most = count == most_vectors ? rows_of_widest : rows_of_narrower;
    const bool is_packed = right.row == 0;
    multiply_panel<most, count, is_narrow>(d, shape, left,
                                           right.data + first * (is_packed ? depth : 1),
                                           is_packed ? width : right.row, to, first, add, ahead);
  });
}

/// Rows [first_row, first_row + count) of panels that have `rows` rows.
void pack_panels(Matrix<const float> from, int64_t first_row, int64_t count, int64_t rows,
                 int64_t columns, float* to) {
  for_panels(columns, [&](auto d, auto vectors, auto is_partial, int64_t first) {
    constexpr auto widest =
        static_cast<int64_t>(hn::MaxLanes(decltype(d)())) * decltype(vectors)::value;
    const int64_t width = decltype(is_partial)::value ? columns - first : widest;
    const float* at = from.data + first_row * from.row_stride + first * from.column_stride;
    float* panel = to + first * rows + first_row * width;
    if (from.column_stride == 1) {
      for (int64_t row = 0; row < count; ++row, at += from.row_stride)
        panel = std::copy_n(at, width, panel);
      return;
    }
    constexpr int64_t at_once = 16;  // a cache line of either matrix
    for (int64_t row = 0; row < count; row += at_once) {
      const int64_t some = std::min(at_once, count - row);
      for (int64_t j = 0; j < width; ++j)
        for (int64_t r = 0; r < some; ++r)
          panel[r * width + j] = at[r * from.row_stride + j * from.column_stride];
      panel += some * width;
      at += some * from.row_stride;
    }
  });
}

}  // namespace quantdyn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quantdyn {

HWY_EXPORT(multiply_panels);
HWY_EXPORT(pack_panels);

void multiply(const ProductShape& shape, const LeftFactor& left, const RightFactor& right,
              const ProductRows& to, Accumulate accumulate, FetchAhead* ahead) {
  FetchAhead nothing(left.data);
  HWY_DYNAMIC_DISPATCH(multiply_panels)
  (shape, left, right, to, accumulate == Accumulate::yes, ahead ? *ahead : nothing);
}

void pack_columns(Matrix<const float> from, int64_t rows, int64_t columns, float* to) {
  constexpr int64_t at_once = 64;  // a multiple of every panel's width
  parallel_for((columns + at_once - 1) / at_once, [&](int64_t index, int) {
    const int64_t first = index * at_once;
    HWY_DYNAMIC_DISPATCH(pack_panels)
    ({from.data + first * from.column_stride, from.row_stride, from.column_stride}, 0, rows, rows,
     std::min(at_once, columns - first), to + first * rows);
  });
}

void pack_rows(Matrix<const float> from, int64_t first, int64_t count, int64_t rows,
               int64_t columns, float* to) {
  HWY_DYNAMIC_DISPATCH(pack_panels)(from, first, count, rows, columns, to);
}

}  // namespace quantdyn
#endif
