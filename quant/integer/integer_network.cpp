#include "quant/integer/integer_network.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "quant/folding/linear_pairs.h"

namespace quantdyn {
namespace {

/// Scale, zero point and allowed codes of an output.
struct Coding {
  double scale;
  int32_t zero_point;
  int32_t low, high;
};

Coding coding_of(const Quantization& quantization) {
  const AffineParameters affine = *quantization.affine(0);
  const auto [lowest, highest] = quantization.given_codes(0);
  return {affine.scale, affine.zero_point, lowest, highest};
}

/// The codes after a clip, limited to those of its ends.
Coding after_clip(const Coding& coding, const Ends& ends) {
  const auto code_of = [&](float end) {
    return static_cast<int32_t>(std::clamp<double>(
        std::nearbyint(end / coding.scale) + coding.zero_point, coding.low, coding.high));
  };
  return {coding.scale, coding.zero_point, code_of(ends.low), code_of(ends.high)};
}

/// Turns a sum at a finer scale into a code.
int32_t requantized(int64_t sum, const FixedPointMultiplier& multiplier, const Coding& to,
                    FixedPointRounding rounding) {
  return static_cast<int32_t>(
      std::clamp<int64_t>(multiply(sum, multiplier, rounding) + to.zero_point, to.low, to.high));
}

void note_largest(const std::vector<int64_t>& sums, int64_t& largest) {
  for (int64_t sum : sums) largest = std::max(largest, std::abs(sum));
}

class LinearUnit final : public IntegerUnit {
 public:
  LinearUnit(const Network& network, int unit, int source, const Coding& from, const Coding& to,
             const IntegerParts::Weight& weight)
      : source_(source), from_(from), to_(to) {
    const Linear<float>& linear = linear_of(network, unit);
    const Layer<float>& layer = *network.layer(network.units()[unit].leader);
    if (const Convolution* conv = layer.convolution()) {
      g_ = *conv;
    } else {  // dense: one pixel
      g_.in_h = g_.in_w = g_.out_h = g_.out_w = 1;
      g_.in_c = linear.in_channels;
      g_.out_c = linear.out_channels;
    }
    for (int64_t i = 0; i < weight.codes->elements(); ++i) {
      const int64_t entry = weight.quantization->entry_of(i % g_.out_c);
      weight_.push_back((*weight.codes)[i] - weight.quantization->affine(entry)->zero_point);
    }
    for (int64_t k = 0; k < g_.out_c; ++k) {
      const double scale = weight.quantization->affine(weight.quantization->entry_of(k))->scale;
      multiplier_.push_back(fixed_point(from.scale * scale / to.scale));
      bias_.push_back(weight.bias->codes.empty() ? 0 : weight.bias->codes[k]);
    }
  }

  void run(const UnitCodes& codes, std::vector<int32_t>& output, FixedPointRounding rounding,
           int64_t& largest_sum) const override {
    std::vector<int64_t> sums(static_cast<size_t>(g_.out_c));
    int32_t* to = output.data();
    for (int64_t row = 0; row < g_.out_h; ++row)
      for (int64_t column = 0; column < g_.out_w; ++column, to += g_.out_c) {
        sums = bias_;
        visit_window(g_, row, column, [&](int64_t tap, int64_t pixel) {
          add_products(codes[source_].data() + pixel * g_.in_c, tap, sums);
        });
        note_largest(sums, largest_sum);
        for (int64_t k = 0; k < g_.out_c; ++k)
          to[k] = requantized(sums[k], multiplier_[k], to_, rounding);
      }
  }

 private:
  /// sums += (x - z) w at one place of the kernel.
  void add_products(const int32_t* x, int64_t tap, std::vector<int64_t>& sums) const {
    if (g_.is_depthwise()) {
      const int32_t* const w = weight_.data() + tap * g_.out_c;
      for (int64_t c = 0; c < g_.out_c; ++c) sums[c] += int64_t{x[c] - from_.zero_point} * w[c];
      return;
    }
    const int64_t ins = g_.in_c / g_.groups, outs = g_.out_c / g_.groups;
    const int32_t* w = weight_.data() + tap * ins * g_.out_c;
    for (int64_t group = 0; group < g_.groups; ++group)
      for (int64_t i = 0; i < ins; ++i) {
        const int64_t value = x[group * ins + i] - from_.zero_point;
        const int32_t* const of_input = w + i * g_.out_c + group * outs;
        for (int64_t k = 0; k < outs; ++k) sums[group * outs + k] += value * of_input[k];
      }
  }

  int source_;
  Coding from_, to_;
  Convolution g_;
  std::vector<int32_t> weight_;  // minus their zero points
  std::vector<int64_t> bias_;
  std::vector<FixedPointMultiplier> multiplier_;
};

class PoolUnit final : public IntegerUnit {
 public:
  PoolUnit(const Pooling& pooling, int source, const Coding& from, const Coding& to)
      : pooling_(pooling), source_(source), from_(from), to_(to) {
    const int64_t most = pooling.window.kernel_h * pooling.window.kernel_w;
    for (int64_t count = 1; count <= most; ++count)
      by_count_.push_back(fixed_point(from.scale / (to.scale * static_cast<double>(count))));
  }

  void run(const UnitCodes& codes, std::vector<int32_t>& output, FixedPointRounding rounding,
           int64_t& largest_sum) const override {
    const Convolution& g = pooling_.window;
    const bool is_max = pooling_.kind == Pooling::Kind::max;
    std::vector<int64_t> sums(static_cast<size_t>(g.out_c));
    int32_t* to = output.data();
    for (int64_t row = 0; row < g.out_h; ++row)
      for (int64_t column = 0; column < g.out_w; ++column, to += g.out_c) {
        std::ranges::fill(sums, is_max ? std::numeric_limits<int64_t>::min() : 0);
        size_t inside = 0;
        visit_window(g, row, column, [&](int64_t, int64_t pixel) {
          const int32_t* const x = codes[source_].data() + pixel * g.in_c;
          for (int64_t c = 0; c < g.in_c; ++c) {
            const int64_t value = x[c] - from_.zero_point;
            sums[c] = is_max ? std::max(sums[c], value) : sums[c] + value;
          }
          ++inside;
        });
        if (!is_max) note_largest(sums, largest_sum);  // nothing accumulates in a maximum
        const size_t count = is_max ? 1 : pooling_.counts_padding ? by_count_.size() : inside;
        for (int64_t c = 0; c < g.out_c; ++c)
          to[c] = requantized(sums[c], by_count_[count - 1], to_, rounding);
      }
  }

 private:
  Pooling pooling_;
  int source_;
  Coding from_, to_;
  std::vector<FixedPointMultiplier> by_count_;  // for windows with 1, 2, ... pixels inside
};

class AddUnit final : public IntegerUnit {
 public:
  AddUnit(std::vector<int> sources, const std::vector<Coding>& from, const Coding& to)
      : sources_(std::move(sources)), from_(from), to_(to) {
    // Leaves a bit for the sum of two: x - z has up to 17 bits with its sign.
    for (const Coding& coding : from)
      while ((int64_t{coding.high} - coding.low) << shift_ >= int64_t{1} << 29) --shift_;
    double largest = 0;
    for (const Coding& coding : from) largest = std::max(largest, coding.scale);
    for (const Coding& coding : from) inputs_.push_back(fixed_point(coding.scale / (2 * largest)));
    sum_ = fixed_point(2 * largest / (std::ldexp(1.0, shift_) * to.scale));
  }

  void run(const UnitCodes& codes, std::vector<int32_t>& output, FixedPointRounding rounding,
           int64_t& largest_sum) const override {
    for (size_t i = 0; i < output.size(); ++i) {
      int64_t sum = 0;
      for (size_t s = 0; s < sources_.size(); ++s)
        sum +=
            multiply(int64_t{codes[sources_[s]][i] - from_[s].zero_point} * (int64_t{1} << shift_),
                     inputs_[s], rounding);
      largest_sum = std::max(largest_sum, std::abs(sum));
      output[i] = requantized(sum, sum_, to_, rounding);
    }
  }

 private:
  std::vector<int> sources_;
  std::vector<Coding> from_;
  Coding to_;
  int shift_ = 20;  // TensorFlow Lite's, at 8 bits
  std::vector<FixedPointMultiplier> inputs_;
  FixedPointMultiplier sum_;
};

/// Codes at another scale, or unchanged (flatten, an activation on its own).
class RescaleUnit final : public IntegerUnit {
 public:
  RescaleUnit(int source, const Coding& from, const Coding& to)
      : source_(source),
        from_(from),
        to_(to),
        is_copy_(from.scale == to.scale && from.zero_point == to.zero_point),
        multiplier_(fixed_point(from.scale / to.scale)) {}

  void run(const UnitCodes& codes, std::vector<int32_t>& output, FixedPointRounding rounding,
           int64_t&) const override {
    const std::vector<int32_t>& x = codes[source_];
    for (size_t i = 0; i < output.size(); ++i)
      output[i] = is_copy_ ? std::clamp(x[i], to_.low, to_.high)
                           : requantized(x[i] - from_.zero_point, multiplier_, to_, rounding);
  }

 private:
  int source_;
  Coding from_, to_;
  bool is_copy_;
  FixedPointMultiplier multiplier_;
};

/// Another unit's codes, limited by channel.
class ChannelClippedUnit final : public IntegerUnit {
 public:
  ChannelClippedUnit(std::unique_ptr<IntegerUnit> unclipped, std::vector<Coding> by_channel)
      : unclipped_(std::move(unclipped)), by_channel_(std::move(by_channel)) {}

  void run(const UnitCodes& codes, std::vector<int32_t>& output, FixedPointRounding rounding,
           int64_t& largest_sum) const override {
    unclipped_->run(codes, output, rounding, largest_sum);
    for (size_t i = 0; i < output.size(); ++i) {
      const Coding& to = by_channel_[i % by_channel_.size()];
      output[i] = std::clamp(output[i], to.low, to.high);
    }
  }

 private:
  std::unique_ptr<IntegerUnit> unclipped_;
  std::vector<Coding> by_channel_;
};

/// Whether the unit ends with a clip whose ends differ by channel.
bool has_channel_ends(const Network& network, int unit) {
  const int node = activation_node(network, unit);
  return node >= 0 && network.layer(node)->channel_ends();
}

std::vector<int> sources_of(const Network& network, int unit) {
  std::vector<int> out;
  for (int input : network.nodes()[network.units()[unit].leader].inputs)
    out.push_back(network.nodes()[input].unit);
  return out;
}

}  // namespace

std::string no_integer_form(const Network& network, int index) {
  const Unit& unit = network.units()[index];
  if (unit.leader == 0) return "";
  const int activation = activation_node(network, index);
  const Layer<float>& leader = *network.layer(unit.leader);
  const bool is_clip = activation < 0 || has_channel_ends(network, index) ||
                       network.layer(activation)->activation()->is_clip();
  const bool is_known = leader.linear() || leader.pooling() || leader.activation() ||
                        leader.is_sum() || leader.passes().order;
  if (is_clip && is_known) return "";
  return fmt::format(
      "has no form in integers: {}; accepted: convolutions, dense, pools, add, flatten, and of "
      "activations clips such as relu and relu6",
      node_text(network, is_clip ? unit.leader : activation));
}

bool passes_codes(const Network& network, int unit) {
  const int leader = network.units()[unit].leader;
  const std::optional<Activation> activation = activation_of(network, unit);
  return leader > 0 && network.layer(leader)->passes().values &&
         (!activation || activation->is_clip());
}

IntegerNetwork::IntegerNetwork(const Network& network, const IntegerParts& parts) {
  for (int index = 0; index < static_cast<int>(network.units().size()); ++index) {
    const Unit& unit = network.units()[index];
    const auto own = parts.outputs.find(index);
    const std::vector<int> sources = index == 0 ? std::vector<int>{} : sources_of(network, index);
    codings_.push_back(own != parts.outputs.end() ? own->second : codings_.at(sources.at(0)));
    units_.emplace_back();
    if (index == 0) continue;
    if (const std::string why = no_integer_form(network, index); !why.empty())
      throw_error("unit '{}' {}", unit.name, why);
    std::vector<Coding> from;
    for (int source : sources) from.push_back(coding_of(*codings_[source]));
    const Coding whole = coding_of(*codings_[index]);
    const std::optional<Activation> activation = activation_of(network, index);
    const Coding to = activation ? after_clip(whole, activation->values) : whole;
    if (network.layer(unit.leader)->linear())
      units_[index] = std::make_unique<LinearUnit>(network, index, sources[0], from[0], to,
                                                   parts.weights.at(index));
    else if (const auto pooling = network.layer(unit.leader)->pooling())
      units_[index] = std::make_unique<PoolUnit>(*pooling, sources[0], from[0], to);
    else if (network.layer(unit.leader)->is_sum())
      units_[index] = std::make_unique<AddUnit>(sources, from, to);
    else
      units_[index] = std::make_unique<RescaleUnit>(sources[0], from[0], to);
    if (!has_channel_ends(network, index)) continue;
    std::vector<Coding> by_channel;
    for (int64_t c = 0; c < network.nodes()[unit.last].shape.channels(); ++c)
      by_channel.push_back(after_clip(whole, channel_ends_of(network, index, c)));
    units_[index] =
        std::make_unique<ChannelClippedUnit>(std::move(units_[index]), std::move(by_channel));
  }
}

}  // namespace quantdyn
