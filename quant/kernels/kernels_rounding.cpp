#include "quant/kernels/kernels_rounding.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/kernels_rounding.cpp"
// clang-format off
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace quantdyn::rounding_kernels::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

template <class V>
struct Rectified {
  V h, slope;
};

/// The rectified sigmoid and its slope, 0 where it is cut off.
template <class D, class V = hn::Vec<D>>
HWY_INLINE Rectified<V> rectified(D d, V v) {
  const V one = hn::Set(d, 1.0f), zero = hn::Zero(d), stretch = hn::Set(d, 1.2f);
  const V sigmoid = hn::Div(one, hn::Add(one, hn::Exp(d, hn::Neg(v))));
  const V h = hn::Sub(hn::Mul(sigmoid, stretch), hn::Set(d, 0.1f));
  const V slope = hn::Mul(hn::Mul(sigmoid, hn::Sub(one, sigmoid)), stretch);
  const auto inside = hn::And(hn::Gt(h, zero), hn::Lt(h, one));
  return {hn::Min(hn::Max(h, zero), one), hn::IfThenElseZero(inside, slope)};
}

/// Loads and stores whole vectors, or only the first lanes for channels that are left over.
template <class D>
struct Lanes {
  D d;
  int64_t count;
  hn::Mask<D> inside;

  HWY_INLINE Lanes(D tag, int64_t lanes)
      : d(tag), count(lanes), inside(hn::FirstN(tag, static_cast<size_t>(lanes))) {}
  HWY_INLINE bool is_whole() const { return count == static_cast<int64_t>(hn::Lanes(d)); }
  HWY_INLINE hn::Vec<D> load(const float* from) const {
    if (is_whole()) return hn::LoadU(d, from);
    HWY_ALIGN float values[hn::MaxLanes(D())] = {};
    for (int64_t i = 0; i < count; ++i) values[i] = from[i];
    return hn::Load(d, values);
  }
  HWY_INLINE void store(hn::Vec<D> vector, float* to) const {
    if (is_whole()) return hn::StoreU(vector, d, to);
    HWY_ALIGN float values[hn::MaxLanes(D())];
    hn::Store(vector, d, values);
    for (int64_t i = 0; i < count; ++i) to[i] = values[i];
  }
};

/// Calls body(lanes, channel) for the vectors of channels [0, channels).
template <typename Body>
HWY_INLINE void for_lanes(int64_t channels, const Body& body) {
  const hn::ScalableTag<float> d;
  const auto width = static_cast<int64_t>(hn::Lanes(d));
  const Lanes<decltype(d)> whole(d, width), rest(d, channels % width);
  int64_t c = 0;
  for (; c + width <= channels; c += width) body(whole, c);
  if (c < channels) body(rest, c);
}

/// The effective weight of `code`, which is not clipped yet.
template <class L, class V>
HWY_INLINE V value_of(const L& lanes, const RoundingGrid& g, V code, int64_t c) {
  code = hn::Min(hn::Max(code, lanes.load(g.lowest + c)), lanes.load(g.highest + c));
  return hn::Mul(hn::Sub(code, lanes.load(g.zero_point + c)), lanes.load(g.scale + c));
}

/// Weights of one row, from one channel on.
struct Piece {
  RoundingGrid grid;  // its channels are those of the piece
  Rows weights;
};

/// Calls body(piece, element) for pieces of each row that fit into `most` channels.
template <typename Body>
HWY_INLINE void for_pieces(const RoundingGrid& g, const Rows& w, int64_t rows, int64_t most,
                           const Body& body) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < g.channels; c += most) {
      const int64_t i = r * g.channels + c;
      body(Piece{{g.scale + c, g.zero_point + c, g.lowest + c, g.highest + c,
                  HWY_MIN(most, g.channels - c)},
                 {w.floor_code + i, w.v + i, w.mean + i, w.square + i, w.effective + i}},
           i);
    }
}

void soften_piece(const Piece& piece) {
  const RoundingGrid& g = piece.grid;
  const Rows& w = piece.weights;
  for_lanes(g.channels, [&](const auto& lanes, int64_t c) HWY_ATTR {
    const auto h = rectified(lanes.d, lanes.load(w.v + c)).h;
    lanes.store(value_of(lanes, g, hn::Add(lanes.load(w.floor_code + c), h), c), w.effective + c);
  });
}

/// Its loops are short chains, many of which a processor runs at the same time.
constexpr int64_t most_channels = 256;
struct Buffers {
  HWY_ALIGN float h[most_channels], slope[most_channels], of_rule[most_channels];
};

/// h(V) and its slope. Returns the vector of the largest slopes.
template <class V>
HWY_INLINE V rectify_piece(const Piece& piece, Buffers& to, V slopes) {
  for_lanes(piece.grid.channels, [&](const auto& lanes, int64_t c) HWY_ATTR {
    const auto [h, slope] = rectified(lanes.d, lanes.load(piece.weights.v + c));
    slopes = hn::Max(slopes, hn::IfThenElseZero(lanes.inside, slope));
    hn::Store(h, lanes.d, to.h + c);
    hn::Store(slope, lanes.d, to.slope + c);
  });
  return slopes;
}

/// What the rule adds to dh.
HWY_INLINE void add_rule(const RoundingRule& rule, int64_t channels, Buffers& at) {
  for_lanes(channels, [&](const auto& lanes, int64_t c) HWY_ATTR {
    const auto d = lanes.d;
    const auto h = hn::Load(d, at.h + c);
    const auto off = hn::Sub(hn::Add(h, h), hn::Set(d, 1.0f));
    const auto size = hn::Max(hn::Abs(off), hn::Set(d, 1e-30f));  // of 0 there is no logarithm
    const auto power = hn::Exp(d, hn::Mul(hn::Set(d, rule.exponent - 1), hn::Log(d, size)));
    const auto factor = hn::Set(d, 2 * rule.strength * rule.exponent);
    hn::Store(hn::CopySign(hn::Mul(factor, power), off), d, at.of_rule + c);
  });
}

/// dV, and Adam's step.
HWY_INLINE void move_piece(const Piece& piece, const Buffers& at, bool has_rule,
                           const AdamStep& adam, const float* weight_gradient) {
  const RoundingGrid& g = piece.grid;
  const Rows& w = piece.weights;
  for_lanes(g.channels, [&](const auto& lanes, int64_t c) HWY_ATTR {
    const auto d = lanes.d;
    const auto code = hn::Add(lanes.load(w.floor_code + c), hn::Load(d, at.h + c));
    const auto is_free =
        hn::And(hn::Ge(code, lanes.load(g.lowest + c)), hn::Le(code, lanes.load(g.highest + c)));
    auto dv = hn::IfThenElseZero(is_free,
                                 hn::Mul(lanes.load(weight_gradient + c), lanes.load(g.scale + c)));
    if (has_rule) dv = hn::Sub(dv, hn::Load(d, at.of_rule + c));
    dv = hn::Mul(dv, hn::Load(d, at.slope + c));
    const auto mean = hn::Add(hn::Mul(hn::Set(d, adam.keep_mean), lanes.load(w.mean + c)),
                              hn::Mul(hn::Set(d, adam.take_mean), dv));
    const auto square = hn::Add(hn::Mul(hn::Set(d, adam.keep_square), lanes.load(w.square + c)),
                                hn::Mul(hn::Mul(hn::Set(d, adam.take_square), dv), dv));
    const auto size =
        hn::Add(hn::Mul(hn::Sqrt(square), hn::Set(d, adam.root)), hn::Set(d, adam.epsilon));
    lanes.store(mean, w.mean + c);
    lanes.store(square, w.square + c);
    lanes.store(hn::Sub(lanes.load(w.v + c), hn::Div(hn::Mul(hn::Set(d, adam.rate), mean), size)),
                w.v + c);
  });
}

void soften(const RoundingGrid& g, const Rows& w, int64_t rows) {
  for_pieces(g, w, rows, g.channels,
             [](const Piece& piece, int64_t) HWY_ATTR { soften_piece(piece); });
}

bool step(const RoundingGrid& g, const RoundingRule& rule, const AdamStep& adam,
          const float* weight_gradient, const Rows& w, int64_t rows) {
  const hn::ScalableTag<float> d;
  const bool has_rule = rule.strength > 0;
  auto slopes = hn::Zero(d);
  Buffers buffers;
  for_pieces(g, w, rows, most_channels, [&](const Piece& piece, int64_t i) HWY_ATTR {
    slopes = rectify_piece(piece, buffers, slopes);
    if (has_rule) add_rule(rule, piece.grid.channels, buffers);
    move_piece(piece, buffers, has_rule, adam, weight_gradient + i);
    soften_piece(piece);
  });
  return !hn::AllTrue(d, hn::Eq(slopes, hn::Zero(d)));
}

}  // namespace
}  // namespace quantdyn::rounding_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include <algorithm>
#include <cmath>

namespace quantdyn {

AdamStep AdamStep::at(int64_t t, double learning_rate) {
  const double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, steps = static_cast<double>(t);
  return {static_cast<float>(learning_rate / (1 - std::pow(beta1, steps))),
          static_cast<float>(1 / std::sqrt(1 - std::pow(beta2, steps))),
          static_cast<float>(beta1),
          static_cast<float>(1 - beta1),
          static_cast<float>(beta2),
          static_cast<float>(1 - beta2),
          static_cast<float>(epsilon)};
}

namespace rounding_kernels {

HWY_EXPORT(soften);
HWY_EXPORT(step);

void soften(const RoundingGrid& grid, const Rows& weights, int64_t rows) {
  HWY_DYNAMIC_DISPATCH(soften)(grid, weights, rows);
}

bool step(const RoundingGrid& grid, const RoundingRule& rule, const AdamStep& adam,
          const float* weight_gradient, const Rows& weights, int64_t rows) {
  return HWY_DYNAMIC_DISPATCH(step)(grid, rule, adam, weight_gradient, weights, rows);
}

namespace reference {
namespace {

struct RectifiedNumber {
  double h, slope;
};
RectifiedNumber rectified(double v) {
  const double sigmoid = 1 / (1 + std::exp(-v));
  const double h = 1.2 * sigmoid - 0.1;
  if (h <= 0 || h >= 1) return {std::clamp(h, 0.0, 1.0), 0};
  return {h, 1.2 * sigmoid * (1 - sigmoid)};
}

}  // namespace

void soften(const RoundingGrid& grid, const Rows& w, int64_t rows) {
  for (int64_t i = 0; i < rows * grid.channels; ++i) {
    const int64_t c = i % grid.channels;
    const double code =
        std::clamp<double>(w.floor_code[i] + rectified(w.v[i]).h, grid.lowest[c], grid.highest[c]);
    w.effective[i] = static_cast<float>((code - grid.zero_point[c]) * grid.scale[c]);
  }
}

bool step(const RoundingGrid& grid, const RoundingRule& rule, const AdamStep& adam,
          const float* weight_gradient, const Rows& w, int64_t rows) {
  bool is_any_free = false;
  for (int64_t i = 0; i < rows * grid.channels; ++i) {
    const int64_t c = i % grid.channels;
    const auto [h, slope] = rectified(w.v[i]);
    const double code = w.floor_code[i] + h, off = 2 * h - 1;
    const bool is_free = code >= grid.lowest[c] && code <= grid.highest[c];
    const double of_weight = is_free ? double{weight_gradient[i]} * grid.scale[c] : 0;
    const double of_rule = 2.0 * rule.strength * rule.exponent *
                           std::copysign(std::pow(std::abs(off), double{rule.exponent} - 1), off);
    const double dv = (of_weight - of_rule) * slope;
    is_any_free = is_any_free || slope != 0;
    w.mean[i] = static_cast<float>(double{adam.keep_mean} * w.mean[i] + adam.take_mean * dv);
    w.square[i] =
        static_cast<float>(double{adam.keep_square} * w.square[i] + adam.take_square * dv * dv);
    w.v[i] -= static_cast<float>(double{adam.rate} * w.mean[i] /
                                 (std::sqrt(double{w.square[i]}) * adam.root + adam.epsilon));
  }
  reference::soften(grid, w, rows);
  return is_any_free;
}

}  // namespace reference
}  // namespace rounding_kernels
}  // namespace quantdyn
#endif
