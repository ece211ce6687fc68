#include "layers/fused/rows.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "layers/fused/rows.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "layers/fused/activation-inl.h"
#include "layers/fused/channels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quantdyn::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t rows_per_run = 16;  // floats added before they go to double

// Neighbouring vectors of a row that are worked on together: what is held for their channels fills
// half of the registers.
constexpr bool has_32_registers = HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64;
constexpr int vectors_at_once = has_32_registers ? 4 : 2;

/// Calls body(tag, vectors, first, end, channel) for runs of rows and blocks of channels.
template <typename Body>
HWY_INLINE void for_blocks(int64_t rows, int64_t channels, const Body& body) {
  const hn::ScalableTag<float> wide;
  const hn::CappedTag<float, 1> narrow;
  const auto lanes = static_cast<int64_t>(hn::Lanes(wide));
  constexpr std::integral_constant<int, vectors_at_once> most;
  constexpr std::integral_constant<int, 2> two;
  constexpr std::integral_constant<int, 1> one;
  for (int64_t first = 0; first < rows; first += rows_per_run) {
    const int64_t end = std::min(rows, first + rows_per_run);
    int64_t c = 0;
    for (; c + most * lanes <= channels; c += most * lanes) body(wide, most, first, end, c);
    if constexpr (vectors_at_once > 2)
      for (; c + two * lanes <= channels; c += two * lanes) body(wide, two, first, end, c);
    for (; c + lanes <= channels; c += lanes) body(wide, one, first, end, c);
    for (; c < channels; ++c) body(narrow, one, first, end, c);
  }
}

/// What is held of an array for a block of channels.
template <class D, int vectors>
struct Held {
  hn::Vec<D> v[vectors];
  HWY_INLINE Held(D d, const float* from) {
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
#pragma GCC unroll 4
    for (int j = 0; j < vectors; ++j) v[j] = hn::LoadU(d, from + j * lanes);
  }
};

template <FusedActivation activation>
void affine_rows(const float* x, int64_t x_row, float* y, int64_t rows, int64_t channels,
                 const float* scale, const float* shift) {
  for_blocks(
      rows, channels, [&](auto d, auto vectors, int64_t first, int64_t end, int64_t c) HWY_ATTR {
        constexpr int count = decltype(vectors)::value;
        using H = Held<decltype(d), count>;
        const H scales(d, scale + c), shifts(d, shift + c);
        for (int64_t row = first; row < end; ++row) {
          const H values(d, x + row * x_row + c);
          float* const to = y + row * channels + c;
#pragma GCC unroll 4
          for (int j = 0; j < count; ++j)
            hn::StoreU(activate<activation>(d, hn::MulAdd(values.v[j], scales.v[j], shifts.v[j])),
                       d, to + j * static_cast<int64_t>(hn::Lanes(d)));
        }
      });
}

/// The same bits as activate().
void clip_rows(float* x, int64_t rows, int64_t channels, const float* low, const float* high) {
  for (int64_t row = 0; row < rows; ++row, x += channels)
    for_channels(channels, [&](auto d, int64_t c) HWY_ATTR {
      const auto raised = hn::Max(hn::LoadU(d, low + c), hn::LoadU(d, x + c));
      hn::StoreU(hn::Min(hn::LoadU(d, high + c), raised), d, x + c);
    });
}

void sum_rows(const float* x, int64_t rows, int64_t channels, const float* shift, double* sum,
              double* square) {
  for (int64_t first = 0; first < rows; first += rows_per_run) {
    const int64_t end = std::min(rows, first + rows_per_run);
    for_channels(channels, [&](auto d, int64_t c) HWY_ATTR {
      const auto shifts = hn::LoadU(d, shift + c);
      auto sums = hn::Zero(d), squares = hn::Zero(d);
      for (int64_t row = first; row < end; ++row) {
        const auto value = hn::Sub(hn::LoadU(d, x + row * channels + c), shifts);
        sums = hn::Add(sums, value);
        squares = hn::MulAdd(value, value, squares);
      }
      add_to_doubles(d, sums, sum + c);
      add_to_doubles(d, squares, square + c);
    });
  }
}

template <FusedActivation activation>
void sum_masked_rows(const float* z, const float* dy, int64_t rows, int64_t channels,
                     const float* scale, const float* shift, const float* mean, double* sum,
                     double* product) {
  for (int64_t first = 0; first < rows; first += rows_per_run) {
    const int64_t end = std::min(rows, first + rows_per_run);
    for_channels(channels, [&](auto d, int64_t c) HWY_ATTR {
      const auto scales = hn::LoadU(d, scale + c), shifts = hn::LoadU(d, shift + c),
                 means = hn::LoadU(d, mean + c);
      auto sums = hn::Zero(d), products = hn::Zero(d);
      for (int64_t row = first; row < end; ++row) {
        const auto value = hn::LoadU(d, z + row * channels + c);
        const auto g = masked<activation>(d, hn::MulAdd(value, scales, shifts),
                                          hn::LoadU(d, dy + row * channels + c));
        sums = hn::Add(sums, g);
        products = hn::MulAdd(g, hn::Sub(value, means), products);
      }
      add_to_doubles(d, sums, sum + c);
      add_to_doubles(d, products, product + c);
    });
  }
}

template <FusedActivation activation>
void norm_gradient_rows(const float* z, const float* dy, float* dz, int64_t rows, int64_t channels,
                        const float* scale, const float* shift, const float* of_z,
                        const float* constant) {
  for_blocks(rows, channels,
             [&](auto d, auto vectors, int64_t first, int64_t end, int64_t c) HWY_ATTR {
               constexpr int count = decltype(vectors)::value;
               using H = Held<decltype(d), count>;
               const H scales(d, scale + c), shifts(d, shift + c), of_zs(d, of_z + c),
                   constants(d, constant + c);
               for (int64_t row = first; row < end; ++row) {
                 const int64_t at = row * channels + c;
                 const H values(d, z + at), gradients(d, dy + at);
#pragma GCC unroll 4
                 for (int j = 0; j < count; ++j) {
                   const auto g = masked<activation>(
                       d, hn::MulAdd(values.v[j], scales.v[j], shifts.v[j]), gradients.v[j]);
                   const auto rest = hn::MulAdd(values.v[j], of_zs.v[j], constants.v[j]);
                   hn::StoreU(hn::MulAdd(g, scales.v[j], rest), d,
                              dz + at + j * static_cast<int64_t>(hn::Lanes(d)));
                 }
               }
             });
}

template <FusedActivation activation>
void mask_output_rows(const float* y, float* dy, int64_t rows, int64_t channels, double* sum) {
  for (int64_t first = 0; first < rows; first += rows_per_run) {
    const int64_t end = std::min(rows, first + rows_per_run);
    for_channels(channels, [&](auto d, int64_t c) HWY_ATTR {
      auto sums = hn::Zero(d);
      for (int64_t row = first; row < end; ++row) {
        float* const at = dy + row * channels + c;
        const auto g =
            masked<activation>(d, hn::LoadU(d, y + row * channels + c), hn::LoadU(d, at));
        hn::StoreU(g, d, at);
        sums = hn::Add(sums, g);
      }
      add_to_doubles(d, sums, sum + c);
    });
  }
}

}  // namespace

void affine(const float* x, int64_t x_row, float* y, int64_t rows, int64_t channels,
            const float* scale, const float* shift, FusedActivation activation) {
  with_activation(activation, [&]<FusedActivation a>() HWY_ATTR {
    affine_rows<a>(x, x_row, y, rows, channels, scale, shift);
  });
}
void clip(float* x, int64_t rows, int64_t channels, const float* low, const float* high) {
  clip_rows(x, rows, channels, low, high);
}
void shifted_sums(const float* x, int64_t rows, int64_t channels, const float* shift, double* sum,
                  double* square) {
  sum_rows(x, rows, channels, shift, sum, square);
}
void masked_sums(const float* z, const float* dy, int64_t rows, int64_t channels,
                 const float* scale, const float* shift, const float* mean,
                 FusedActivation activation, double* sum, double* product) {
  with_activation(activation, [&]<FusedActivation a>() HWY_ATTR {
    sum_masked_rows<a>(z, dy, rows, channels, scale, shift, mean, sum, product);
  });
}
void gradient(const float* z, const float* dy, float* dz, int64_t rows, int64_t channels,
              const float* scale, const float* shift, const float* of_z, const float* constant,
              FusedActivation activation) {
  with_activation(activation, [&]<FusedActivation a>() HWY_ATTR {
    norm_gradient_rows<a>(z, dy, dz, rows, channels, scale, shift, of_z, constant);
  });
}
void mask_output(const float* y, float* dy, int64_t rows, int64_t channels,
                 FusedActivation activation, double* sum) {
  with_activation(activation, [&]<FusedActivation a>()
                                  HWY_ATTR { mask_output_rows<a>(y, dy, rows, channels, sum); });
}

}  // namespace quantdyn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quantdyn {

HWY_EXPORT(affine);
HWY_EXPORT(clip);
HWY_EXPORT(shifted_sums);
HWY_EXPORT(masked_sums);
HWY_EXPORT(gradient);
HWY_EXPORT(mask_output);

void apply_map(const ChannelMap& map, const float* x, int64_t x_row, int64_t rows, int64_t channels,
               float* to) {
  HWY_DYNAMIC_DISPATCH(affine)
  (x, x_row, to, rows, channels, map.scale, map.shift, map.activation);
}

void clip_channels(float* x, int64_t rows, int64_t channels, const float* low, const float* high) {
  HWY_DYNAMIC_DISPATCH(clip)(x, rows, channels, low, high);
}

void add_shifted_sums(const float* x, int64_t rows, int64_t channels, const float* shift,
                      double* sum, double* square) {
  HWY_DYNAMIC_DISPATCH(shifted_sums)(x, rows, channels, shift, sum, square);
}

void sum_masked(const float* z, const float* dy, int64_t rows, int64_t channels, const float* scale,
                const float* shift, const float* mean, FusedActivation activation, double* sum,
                double* product) {
  HWY_DYNAMIC_DISPATCH(masked_sums)
  (z, dy, rows, channels, scale, shift, mean, activation, sum, product);
}

void norm_gradient(const float* z, const float* dy, float* dz, int64_t rows, int64_t channels,
                   const float* scale, const float* shift, const float* of_z, const float* constant,
                   FusedActivation activation) {
  HWY_DYNAMIC_DISPATCH(gradient)
  (z, dy, dz, rows, channels, scale, shift, of_z, constant, activation);
}

void mask_by_output(const float* y, float* dy, int64_t rows, int64_t channels,
                    FusedActivation activation, double* sum) {
  HWY_DYNAMIC_DISPATCH(mask_output)(y, dy, rows, channels, activation, sum);
}

}  // namespace quantdyn
#endif
