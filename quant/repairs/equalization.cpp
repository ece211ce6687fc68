#include "quant/repairs/equalization.h"

#include <algorithm>
#include <cmath>

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

/// Which channels between two layers carry something: both ranges are over that share of their
/// layer's largest. In the others, rounding errors would set the scale.
std::vector<bool> live_channels(const ScaledWeight& first, const ScaledWeight& second,
                                double smallest) {
  const std::vector<double> r1 = first.output_ranges(), r2 = second.input_ranges();
  const double least1 = smallest * std::ranges::max(r1), least2 = smallest * std::ranges::max(r2);
  std::vector<bool> out;
  for (size_t i = 0; i < r1.size(); ++i) out.push_back(r1[i] > least1 && r2[i] > least2);
  return out;
}

/// Equalizes one pair; returns max |s - 1|.
double equalize(ScaledWeight& first, ScaledWeight& second, const std::vector<bool>& is_live) {
  const std::vector<double> r1 = first.output_ranges(), r2 = second.input_ranges();
  double largest = 0;
  for (size_t i = 0; i < r1.size(); ++i) {
    if (!is_live[i]) continue;
    const double s = std::sqrt(r1[i] * r2[i]) / r2[i];
    first.of_output[i] /= s;
    second.of_input[i] *= s;
    largest = std::max(largest, std::abs(s - 1));
  }
  return largest;
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

/// Whether relu is the activation without its upper end.
bool is_clip_at_zero(const Activation& activation) {
  return activation.is_clip() && activation.values.low == 0;
}

/// Refuses a pair whose activation can neither stay nor be replaced.
void check_pair(const Options& section, const Network& network, const LinearPair& pair,
                Equalization::Relu6 chosen) {
  if (is_homogeneous(network, pair.first) || chosen == Equalization::Relu6::skip) return;
  const bool can_replace = is_clip_at_zero(*activation_of(network, pair.first));
  if (can_replace && chosen == Equalization::Relu6::replace) return;
  section.refuse("relu6",
                 fmt::format("{} follows '{}', and scaling its input does not scale its "
                             "output; accepted: {}skip",
                             node_text(network, activation_node(network, pair.first)),
                             network.units()[pair.first].name, can_replace ? "replace, " : ""));
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
      "relu6", Relu6::refuse,
      {{"refuse", Relu6::refuse}, {"replace", Relu6::replace}, {"skip", Relu6::skip}},
      "if the activation between two layers does not scale with its input: refuse the variant, "
      "replace it by relu (if it is relu with an upper end), or leave the pair as it is");
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
                               "or replace if it is relu with an upper end",
                               node_text(network, activation_node(network, first.first))));
  return out;
}

bool Equalization::replaces_activation(const Network& network, int unit) const {
  return relu6 == Relu6::replace && !is_homogeneous(network, unit) &&
         std::ranges::any_of(pairs, [&](const LinearPair& pair) { return pair.first == unit; });
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
  std::vector<std::vector<bool>> is_live;
  for (const LinearPair& pair : pairs)
    is_live.push_back(
        live_channels(scaled[place[pair.first]], scaled[place[pair.second]], smallest));
  int64_t done = 0;
  double residual = 0;
  do {
    residual = 0;
    for (size_t i = 0; i < pairs.size(); ++i)
      residual = std::max(residual, equalize(scaled[place[pairs[i].first]],
                                             scaled[place[pairs[i].second]], is_live[i]));
    ++done;
  } while (residual > tolerance && done < sweeps);
  for (int unit = 0; unit < static_cast<int>(place.size()); ++unit)
    if (place[unit] >= 0) write_back(net, unit, scaled[place[unit]]);
  for (const LinearPair& pair : pairs) {
    std::vector<double> scales = scaled[place[pair.first]].of_output;
    for (double& s : scales) s = 1 / s;
    report.channel("repairs", scale_quantity, pair.first, std::span<const double>(scales));
  }
  report.network(sweeps_quantity, static_cast<double>(done));
  report.network(residual_quantity, residual);
}

}  // namespace quantdyn
