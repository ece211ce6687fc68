#include "quant/repairs/adaround.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <numbers>

#include "framework/run/layerwise_run.h"
#include "framework/run/weight_fit.h"
#include "quant/folding/linear_pairs.h"
#include "quant/kernels/kernels_rounding.h"

namespace quantdyn {
namespace {

const Quantity before_quantity{.name = "adaround_error_before",
                               .units = "1",
                               .long_name =
                                   "mean squared error of the layer's output, weights rounded to "
                                   "nearest, over the calibration images",
                               .formula = "mean (f(W x) - f(W_q x_q))^2"};
const Quantity after_quantity{
    .name = "adaround_error_after",
    .units = "1",
    .long_name = "the same with the rounding that was learned",
    .formula = "mean (f(W x) - f(W_q x_q))^2 (Nagel et al. 2020, arXiv 2004.10568)"};
const Quantity otherwise_quantity{
    .name = "rounded_otherwise",
    .units = "1",
    .long_name = "share of the channel's weights not rounded to nearest"};

/// One weight as floor + h(V), and what it becomes.
class SoftWeight {
 public:
  SoftWeight(const Tensor<float>& weight, const Quantization& quantization)
      : channels_(weight.shape().channels()),
        floor_code_(weight.shape()),
        v_(weight.shape()),
        mean_(weight.shape()),
        square_(weight.shape()) {
    for (int64_t c = 0; c < channels_; ++c) add_channel(quantization, quantization.entry_of(c));
    for (int64_t i = 0; i < weight.elements(); ++i) {
      const double steps = static_cast<double>(weight[i]) / scale_[i % channels_];
      floor_code_[i] = static_cast<float>(std::floor(steps) + zero_point_[i % channels_]);
      const double h = std::clamp(steps - std::floor(steps), 0.01, 0.99);
      const double sigmoid = (h + 0.1) / 1.2;  // so that h(V) starts at h
      v_[i] = static_cast<float>(std::log(sigmoid / (1 - sigmoid)));
    }
  }

  /// The weight with h(V) as it is at the start.
  void write_soft(Tensor<float>& to) {
    rounding_kernels::soften(grid(), rows_of(to, 0), v_.elements() / channels_);
  }
  /// Moves V of some rows by their gradient, and writes these rows with the new h(V). False if no
  /// h(V) of theirs could move: then none ever will, as Adam goes on in the direction in which V
  /// went when h(V) was cut off.
  bool step(const RoundingRule& rule, const AdamStep& adam, const float* weight_gradient,
            int64_t first, int64_t rows, Tensor<float>& to) {
    return rounding_kernels::step(grid(), rule, adam, weight_gradient,
                                  rows_of(to, first * channels_), rows);
  }
  /// The weight rounded as learned (up where h(V) >= 1/2, which is V >= 0), and its codes.
  void write_hard(Tensor<float>& to, Tensor<int32_t>& codes) const {
    for (int64_t i = 0; i < v_.elements(); ++i) {
      const int64_t c = i % channels_;
      const float up = v_[i] >= 0 ? 1 : 0;
      const float code = std::clamp(floor_code_[i] + up, lowest_[c], highest_[c]);
      codes[i] = static_cast<int32_t>(code);
      to[i] = (code - zero_point_[c]) * scale_[c];
    }
  }

 private:
  void add_channel(const Quantization& quantization, int64_t entry) {
    const AffineParameters affine = *quantization.affine(entry);
    const auto [lowest, highest] = quantization.given_codes(entry);
    scale_.push_back(affine.scale);
    zero_point_.push_back(static_cast<float>(affine.zero_point));
    lowest_.push_back(static_cast<float>(lowest));
    highest_.push_back(static_cast<float>(highest));
  }
  RoundingGrid grid() const {
    return {scale_.data(), zero_point_.data(), lowest_.data(), highest_.data(), channels_};
  }
  rounding_kernels::Rows rows_of(Tensor<float>& effective, int64_t at) {
    return {floor_code_.data() + at, v_.data() + at, mean_.data() + at, square_.data() + at,
            effective.data() + at};
  }

  int64_t channels_;
  Tensor<float> floor_code_;                                  // floor(w / s) + z
  Tensor<float> v_, mean_, square_;                           // V, and Adam's means
  std::vector<float> scale_, zero_point_, lowest_, highest_;  // by channel
};

/// One layer's reconstruction.
class Reconstruction {
 public:
  Reconstruction(const AdaRound& settings, Network layer, const FitImages& images)
      : settings_(settings),
        layer_(std::move(layer)),
        images_(images.count()),
        batch_(std::min(settings.batch_size, images_)),
        fit_(make_weight_fit(layer_, images, batch_)) {}

  Parameter<float>& weight() { return *layer_.layer(1)->linear()->weight; }
  /// mean (y - y_q)^2 with the weight as it is now.
  double error() { return fit_->error(); }

  /// Calls `before_step` before every step, which may end it by an exception. Ends early when no
  /// weight can move any more.
  void learn(SoftWeight& soft, const Rng& rng, const std::function<void()>& before_step) {
    Tensor<float>& effective = weight().effective;
    soft.write_soft(effective);
    std::vector<int64_t> batch(static_cast<size_t>(batch_));
    std::atomic<bool> is_moving = true;
    for (int64_t t = 0; t < settings_.iterations && is_moving; ++t) {
      before_step();
      const Rng draws = rng.fork(static_cast<uint64_t>(t));
      for (int64_t i = 0; i < batch_; ++i)
        batch[i] = static_cast<int64_t>(
            draws.below(static_cast<uint64_t>(i), static_cast<uint64_t>(images_)));
      const RoundingRule rule = rule_at(t);
      const AdamStep adam = AdamStep::at(t + 1, settings_.learning_rate);
      is_moving = false;
      fit_->step(batch, [&](int64_t first, int64_t rows, const float* gradient) {
        if (soft.step(rule, adam, gradient, first, rows, effective)) is_moving = true;
      });
    }
  }

 private:
  RoundingRule rule_at(int64_t t) const {
    const double share = static_cast<double>(t) / static_cast<double>(settings_.iterations);
    const bool is_warm = share >= settings_.warm_start;
    return {static_cast<float>(is_warm ? settings_.regularization : 0),
            static_cast<float>(beta(share))};
  }
  double beta(double share) const {
    const double t = std::max(0.0, (share - settings_.warm_start) / (1 - settings_.warm_start));
    return settings_.beta_end +
           (settings_.beta_start - settings_.beta_end) * (1 + std::cos(t * std::numbers::pi)) / 2;
  }

  const AdaRound& settings_;
  Network layer_;
  const int64_t images_, batch_;
  std::unique_ptr<WeightFit> fit_;
};

std::vector<double> shares_changed(const Tensor<int32_t>& before, const Tensor<int32_t>& after) {
  const int64_t channels = before.shape().channels(), in_channel = before.elements() / channels;
  std::vector<double> out(static_cast<size_t>(channels));
  for (int64_t i = 0; i < before.elements(); ++i) out[i % channels] += before[i] != after[i];
  for (double& share : out) share /= static_cast<double>(in_channel);
  return out;
}

}  // namespace

AdaRound AdaRound::read(const Options& section) {
  AdaRound out{};
  out.iterations =
      section.integer("iterations", 2000, accept::at_least<int64_t>(1), "steps for each layer");
  out.batch_size = section.integer("batch_size", 32, accept::at_least<int64_t>(1),
                                   "calibration images per step");
  out.learning_rate = section.number("learning_rate", 0.01, accept::over(0.0), "Adam's, for V");
  out.regularization = section.number("regularization", 0.01, accept::at_least(0.0),
                                      "weight of the term that pushes h(V) to 0 or 1");
  out.warm_start = section.number("warm_start", 0.2, {.low = 0, .high = 1, .high_excluded = true},
                                  "share of the steps without that term");
  out.beta_start =
      section.number("beta_start", 20.0, accept::at_least(1.0), "beta, its exponent, at the start");
  out.beta_end = section.number("beta_end", 2.0, accept::at_least(1.0), "beta at the end");
  section.finish();
  return out;
}

void AdaRound::apply(QuantizedTensors& tensors, Evaluator& reference, Network& net,
                     Evaluator& quantized, const ImageBatches& images, const Rng& rng,
                     Frame& report, const WorkNote& note) const {
  LayerwiseRun inputs(quantized, images), targets(reference, images);
  int64_t done = 0, total = 0;
  for (const auto& [id, tensor] : tensors) total += id.role == TensorRole::weight;
  for (auto& [id, tensor] : tensors) {
    if (id.role != TensorRole::weight) continue;
    const int unit = id.unit;
    const auto tell = [&] { note("adaround " + net.units()[unit].name, done, total, "layers"); };
    tell();
    const int source = net.nodes()[net.nodes()[net.units()[unit].leader].inputs[0]].unit;
    Linear<float>& linear = linear_of(net, unit);
    Reconstruction layer(
        *this, net.alone(unit),
        {inputs.outputs_before(unit, source), targets.outputs_before(unit + 1, unit)});
    layer.weight().effective = linear.weight->effective;
    report.layer("repairs", before_quantity, unit, layer.error());
    SoftWeight soft(linear.weight->master, *tensor.quantization);
    layer.learn(soft, rng.fork(net.units()[unit].name), tell);
    ++done;
    Tensor<int32_t> codes = tensor.codes;
    soft.write_hard(linear.weight->effective, codes);
    layer.weight().effective = linear.weight->effective;
    report.layer("repairs", after_quantity, unit, layer.error());
    const std::vector<double> changed = shares_changed(tensor.codes, codes);
    report.channel("repairs", otherwise_quantity, unit, std::span<const double>(changed));
    tensor.codes = std::move(codes);
    quantized.prepare();
  }
}

}  // namespace quantdyn
