#include "quant/repairs/adaround.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "framework/base/threads.h"
#include "framework/learning/optimizer.h"
#include "framework/run/layerwise_run.h"
#include "framework/run/training_plan.h"
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
      : weight_(weight),
        channels_(weight.shape().channels()),
        rows_(weight.elements() / channels_),
        floor_code_(weight.shape()) {
    for (int64_t c = 0; c < channels_; ++c) add_channel(quantization, quantization.entry_of(c));
    rounding.name = "rounding";
    rounding.master = rounding.grad = Tensor<float>(weight.shape());
    for (int64_t i = 0; i < weight.elements(); ++i) {
      const double steps = static_cast<double>(weight[i]) / scale_[i % channels_];
      floor_code_[i] = static_cast<float>(std::floor(steps) + zero_point_[i % channels_]);
      const double h = std::clamp(steps - std::floor(steps), 0.01, 0.99);
      const double sigmoid = (h + 0.1) / 1.2;  // so that h(V) starts at h
      rounding.master[i] = static_cast<float>(std::log(sigmoid / (1 - sigmoid)));
    }
  }

  /// The weight with the current h(V).
  void write_soft(Tensor<float>& to) const {
    for_rows([&](int64_t first, int64_t rows) {
      const int64_t at = first * channels_;
      rounding_kernels::soften(grid(), rounding.master.data() + at, floor_code_.data() + at, rows,
                               to.data() + at);
    });
  }
  /// dV from the gradients of the weight and of the rule.
  void set_gradient(const Tensor<float>& weight_gradient, const RoundingRule& rule) {
    for_rows([&](int64_t first, int64_t rows) {
      const int64_t at = first * channels_;
      rounding_kernels::gradient(grid(), rule, rounding.master.data() + at, floor_code_.data() + at,
                                 weight_gradient.data() + at, rows, rounding.grad.data() + at);
    });
  }
  /// The weight rounded as learned (up where h(V) >= 1/2, which is V >= 0), and its codes.
  void write_hard(Tensor<float>& to, Tensor<int32_t>& codes) const {
    for (int64_t i = 0; i < weight_.elements(); ++i) {
      const int64_t c = i % channels_;
      const float up = rounding.master[i] >= 0 ? 1 : 0;
      const float code = std::clamp(floor_code_[i] + up, lowest_[c], highest_[c]);
      codes[i] = static_cast<int32_t>(code);
      to[i] = (code - zero_point_[c]) * scale_[c];
    }
  }

  Parameter<float> rounding;  ///< V

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
  /// Calls work(first row, rows) for pieces of the weight, on all workers.
  template <typename Work>
  void for_rows(const Work& work) const {
    const int64_t piece = std::max<int64_t>(1, 8192 / channels_);
    parallel_for((rows_ + piece - 1) / piece, [&](int64_t index, int) {
      work(index * piece, std::min(piece, rows_ - index * piece));
    });
  }

  const Tensor<float>& weight_;
  int64_t channels_, rows_;
  Tensor<float> floor_code_;                                  // floor(w / s) + z
  std::vector<float> scale_, zero_point_, lowest_, highest_;  // by channel
};

/// One layer's reconstruction.
class Reconstruction {
 public:
  Reconstruction(const AdaRound& settings, Network layer, Tensor<float> inputs,
                 Tensor<float> targets)
      : settings_(settings),
        layer_(std::move(layer)),
        inputs_(std::move(inputs)),
        targets_(std::move(targets)),
        batch_(std::min(settings.batch_size, inputs_.shape()[0])),
        x_(inputs_.shape().of_one().batch_of(batch_)),
        y_(targets_.shape().of_one().batch_of(batch_)),
        plan_(layer_, Fusing::fused, ConvolutionAlgorithm::automatic, batch_),
        optimizer_(
            Registry<Optimizer>::instance().make(Options::from_text("{name: adam}", "adaround"))) {}

  Parameter<float>& weight() { return *layer_.layer(1)->linear()->weight; }

  /// Calls `before_step` before every step, which may end it by an exception.
  void learn(SoftWeight& soft, const Rng& rng, const std::function<void()>& before_step) {
    std::vector<Parameter<float>*> parameters;
    for (const auto& named : layer_.parameters()) parameters.push_back(named.parameter);
    Parameter<float>* const learned[] = {&soft.rounding};
    for (int64_t t = 0; t < settings_.iterations; ++t) {
      before_step();
      soft.write_soft(weight().effective);
      take_batch([&](int64_t i) {
        return static_cast<int64_t>(
            rng.fork(static_cast<uint64_t>(t))
                .below(static_cast<uint64_t>(i), static_cast<uint64_t>(inputs_.shape()[0])));
      });
      clear_gradients(parameters);
      step();
      const double share = static_cast<double>(t) / static_cast<double>(settings_.iterations);
      const bool is_warm = share >= settings_.warm_start;
      soft.set_gradient(weight().grad, {static_cast<float>(is_warm ? settings_.regularization : 0),
                                        static_cast<float>(beta(share))});
      optimizer_->step(learned, settings_.learning_rate);
    }
  }

  /// mean (y - y_q)^2 with the weight as it is now.
  double error() {
    double sum = 0;
    const int64_t images = inputs_.shape()[0];
    for (int64_t first = 0; first < images; first += batch_) {
      const int64_t count = std::min(batch_, images - first);
      const View<const float> y = plan_.forward(std::as_const(inputs_).view().slice(first, count));
      const View<const float> wanted = std::as_const(targets_).view().slice(first, count);
      for (int64_t i = 0; i < y.elements(); ++i) {
        const double off = static_cast<double>(y.data[i]) - static_cast<double>(wanted.data[i]);
        sum += off * off;
      }
    }
    return sum / static_cast<double>(targets_.elements());
  }

 private:
  double beta(double share) const {
    const double t = std::max(0.0, (share - settings_.warm_start) / (1 - settings_.warm_start));
    return settings_.beta_end +
           (settings_.beta_start - settings_.beta_end) * (1 + std::cos(t * std::numbers::pi)) / 2;
  }
  template <typename Draw>
  void take_batch(const Draw& draw) {
    parallel_for(batch_, [&](int64_t i, int) {
      const int64_t image = draw(i);
      std::ranges::copy(inputs_.view().slice(image, 1).values(), x_.view().slice(i, 1).data);
      std::ranges::copy(targets_.view().slice(image, 1).values(), y_.view().slice(i, 1).data);
    });
  }
  /// Forward, the gradient of the mean over images and pixels of the sum over channels, backward.
  void step() {
    const View<const float> y = plan_.forward(std::as_const(x_).view());
    const View<float> dy = plan_.logits_gradient();
    const float factor = 2.0f / static_cast<float>(y.shape.rows());
    const int64_t values = y.shape.of_one().elements();
    parallel_for(batch_, [&](int64_t image, int) {
      for (int64_t i = image * values; i < (image + 1) * values; ++i)
        dy.data[i] = factor * (y.data[i] - y_[i]);
    });
    plan_.backward();
  }

  const AdaRound& settings_;
  Network layer_;
  Tensor<float> inputs_, targets_;
  int64_t batch_;
  Tensor<float> x_, y_;  // of a batch
  TrainingPlan plan_;
  std::unique_ptr<Optimizer> optimizer_;
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
    Reconstruction layer(*this, net.alone(unit), inputs.outputs_before(unit, source),
                         targets.outputs_before(unit + 1, unit));
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
