#include "layers/softmax_cross_entropy.h"

#include <algorithm>
#include <cmath>

#include "framework/base/error.h"
#include "framework/base/log_softmax.h"
#include "framework/base/step_sums.h"
#include "layers/chunk_sums.h"

namespace quantdyn {
namespace {

template <typename T>
void check(View<const T> logits, std::span<const int32_t> labels, double smoothing,
           View<T> gradient) {
  if (logits.shape.rank() != 2 || logits.elements() < 1)
    throw_error("softmax_cross_entropy: found logits of shape {}, expected [images, classes]",
                logits.shape.text());
  if (static_cast<int64_t>(labels.size()) != logits.shape[0])
    throw_error("softmax_cross_entropy: found {} labels for logits {}, expected one for each image",
                labels.size(), logits.shape.text());
  if (gradient && !(gradient.shape == logits.shape))
    throw_error(
        "softmax_cross_entropy: found a gradient of shape {}, expected that of the logits, {}",
        gradient.shape.text(), logits.shape.text());
  if (!(smoothing >= 0 && smoothing < 1))
    throw_error("softmax_cross_entropy: found label smoothing {}, accepted: at least 0 and below 1",
                smoothing);
  for (size_t n = 0; n < labels.size(); ++n)
    if (labels[n] < 0 || labels[n] >= logits.shape[1])
      throw_error("softmax_cross_entropy: found label {} of image {}, accepted: 0 to {}", labels[n],
                  n, logits.shape[1] - 1);
}

double loss_of(std::span<const double> log_probability, int32_t label, double smoothing) {
  const double own = -log_probability[label];
  if (smoothing == 0) return own;  // 0 times a log of zero would be NaN
  double all = 0;
  for (double value : log_probability) all -= value;
  return (1 - smoothing) * own + smoothing / static_cast<double>(log_probability.size()) * all;
}

/// The index of the largest; the first among equals.
template <typename T>
int64_t largest_index(std::span<const T> logits) {
  return std::ranges::max_element(logits) - logits.begin();
}

}  // namespace

template <typename T>
ClassificationLoss softmax_cross_entropy(View<const T> logits, std::span<const int32_t> labels,
                                         double smoothing, View<T> gradient) {
  check(logits, labels, smoothing, gradient);
  const int64_t images = logits.shape[0], classes = logits.shape[1];
  const auto all_images = static_cast<double>(images_of_step(images));
  const auto work = [&](const Chunk& chunk,
                        std::span<double> sums) {  // loss, correct
    std::vector<double> log_probability(static_cast<size_t>(classes));
    for (int64_t n = chunk.first; n < chunk.first + chunk.images; ++n) {
      const std::span<const T> row = logits.slice(n, 1).values();
      log_softmax(row, std::span(log_probability));
      sums[0] += loss_of(log_probability, labels[n], smoothing);
      sums[1] += largest_index(row) == labels[n] ? 1 : 0;
      if (!gradient) continue;
      for (int64_t k = 0; k < classes; ++k) {
        const double target =
            (k == labels[n] ? 1 - smoothing : 0) + smoothing / static_cast<double>(classes);
        gradient.data[n * classes + k] =
            static_cast<T>((std::exp(log_probability[k]) - target) / all_images);
      }
    }
  };
  const std::vector<double> sums = chunk_sums(images, 2, work);
  return {sums[0] / all_images, static_cast<int64_t>(sums[1]), sums[0]};
}

template ClassificationLoss softmax_cross_entropy(View<const float>, std::span<const int32_t>,
                                                  double, View<float>);
template ClassificationLoss softmax_cross_entropy(View<const double>, std::span<const int32_t>,
                                                  double, View<double>);

}  // namespace quantdyn
