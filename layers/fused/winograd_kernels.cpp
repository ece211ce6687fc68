#include "layers/fused/winograd_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "layers/fused/winograd_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "layers/fused/activation-inl.h"
#include "layers/fused/channels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quantdyn::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t max_lanes = HWY_MAX_BYTES / sizeof(float);

/// A small matrix of vectors in memory: [rows, columns], `lanes` floats each.
template <class D>
struct Vectors {
  HWY_ALIGN float values[WinogradTile::values * max_lanes];

  HWY_INLINE auto get(D d, int64_t i) const { return hn::Load(d, values + i * max_lanes); }
  HWY_INLINE void set(D d, int64_t i, hn::Vec<D> v) { hn::Store(v, d, values + i * max_lanes); }
};

/// out = B^T in, for six vectors.
template <class D, class Load, class Save>
HWY_INLINE void transform_input(D d, const Load& in, const Save& out) {
  const auto d0 = in(0), d1 = in(1), d2 = in(2), d3 = in(3), d4 = in(4), d5 = in(5);
  const auto two = hn::Set(d, 2.0f), four = hn::Set(d, 4.0f), five = hn::Set(d, 5.0f);
  const auto a = hn::NegMulAdd(four, d2, d4);  // d4 - 4 d2
  const auto b = hn::NegMulAdd(four, d1, d3);  // d3 - 4 d1
  const auto e = hn::Sub(d4, d2), f = hn::Sub(d3, d1);
  out(0, hn::MulAdd(four, d0, hn::NegMulAdd(five, d2, d4)));
  out(1, hn::Add(a, b));
  out(2, hn::Sub(a, b));
  out(3, hn::MulAdd(two, f, e));
  out(4, hn::NegMulAdd(two, f, e));
  out(5, hn::MulAdd(four, d1, hn::NegMulAdd(five, d3, d5)));
}

/// out = A^T in: six vectors to four.
template <class D, class Load, class Save>
HWY_INLINE void transform_output(D d, const Load& in, const Save& out) {
  const auto m1 = in(1), m2 = in(2), m3 = in(3), m4 = in(4);
  const auto a = hn::Add(m1, m2), b = hn::Sub(m1, m2), e = hn::Add(m3, m4), f = hn::Sub(m3, m4);
  out(0, hn::Add(in(0), hn::Add(a, e)));
  out(1, hn::MulAdd(hn::Set(d, 2.0f), f, b));
  out(2, hn::MulAdd(hn::Set(d, 4.0f), e, a));
  out(3, hn::Add(in(5), hn::MulAdd(hn::Set(d, 8.0f), f, b)));
}

/// out = A in: four vectors to six.
template <class D, class Load, class Save>
HWY_INLINE void transform_output_gradient(D d, const Load& in, const Save& out) {
  const auto y0 = in(0), y1 = in(1), y2 = in(2), y3 = in(3);
  const auto even = hn::Add(y0, y2), odd = hn::Add(y1, y3);
  const auto even4 = hn::MulAdd(hn::Set(d, 4.0f), y2, y0);
  const auto odd8 = hn::MulAdd(hn::Set(d, 8.0f), y3, hn::Mul(hn::Set(d, 2.0f), y1));
  out(0, y0);
  out(1, hn::Add(even, odd));
  out(2, hn::Sub(even, odd));
  out(3, hn::Add(even4, odd8));
  out(4, hn::Sub(even4, odd8));
  out(5, y3);
}

/// out = G in: three vectors to six.
template <class D, class Load, class Save>
HWY_INLINE void transform_weight(D d, const Load& in, const Save& out) {
  const auto g0 = in(0), g1 = in(1), g2 = in(2);
  const auto sixth = hn::Set(d, -1.0f / 6), even = hn::Add(g0, g2);
  out(0, hn::Mul(hn::Set(d, 0.25f), g0));
  out(1, hn::Mul(sixth, hn::Add(even, g1)));
  out(2, hn::Mul(sixth, hn::Sub(even, g1)));
  const auto wide = hn::MulAdd(hn::Set(d, 1.0f / 24), g0, hn::Mul(hn::Set(d, 1.0f / 6), g2));
  const auto twelfth = hn::Set(d, 1.0f / 12);
  out(3, hn::MulAdd(twelfth, g1, wide));
  out(4, hn::NegMulAdd(twelfth, g1, wide));
  out(5, g2);
}

/// out = G^T in: six vectors to three.
template <class D, class Load, class Save>
HWY_INLINE void transform_weight_gradient(D d, const Load& in, const Save& out) {
  const auto u1 = in(1), u2 = in(2), u3 = in(3), u4 = in(4);
  const auto a = hn::Add(u1, u2), b = hn::Sub(u1, u2), e = hn::Add(u3, u4), f = hn::Sub(u3, u4);
  const auto sixth = hn::Set(d, 1.0f / 6);
  out(0, hn::MulAdd(hn::Set(d, 0.25f), in(0),
                    hn::NegMulAdd(sixth, a, hn::Mul(hn::Set(d, 1.0f / 24), e))));
  out(1, hn::NegMulAdd(sixth, b, hn::Mul(hn::Set(d, 1.0f / 12), f)));
  out(2, hn::Add(in(5), hn::NegMulAdd(sixth, a, hn::Mul(sixth, e))));
}

/// Row r, column s of a tile; zero outside the image.
template <class D>
HWY_INLINE auto load_inside(D d, const float* image, const ImageTile& tile, int64_t r, int64_t s,
                            int64_t c) {
  const int64_t h = tile.row + r, w = tile.column + s;
  if (h < 0 || h >= tile.h || w < 0 || w >= tile.w) return hn::Zero(d);
  return hn::LoadU(d, image + (h * tile.w + w) * tile.channels + c);
}

/// `load(r, s)` gives row r, column s of a tile.
template <class D, class Load>
HWY_INLINE void input_channels(D d, const Load& load, float* to, int64_t plane) {
  Vectors<D> half;  // B^T d, [6,6]
  for (int64_t s = 0; s < 6; ++s)
    transform_input(
        d, [&](int64_t r) HWY_ATTR { return load(r, s); },
        [&](int64_t r, auto v) HWY_ATTR { half.set(d, r * 6 + s, v); });
  for (int64_t r = 0; r < 6; ++r)
    transform_input(
        d, [&](int64_t s) HWY_ATTR { return half.get(d, r * 6 + s); },
        [&](int64_t s, auto v) HWY_ATTR { hn::StoreU(v, d, to + (r * 6 + s) * plane); });
}

/// The same through a map; the padding is zero after it.
template <FusedActivation activation, class D>
HWY_INLINE auto load_mapped(D d, const float* image, const ChannelMap& map, const ImageTile& tile,
                            int64_t r, int64_t s, int64_t c) {
  const int64_t h = tile.row + r, w = tile.column + s;
  if (h < 0 || h >= tile.h || w < 0 || w >= tile.w) return hn::Zero(d);
  const auto x = hn::LoadU(d, image + (h * tile.w + w) * tile.channels + c);
  return activate<activation>(
      d, hn::MulAdd(x, hn::LoadU(d, map.scale + c), hn::LoadU(d, map.shift + c)));
}

}  // namespace

void input(const float* image, const ChannelMap* map, const ImageTile& tile, float* to,
           int64_t plane) {
  if (map == nullptr)
    return for_channels(tile.channels, [&](auto d, int64_t c) HWY_ATTR {
      input_channels(
          d, [&](int64_t r, int64_t s) HWY_ATTR { return load_inside(d, image, tile, r, s, c); },
          to + c, plane);
    });
  with_activation(map->activation, [&]<FusedActivation activation>() HWY_ATTR {
    for_channels(tile.channels, [&](auto d, int64_t c) HWY_ATTR {
      input_channels(
          d,
          [&](int64_t r, int64_t s)
              HWY_ATTR { return load_mapped<activation>(d, image, *map, tile, r, s, c); },
          to + c, plane);
    });
  });
}

void output(const float* from, int64_t plane, float* image, const ImageTile& tile,
            const ChannelMap* map, bool add) {
  for_channels(tile.channels, [&](auto d, int64_t c) HWY_ATTR {
    const Mapped<decltype(d)> mapped(d, map, c);
    Vectors<decltype(d)> half;  // A^T m, [4,6]
    for (int64_t s = 0; s < 6; ++s)
      transform_output(
          d, [&](int64_t r) HWY_ATTR { return hn::LoadU(d, from + (r * 6 + s) * plane + c); },
          [&](int64_t r, auto v) HWY_ATTR { half.set(d, r * 6 + s, v); });
    for (int64_t r = 0; r < 4 && tile.row + r < tile.h; ++r)
      transform_output(
          d, [&](int64_t s) HWY_ATTR { return half.get(d, r * 6 + s); },
          [&](int64_t s, auto v) HWY_ATTR {
            if (tile.column + s >= tile.w) return;
            float* const at =
                image + ((tile.row + r) * tile.w + tile.column + s) * tile.channels + c;
            const auto value = map ? mapped(d, v) : v;
            hn::StoreU(add ? hn::Add(hn::LoadU(d, at), value) : value, d, at);
          });
  });
}

void output_gradient(const float* image, const ImageTile& tile, float* to, int64_t plane) {
  for_channels(tile.channels, [&](auto d, int64_t c) HWY_ATTR {
    Vectors<decltype(d)> half;  // A y, [6,4]
    for (int64_t s = 0; s < 4; ++s)
      transform_output_gradient(
          d, [&](int64_t r) HWY_ATTR { return load_inside(d, image, tile, r, s, c); },
          [&](int64_t r, auto v) HWY_ATTR { half.set(d, r * 4 + s, v); });
    for (int64_t r = 0; r < 6; ++r)
      transform_output_gradient(
          d, [&](int64_t s) HWY_ATTR { return half.get(d, r * 4 + s); },
          [&](int64_t s, auto v) HWY_ATTR { hn::StoreU(v, d, to + (r * 6 + s) * plane + c); });
  });
}

void weight(const float* from, int64_t plane, int64_t first, int64_t end, float* to) {
  from += first;
  to += first;
  for_channels(end - first, [&](auto d, int64_t i) HWY_ATTR {
    Vectors<decltype(d)> half;  // G g, [6,3]
    for (int64_t s = 0; s < 3; ++s)
      transform_weight(
          d, [&](int64_t r) HWY_ATTR { return hn::LoadU(d, from + (r * 3 + s) * plane + i); },
          [&](int64_t r, auto v) HWY_ATTR { half.set(d, r * 3 + s, v); });
    for (int64_t r = 0; r < 6; ++r)
      transform_weight(
          d, [&](int64_t s) HWY_ATTR { return half.get(d, r * 3 + s); },
          [&](int64_t s, auto v) HWY_ATTR { hn::StoreU(v, d, to + (r * 6 + s) * plane + i); });
  });
}

void weight_gradient(const float* from, int64_t in_channels, int64_t out_channels, float* to) {
  const int64_t plane = in_channels * out_channels;
  for_channels(plane, [&](auto d, int64_t i) HWY_ATTR {
    Vectors<decltype(d)> half;  // G^T u, [3,6]
    for (int64_t s = 0; s < 6; ++s)
      transform_weight_gradient(
          d, [&](int64_t r) HWY_ATTR { return hn::LoadU(d, from + (r * 6 + s) * plane + i); },
          [&](int64_t r, auto v) HWY_ATTR { half.set(d, r * 6 + s, v); });
    for (int64_t r = 0; r < 3; ++r)
      transform_weight_gradient(
          d, [&](int64_t s) HWY_ATTR { return half.get(d, r * 6 + s); },
          [&](int64_t s, auto v) HWY_ATTR {
            float* const at = to + (r * 3 + s) * plane + i;
            hn::StoreU(hn::Add(hn::LoadU(d, at), v), d, at);
          });
  });
}

}  // namespace quantdyn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quantdyn {

HWY_EXPORT(input);
HWY_EXPORT(output);
HWY_EXPORT(output_gradient);
HWY_EXPORT(weight);
HWY_EXPORT(weight_gradient);

void winograd_input(const float* image, const ChannelMap* map, const ImageTile& tile, float* to,
                    int64_t plane) {
  HWY_DYNAMIC_DISPATCH(input)(image, map, tile, to, plane);
}
void winograd_output(const float* from, int64_t plane, float* image, const ImageTile& tile,
                     const ChannelMap* map, bool add) {
  HWY_DYNAMIC_DISPATCH(output)(from, plane, image, tile, map, add);
}
void winograd_output_gradient(const float* image, const ImageTile& tile, float* to, int64_t plane) {
  HWY_DYNAMIC_DISPATCH(output_gradient)(image, tile, to, plane);
}
void winograd_weight(const float* from, int64_t plane, int64_t first, int64_t end, float* to) {
  HWY_DYNAMIC_DISPATCH(weight)(from, plane, first, end, to);
}
void winograd_weight_gradient(const float* from, int64_t in_channels, int64_t out_channels,
                              float* to) {
  HWY_DYNAMIC_DISPATCH(weight_gradient)(from, in_channels, out_channels, to);
}

}  // namespace quantdyn
#endif
