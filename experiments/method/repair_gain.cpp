#include "experiments/method/repair_gain.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "experiments/method/quantized_twin.h"
#include "experiments/method/tracking.h"
#include "quant/folding/linear_pairs.h"
#include "quant/schemes/selection.h"
#include "stats/errors/logits.h"
#include "stats/scales/precision.h"

namespace quantdyn {
namespace {

const Quantity before_quantity{
    .name = "repairs_sqnr_before",
    .units = "dB",
    .long_name = "SQNR of the logits without the repairs, on the first probe images",
    .formula = "that of logits_sqnr"};
const Quantity after_quantity{
    .name = "repairs_sqnr_after",
    .units = "dB",
    .long_name = "SQNR of the logits with the repairs, on the first probe images",
    .formula = "that of logits_sqnr"};

ImageSet first_of(const ImageSet& images, int64_t count) {
  const auto most = std::min<int64_t>(count, static_cast<int64_t>(images.indices.size()));
  return {images.dataset,
          images.standardization,
          {images.indices.begin(), images.indices.begin() + most}};
}

/// The rows of a split's logits that belong to the images.
Tensor<float> logits_of(const Predictions& split, const ImageSet& images) {
  const int64_t classes = split.logits.shape().channels();
  const auto count = static_cast<int64_t>(images.indices.size());
  Tensor<float> out(Shape{count, classes});
  for (int64_t i = 0; i < count; ++i)
    std::copy_n(split.logits.data() + images.indices[i] * classes, classes,
                out.data() + i * classes);
  return out;
}

ChannelPrecision precision_of(const Network& network, int unit, const Scheme& scheme) {
  const Linear<float>& linear = linear_of(network, unit);
  const Tensor<float>& weight = linear.weight->master;
  const auto channels = static_cast<size_t>(linear.out_channels);
  std::vector<double> low(channels, std::numeric_limits<double>::infinity());
  std::vector<double> high(channels, -std::numeric_limits<double>::infinity());
  for (int64_t i = 0; i < weight.elements(); ++i) {
    const size_t c = static_cast<size_t>(i) % channels;
    low[c] = std::min<double>(low[c], weight[i]);
    high[c] = std::max<double>(high[c], weight[i]);
  }
  return channel_precision(
      low, high,
      [&](double minimum, double maximum) {
        return scheme.quantizer->width({minimum, maximum});
      },
      scheme.quantizer->bit_width());
}

void save_precision(const ChannelPrecision& found, const std::string& when, int unit,
                    Frame& frame) {
  double bits = 0;
  for (size_t c = 0; c < found.precision.size(); ++c)
    if (!std::isnan(found.precision[c])) bits += found.effective_bits[c];
  const auto live = static_cast<double>(found.precision.size() - found.dead_channels);
  frame.layer("repairs",
              {.name = "channel_precision_" + when,
               .units = "1",
               .long_name = "average channel precision of the folded weights " + when + " repairs",
               .formula = "that of average_channel_precision"},
              unit, found.average);
  frame.layer("repairs",
              {.name = "effective_bits_" + when,
               .units = "bit",
               .long_name = "mean effective bits of the folded weights' channels " + when +
                            " repairs, dead ones left out",
               .formula = "mean over channels of that of effective_bits"},
              unit, live > 0 ? bits / live : std::nan(""));
}

}  // namespace

void save_repair_gain(const VariantTask& task, const Predictions& repaired, Frame& frame) {
  const Repairs& repairs = task.variant.repairs;
  if (!repairs.any() || repairs.compare_images == 0) return;
  Variant plain = task.variant;
  plain.repairs = {};
  plain.calibration.convergence = {};
  Frame discarded = make_frame(task.folded.network);
  QuantizedTwin twin(task.folded, plain, task.fusing, task.simulation, discarded);
  twin.quantize(first_of(task.calibration, repairs.compare_images), task.trained, task.rng,
                discarded, task.note);
  const ImageSet images = first_of(task.probe, repairs.compare_images);
  const Tensor<float> reference = logits_of(task.reference, images);
  const auto sqnr = [&](const Tensor<float>& logits) {
    return compare_logits(reference.view(), logits.view(), {}).sqnr;
  };
  frame.network(before_quantity, sqnr(logits_of(twin.evaluator(), images)));
  frame.network(after_quantity, sqnr(logits_of(repaired, images)));
}

void save_precision_gain(const VariantTask& task, const Network& repaired, Frame& frame) {
  if (!task.variant.repairs.any()) return;
  for (int unit : units_with_weight(repaired)) {
    const Scheme* const scheme = task.variant.units[unit].weight.get();
    if (scheme == nullptr) continue;
    save_precision(precision_of(task.folded.network, unit, *scheme), "before", unit, frame);
    save_precision(precision_of(repaired, unit, *scheme), "after", unit, frame);
  }
}

}  // namespace quantdyn
