#include "quant/repairs/bias_correction.h"

#include <map>
#include <memory>

#include "framework/run/layerwise_run.h"
#include "quant/folding/linear_pairs.h"
#include "quant/schemes/selection.h"
#include "stats/statistics/channel_spreads.h"

namespace quantdyn {
namespace {

const Quantity correction_quantity{
    .name = "bias_correction",
    .units = "1",
    .long_name = "what was added to the channel's bias",
    .formula = "E[y] - E[y_q] (Nagel et al. 2019, arXiv 1906.04721, sec. 4.2)"};

/// The means of some taps over the images that `run` shows to the net, by unit.
template <typename Run>
std::map<int, std::vector<double>> means_of(Evaluator& net, const std::vector<int>& units,
                                            TapKind kind, const Run& run) {
  std::map<int, std::unique_ptr<SpreadObserver>> observers;
  for (int unit : units) {
    const int node = net.network().units()[unit].last;
    observers[unit] =
        std::make_unique<SpreadObserver>(net.network().nodes()[node].shape.channels());
    net.tap(unit, kind).after.push_back(observers[unit].get());
  }
  run();
  std::map<int, std::vector<double>> out;
  for (const auto& [unit, observer] : observers) {
    std::erase(net.tap(unit, kind).after, static_cast<Observer*>(observer.get()));
    for (const Spread& channel : observer->spreads()) out[unit].push_back(channel.mean);
  }
  return out;
}

void correct(Network& net, int unit, const std::vector<double>& correction, Frame& report) {
  add_to_bias(linear_of(net, unit), correction);
  report.channel("repairs", correction_quantity, unit, std::span<const double>(correction));
}

/// -sum (w_q - w) E[x] by output channel.
std::vector<double> expected_shift(const Network& network, int unit,
                                   const std::vector<double>& input_mean) {
  const Linear<float>& linear = linear_of(network, unit);
  const WeightAxes axes = weight_axes(network, unit);
  std::vector<double> out(static_cast<size_t>(linear.out_channels));
  const float* const quantized = linear.weight->read();
  for (int64_t i = 0; i < linear.weight->master.elements(); ++i)
    out[axes.output_channel(i)] -=
        (static_cast<double>(quantized[i]) - static_cast<double>(linear.weight->master[i])) *
        input_mean[axes.input_channel(i)];
  return out;
}

}  // namespace

BiasCorrection BiasCorrection::read(const Options& section, const Network& network) {
  BiasCorrection out{};
  out.method = section.choice<Method>(
      "method", Method::empirical,
      {{"empirical", Method::empirical}, {"analytic", Method::analytic}},
      "means over the calibration images, layer by layer; or from the folded norms");
  section.finish();
  if (out.method == Method::analytic)
    for (int unit : units_with_weight(network))
      if (const std::string why = unknown_input_moments(network, unit); !why.empty())
        section.refuse(
            "method", fmt::format("analytic correction does not know the distribution of the input "
                                  "of '{}': {}; accepted: empirical",
                                  network.units()[unit].name, why));
  return out;
}

void BiasCorrection::apply(const std::vector<int>& corrected, const FoldedNetwork& float_net,
                           Evaluator& reference, Network& net, Evaluator& quantized,
                           const ImageBatches& images, Frame& report) const {
  const auto all_units = [&] { images.run(reference); };
  if (method == Method::analytic) {
    const auto input = means_of(reference, {0}, TapKind::output, all_units);
    const auto moments =
        output_moments(float_net, {input.at(0), std::vector<double>(input.at(0).size(), 0.0)});
    const auto& nodes = float_net.network.nodes();
    for (int unit : corrected) {
      const int source = nodes[nodes[float_net.network.units()[unit].leader].inputs[0]].unit;
      correct(net, unit, expected_shift(net, unit, moments[source].mean), report);
    }
    quantized.prepare();
    return;
  }
  const auto wanted = means_of(reference, corrected, TapKind::norm, all_units);
  LayerwiseRun layers(quantized, images);
  for (int unit : corrected) {
    std::vector<double> correction =
        means_of(quantized, {unit}, TapKind::norm, [&] { layers.show(unit); }).at(unit);
    for (size_t c = 0; c < correction.size(); ++c)
      correction[c] = wanted.at(unit)[c] - correction[c];
    correct(net, unit, correction, report);
    quantized.prepare();
  }
}

}  // namespace quantdyn
