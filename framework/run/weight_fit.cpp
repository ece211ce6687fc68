#include "framework/run/weight_fit.h"

#include <algorithm>
#include <numeric>

#include "framework/base/threads.h"
#include "framework/run/training_plan.h"

namespace quantdyn {
namespace {

/// sum (y - wanted)^2 of one image [rows, channels]: by channel, then over channels.
double squared_error(View<const float> y, View<const float> wanted) {
  const int64_t channels = y.shape.channels();
  std::vector<double> sums(static_cast<size_t>(channels), 0.0);
  for (int64_t i = 0; i < y.elements(); ++i) {
    const double off = static_cast<double>(y.data[i]) - static_cast<double>(wanted.data[i]);
    sums[i % channels] += off * off;
  }
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

class PlanFit final : public WeightFit {
 public:
  PlanFit(Network& layer, const FitImages& images, int64_t batch)
      : images_(images),
        batch_(batch),
        weight_(*layer.layer(1)->linear()->weight),
        x_(images.x.shape.of_one().batch_of(batch)),
        plan_(layer, Fusing::fused, ConvolutionAlgorithm::automatic, batch) {
    for (const auto& named : layer.parameters()) parameters_.push_back(named.parameter);
  }

  double error() override {
    std::vector<double> sums(static_cast<size_t>(images_.count()));
    for (int64_t first = 0; first < images_.count(); first += batch_) {
      const int64_t count = std::min(batch_, images_.count() - first);
      const View<const float> y = plan_.forward(images_.x.slice(first, count));
      parallel_for(count, [&](int64_t i, int) {
        sums[first + i] = squared_error(y.slice(i, 1), images_.wanted.slice(first + i, 1));
      });
    }
    return std::accumulate(sums.begin(), sums.end(), 0.0) /
           static_cast<double>(images_.wanted.elements());
  }

  void step(std::span<const int64_t> images, const RowsWork& update) override {
    const auto count = static_cast<int64_t>(images.size());
    const View<float> x = x_.view().slice(0, count);
    parallel_for(count, [&](int64_t i, int) {
      std::ranges::copy(images_.x.slice(images[i], 1).values(), x.slice(i, 1).data);
    });
    for (Parameter<float>* parameter : parameters_) parameter->grad.fill(0);
    const View<const float> y = plan_.forward(x);
    const View<float> dy = plan_.logits_gradient();
    const float factor = 2.0f / static_cast<float>(y.shape.rows());
    parallel_for(count, [&](int64_t i, int) {
      const View<const float> of_image = y.slice(i, 1), wanted = images_.wanted.slice(images[i], 1);
      float* const to = dy.slice(i, 1).data;
      for (int64_t j = 0; j < of_image.elements(); ++j)
        to[j] = factor * (of_image.data[j] - wanted.data[j]);
    });
    plan_.backward();
    const int64_t channels = weight_.master.shape().channels();
    const int64_t rows = weight_.master.elements() / channels;
    const int64_t piece = std::max<int64_t>(1, 8192 / channels);
    parallel_for((rows + piece - 1) / piece, [&](int64_t index, int) {
      const int64_t first = index * piece;
      update(first, std::min(piece, rows - first), weight_.grad.data() + first * channels);
    });
  }

 private:
  const FitImages images_;
  const int64_t batch_;
  Parameter<float>& weight_;
  std::vector<Parameter<float>*> parameters_;
  Tensor<float> x_;  // of a batch
  TrainingPlan plan_;
};

}  // namespace

std::vector<WeightFitMaker>& fused_weight_fits() {
  static std::vector<WeightFitMaker> makers;
  return makers;
}

std::unique_ptr<WeightFit> make_plan_fit(Network& layer, const FitImages& images, int64_t batch) {
  return std::make_unique<PlanFit>(layer, images, batch);
}

std::unique_ptr<WeightFit> make_weight_fit(Network& layer, const FitImages& images, int64_t batch) {
  for (const WeightFitMaker make : fused_weight_fits())
    if (std::unique_ptr<WeightFit> fit = make(layer, images, batch)) return fit;
  return make_plan_fit(layer, images, batch);
}

}  // namespace quantdyn
