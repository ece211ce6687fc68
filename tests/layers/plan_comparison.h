// Runs a net fused and unfused on the same values and returns the largest differences.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "framework/base/threads.h"
#include "framework/run/evaluator.h"
#include "framework/run/training_plan.h"

namespace quantdyn::test {

/// Keeps all values of a tap in their place.
class Capture final : public Observer {
 public:
  Capture(int64_t rows_per_chunk, int64_t channels, int64_t images)
      : rows_per_chunk_(rows_per_chunk),
        channels_(channels),
        values(Shape{chunk_count(images) * rows_per_chunk, channels}) {}
  void add(const Tile& tile) override {
    for (int64_t r = 0; r < tile.rows; ++r)
      for (int64_t c = 0; c < tile.channels; ++c)
        values[((tile.chunk * rows_per_chunk_ + tile.first_row + r) * channels_) +
               tile.first_channel + c] += tile.values[r * tile.row_stride + c];
  }
  void end_chunk(int64_t, int) override {}

 private:
  int64_t rows_per_chunk_, channels_;

 public:
  Tensor<float> values;
};

inline Tensor<float> random_tensor(Shape shape, const Rng& rng, double scale = 1) {
  Tensor<float> out(shape);
  for (int64_t i = 0; i < out.elements(); ++i)
    out[i] = static_cast<float>(scale * rng.normal(static_cast<uint64_t>(i)));
  return out;
}

enum class Norm { largest, euclidean };

inline double size_of(std::span<const float> values, Norm norm) {
  double largest = 0, squares = 0;
  for (float v : values) {
    largest = std::max(largest, std::abs(static_cast<double>(v)));
    squares += static_cast<double>(v) * v;
  }
  return norm == Norm::largest ? largest : std::sqrt(squares);
}

/// Size of a - b relative to that of b, which counts as at least `floor`; infinite where one holds
/// a NaN.
inline double difference(std::span<const float> a, std::span<const float> b, Norm norm,
                         double floor) {
  std::vector<float> gap(b.size());
  for (size_t i = 0; i < b.size(); ++i) {
    gap[i] = a[i] - b[i];
    if (std::isnan(gap[i])) return INFINITY;
  }
  return size_of(gap, norm) / std::max(size_of(b, norm), floor);
}

/// Every tap of one evaluation, by "unit/tensor".
inline std::map<std::string, Tensor<float>> taps_of(
    const Network& network, Fusing fusing, View<const float> x, int64_t images,
    ConvolutionAlgorithm algorithm = ConvolutionAlgorithm::direct,
    const LayoutRule& rule = lay_out) {
  Evaluator evaluator(network, fusing, algorithm, Keep::logits, rule);
  std::map<std::string, std::unique_ptr<Capture>> captures;
  for (int unit = 0; unit < static_cast<int>(network.units().size()); ++unit)
    for (TapKind kind : {TapKind::conv, TapKind::norm, TapKind::output}) {
      if (!evaluator.has_tap(unit, kind)) continue;
      const Shape& shape = network.nodes()[network.units()[unit].last].shape;
      auto& capture = captures[network.units()[unit].name + "/" + to_string(kind)];
      capture =
          std::make_unique<Capture>(shape.rows() * images_per_chunk, shape.channels(), images);
      evaluator.tap(unit, kind).before.push_back(capture.get());
    }
  evaluator.run(x, images, 0, {});
  std::map<std::string, Tensor<float>> out;
  for (auto& [name, capture] : captures) out[name] = std::move(capture->values);
  return out;
}

/// Logits, gradients and running statistics of one training step, by name.
inline std::map<std::string, Tensor<float>> training_of(
    const Network& network, Fusing fusing, View<const float> x,
    ConvolutionAlgorithm algorithm = ConvolutionAlgorithm::direct,
    const LayoutRule& rule = lay_out) {
  Network copy = network.clone();
  TrainingPlan plan(copy, fusing, algorithm, x.shape[0], {}, rule);
  std::map<std::string, Tensor<float>> out;
  const View<const float> logits = plan.forward(x);
  Tensor<float> kept(logits.shape);
  std::ranges::copy(logits.values(), kept.data());
  const Tensor<float> gradient = random_tensor(logits.shape, Rng(7));
  std::ranges::copy(gradient.values(), plan.logits_gradient().data);
  out["logits"] = std::move(kept);
  for (const auto& named : copy.parameters())
    if (named.parameter->trained) named.parameter->grad.fill(0.5f);
  plan.backward();
  for (const auto& named : copy.parameters()) {
    const std::string name = copy.nodes()[named.node].name + "/" + named.parameter->name;
    out[name] = named.parameter->trained ? named.parameter->grad : named.parameter->master;
  }
  return out;
}

/// The largest difference over all entries of two runs; names must match. An array that is noise
/// beside the largest (the gradient of a shift that a norm removes) is measured by a thousandth of
/// that.
inline double largest_difference(const std::map<std::string, Tensor<float>>& a,
                                 const std::map<std::string, Tensor<float>>& b, Norm norm,
                                 std::string& where) {
  double worst = a.size() == b.size() ? 0 : INFINITY, floor = 1e-30;
  for (const auto& [name, tensor] : b)
    floor = std::max(floor, 1e-3 * size_of(tensor.values(), norm));
  for (const auto& [name, tensor] : b) {
    const auto found = a.find(name);
    const double d = found == a.end()
                         ? INFINITY
                         : difference(found->second.values(), tensor.values(), norm, floor);
    if (d >= worst) {
      worst = d;
      where = name;
    }
  }
  return worst;
}

}  // namespace quantdyn::test
