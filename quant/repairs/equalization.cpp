#include "quant/repairs/equalization.h"

#include <algorithm>
#include <cmath>

#include "quant/repairs/clip_ends.h"
#include "quant/schemes/selection.h"

namespace quantdyn {
namespace {

const Quantity scale_quantity{
    .name = "equalization_scale",
    .units = "1",
    .long_name =
        "what the channel's weights and bias were divided by, and the next "
        "layer's multiplied by",
    .formula =
        "prod s_i, s_i = sqrt(r1_i r2_i) / r2_i (Nagel et al. 2019, arXiv "
        "1906.04721, eq. 11)"};
const Quantity sweeps_quantity{
    .name = "equalization_sweeps", .units = "1", .long_name = "sweeps over all pairs of layers"};
const Quantity residual_quantity{.name = "equalization_residual",
                                 .units = "1",
                                 .long_name = "largest |s - 1| of the last sweep over all pairs"};

/// The largest |w| that joins an input and an output channel, and the scales found so far.
class ScaledWeight {
 public:
  ScaledWeight(const Linear<float>& linear, const WeightAxes& axes)
      : inputs_(axes.source_channels()),
        outputs_(linear.out_channels),
        largest_(static_cast<size_t>(inputs_ * outputs_)),
        of_input(static_cast<size_t>(inputs_), 1.0),
        of_output(static_cast<size_t>(outputs_), 1.0) {
    const Tensor<float>& weight = linear.weight->master;
    for (int64_t i = 0; i < weight.elements(); ++i) {
      double& entry = largest_[axes.input_channel(i) * outputs_ + axes.output_channel(i)];
      entry = std::max(entry, std::abs(static_cast<double>(weight[i])));
    }
  }

  std::vector<double> output_ranges() const {
    return ranges([&](int64_t, int64_t out) { return out; }, outputs_);
  }
  std::vector<double> input_ranges() const {
    return ranges([&](int64_t in, int64_t) { return in; }, inputs_);
  }

 private:
  template <typename Entry>
  std::vector<double> ranges(const Entry& entry, int64_t size) const {
    std::vector<double> out(static_cast<size_t>(size));
    for (int64_t in = 0; in < inputs_; ++in)
      for (int64_t k = 0; k < outputs_; ++k) {
        double& range = out[entry(in, k)];
        range = std::max(range, largest_[in * outputs_ + k] * of_input[in] * of_output[k]);
      }
    return out;
  }

  int64_t inputs_, outputs_;
  std::vector<double> largest_;

 public:
  std::vector<double> of_input, of_output;  ///< factors of the weights
};

/// What scales between two layers must respect.
struct Limits {
  std::vector<bool> is_live;          ///< by channel; the others keep s = 1
  std::vector<double> least_product;  ///< of all s of a channel; 0: no limit
};

/// Which channels between two layers carry something: the folded norm saw some variance, and both
/// ranges are over that share of their layer's largest. In the others, rounding errors would set
/// the scale.
std::vector<bool> live_channels(const ScaledWeight& first, const ScaledWeight& second,
                                const FoldedNorm& norm, const Equalization& settings) {
  const std::vector<double> r1 = first.output_ranges(), r2 = second.input_ranges();
  const double least1 = settings.smallest * std::ranges::max(r1);
  const double least2 = settings.smallest * std::ranges::max(r2);
  std::vector<bool> out;
  for (size_t i = 0; i < r1.size(); ++i) {
    const bool is_dead = !norm.variance.empty() && norm.variance[i] < settings.dead_variance;
    out.push_back(!is_dead && r1[i] > least1 && r2[i] > least2);
  }
  return out;
}

/// The largest |activation| of each channel, if values before the activation are at most
/// `deviations` deviations from their mean; infinite if nothing is known.
std::vector<double> activation_ranges(const FoldedNetwork& net, int unit, double deviations) {
  const FoldedNorm& norm = net.norms[unit];
  std::vector<double> out;
  for (int64_t c = 0; c < linear_of(net.network, unit).out_channels; ++c) {
    const Ends ends = channel_ends_of(net.network, unit, c);
    double low = -Activation::infinity, high = Activation::infinity;
    if (!norm.beta.empty()) {
      low = norm.beta[c] - deviations * std::abs(norm.gamma[c]);
      high = norm.beta[c] + deviations * std::abs(norm.gamma[c]);
    }
    out.push_back(std::max(std::abs(std::clamp<double>(low, ends.low, ends.high)),
                           std::abs(std::clamp<double>(high, ends.low, ends.high))));
  }
  return out;
}

Limits limits_of(const FoldedNetwork& net, int unit, const ScaledWeight& first,
                 const ScaledWeight& second, const Equalization& settings) {
  Limits out{live_channels(first, second, net.norms[unit], settings), {}};
  out.least_product.assign(out.is_live.size(), 0);
  using Bound = Equalization::Bound;
  if (settings.bound == Bound::none) return out;
  if (settings.bound == Bound::clips && !settings.scales_ends(net.network, unit)) return out;
  const std::vector<double> ranges = activation_ranges(net, unit, settings.deviations);
  double largest = 0;
  for (size_t i = 0; i < ranges.size(); ++i)
    if (out.is_live[i]) largest = std::max(largest, ranges[i]);
  if (largest == 0 || std::isinf(largest)) return out;  // nothing is known
  for (size_t i = 0; i < ranges.size(); ++i) out.least_product[i] = ranges[i] / largest;
  return out;
}

/// Equalizes one pair; returns max |s - 1|.
double equalize(ScaledWeight& first, ScaledWeight& second, const Limits& limits) {
  const std::vector<double> r1 = first.output_ranges(), r2 = second.input_ranges();
  double largest = 0;
  for (size_t i = 0; i < r1.size(); ++i) {
    if (!limits.is_live[i]) continue;
    const double s =
        std::max(std::sqrt(r1[i] * r2[i]) / r2[i], limits.least_product[i] * first.of_output[i]);
    first.of_output[i] /= s;
    second.of_input[i] *= s;
    largest = std::max(largest, std::abs(s - 1));
  }
  return largest;
}

/// Scales the ends of the unit's clip as its channels are.
void scale_clip(Network& network, int unit, const std::vector<double>& factors, Frame& report) {
  std::vector<double> low, high;
  for (size_t c = 0; c < factors.size(); ++c) {
    const Ends ends = channel_ends_of(network, unit, static_cast<int64_t>(c));
    low.push_back(ends.low * factors[c]);
    high.push_back(ends.high * factors[c]);
  }
  set_clip_ends(network, unit, low, high, report);
}

void write_back(FoldedNetwork& net, int unit, const ScaledWeight& scaled) {
  Linear<float>& linear = linear_of(net.network, unit);
  const WeightAxes axes = weight_axes(net.network, unit);
  Tensor<float>& weight = linear.weight->master;
  for (int64_t i = 0; i < weight.elements(); ++i)
    weight[i] = static_cast<float>(weight[i] * scaled.of_input[axes.input_channel(i)] *
                                   scaled.of_output[axes.output_channel(i)]);
  for (int64_t k = 0; k < linear.bias->master.elements(); ++k)
    linear.bias->master[k] = static_cast<float>(linear.bias->master[k] * scaled.of_output[k]);
  FoldedNorm& norm = net.norms[unit];
  for (size_t k = 0; k < norm.beta.size(); ++k) {
    norm.beta[k] *= scaled.of_output[k];
    norm.gamma[k] *= scaled.of_output[k];
  }
}

/// The pairs whose first unit is requested; all of them if none is.
std::vector<LinearPair> read_pairs(const Options& section, const Network& network) {
  std::vector<LinearPair> all = linear_pairs(network);
  if (const std::vector<int> wanted = select_units(section, network); !wanted.empty()) {
    for (int unit : wanted)
      if (std::ranges::none_of(all, [&](const LinearPair& p) { return p.first == unit; }))
        section.refuse(
            "nodes",
            fmt::format("'{}' cannot be equalized: equalization needs a layer with weights whose "
                        "output only one other such layer reads, without a branch or an add",
                        network.units()[unit].name));
    std::erase_if(all, [&](const LinearPair& pair) {
      return std::ranges::find(wanted, pair.first) == wanted.end();
    });
  }
  if (all.empty())
    section.refuse("", "the net has no two layers with weights in a row, without a branch between");
  return all;
}

bool is_homogeneous(const Network& network, int unit) {
  const std::optional<Activation> activation = activation_of(network, unit);
  return !activation || activation->is_homogeneous;
}

/// Whether the ends can be scaled with the channel.
bool has_ends(const Network& network, int unit) {
  const Layer<float>& layer = *network.layer(activation_node(network, unit));
  return layer.channel_ends() || layer.activation()->is_clip();
}

/// Whether relu is the activation without its upper end.
bool is_clip_at_zero(const Activation& activation) {
  return activation.is_clip() && activation.values.low == 0;
}

/// Refuses a pair whose activation can neither stay nor be replaced.
void check_pair(const Options& section, const Network& network, const LinearPair& pair,
                Equalization::Relu6 chosen) {
  if (is_homogeneous(network, pair.first) || chosen == Equalization::Relu6::skip) return;
  const bool can_replace = is_clip_at_zero(*activation_of(network, pair.first));
  const bool can_scale = has_ends(network, pair.first);
  if (can_replace && chosen == Equalization::Relu6::replace) return;
  if (can_scale && chosen == Equalization::Relu6::scale_ends) return;
  section.refuse("relu6",
                 fmt::format("{} follows '{}', and scaling its input does not scale its "
                             "output; accepted: {}{}skip",
                             node_text(network, activation_node(network, pair.first)),
                             network.units()[pair.first].name, can_scale ? "scale_ends, " : "",
                             can_replace ? "replace, " : ""));
}

}  // namespace

Equalization Equalization::read(const Options& section, const Network& network) {
  Equalization out{};
  out.tolerance =
      section.number("tolerance", 1e-3, accept::over(0.0), "largest |s - 1| of the last sweep");
  out.smallest = section.number(
      "smallest", 1e-6, accept::between(0.0, 1.0),
      "channels stay if a range on either side is at most this share of the layer's largest");
  out.sweeps = section.integer("sweeps", 100, accept::at_least<int64_t>(1),
                               "largest number of sweeps over the net");
  out.relu6 = section.choice<Relu6>(
      "relu6", Relu6::scale_ends,
      {{"scale_ends", Relu6::scale_ends},
       {"refuse", Relu6::refuse},
       {"replace", Relu6::replace},
       {"skip", Relu6::skip}},
      "if the activation between two layers does not scale with its input: scale the ends of a "
      "clip "
      "by channel, which keeps the function but needs a device with such clips; refuse the "
      "variant; replace a relu with an upper end by relu; or leave the pair as it is");
  out.bound = section.choice<Bound>(
      "bound", Bound::clips, {{"clips", Bound::clips}, {"all", Bound::all}, {"none", Bound::none}},
      "pairs in which no channel's activations may get a wider range than the layer had, as far as "
      "norms and clips tell: those with a clip whose ends are scaled; all; or none, as in the "
      "paper");
  out.deviations = section.number("deviations", 6.0, accept::over(0.0),
                                  "values before an activation are at most this many deviations of "
                                  "the folded norm from their mean");
  if (out.bound == Bound::none) section.leave_out("deviations", "needs bound: clips or all");
  out.pairs = read_pairs(section, network);
  section.finish();
  for (const LinearPair& pair : out.pairs) check_pair(section, network, pair, out.relu6);
  const LinearPair first = out.pairs.front();
  if (out.relu6 == Relu6::skip)
    std::erase_if(out.pairs,
                  [&](const LinearPair& pair) { return !is_homogeneous(network, pair.first); });
  if (out.pairs.empty())
    section.refuse("relu6",
                   fmt::format("skip leaves no pair: an activation such as {} is in all of "
                               "them; accepted: activations that scale with their input, "
                               "or scale_ends if it is a clip",
                               node_text(network, activation_node(network, first.first))));
  return out;
}

bool Equalization::acts_on(const Network& network, int unit) const {
  return !is_homogeneous(network, unit) &&
         std::ranges::any_of(pairs, [&](const LinearPair& pair) { return pair.first == unit; });
}

bool Equalization::replaces_activation(const Network& network, int unit) const {
  return relu6 == Relu6::replace && acts_on(network, unit);
}

bool Equalization::scales_ends(const Network& network, int unit) const {
  return relu6 == Relu6::scale_ends && acts_on(network, unit);
}

void Equalization::apply(FoldedNetwork& net, Frame& report) const {
  std::vector<ScaledWeight> scaled;
  std::vector<int> place(net.network.units().size(), -1);
  for (const LinearPair& pair : pairs) {
    if (replaces_activation(net.network, pair.first))
      net.network.replace_activation(net.network.units()[pair.first].activation, "relu");
    for (int unit : {pair.first, pair.second}) {
      if (place[unit] >= 0) continue;
      place[unit] = static_cast<int>(scaled.size());
      scaled.emplace_back(linear_of(net.network, unit), weight_axes(net.network, unit));
    }
  }
  std::vector<Limits> limits;
  for (const LinearPair& pair : pairs)
    limits.push_back(
        limits_of(net, pair.first, scaled[place[pair.first]], scaled[place[pair.second]], *this));
  int64_t done = 0;
  double residual = 0;
  do {
    residual = 0;
    for (size_t i = 0; i < pairs.size(); ++i)
      residual = std::max(residual, equalize(scaled[place[pairs[i].first]],
                                             scaled[place[pairs[i].second]], limits[i]));
    ++done;
  } while (residual > tolerance && done < sweeps);
  for (int unit = 0; unit < static_cast<int>(place.size()); ++unit)
    if (place[unit] >= 0) write_back(net, unit, scaled[place[unit]]);
  for (const LinearPair& pair : pairs) {
    std::vector<double> scales = scaled[place[pair.first]].of_output;
    if (scales_ends(net.network, pair.first)) scale_clip(net.network, pair.first, scales, report);
    for (double& s : scales) s = 1 / s;
    report.channel("repairs", scale_quantity, pair.first, std::span<const double>(scales));
  }
  report.network(sweeps_quantity, static_cast<double>(done));
  report.network(residual_quantity, residual);
}

}  // namespace quantdyn
