#include "stats/errors/logits.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "framework/base/error.h"
#include "framework/base/log_softmax.h"
#include "framework/base/threads.h"
#include "stats/errors/error_statistics.h"

namespace quantdyn {
namespace {

struct RunSums {
  double correct = 0, cross_entropy = 0;
  uint64_t nonfinite = 0;

  void operator+=(const RunSums& other) {
    correct += other.correct;
    cross_entropy += other.cross_entropy;
    nonfinite += other.nonfinite;
  }
  Classification result(int64_t images) const {
    const auto n = static_cast<double>(images);
    return {correct / n, cross_entropy / n, nonfinite};
  }
};

struct PairSums {
  RunSums reference, quantized;
  double error = 0, signal = 0, softmax_error = 0, qce = 0, kl = 0, agreeing = 0;
  uint64_t nonfinite = 0;

  void operator+=(const PairSums& other) {
    reference += other.reference;
    quantized += other.quantized;
    error += other.error;
    signal += other.signal;
    softmax_error += other.softmax_error;
    qce += other.qce;
    kl += other.kl;
    agreeing += other.agreeing;
    nonfinite += other.nonfinite;
  }
};

/// One image's logits read: where the largest is, and the log-softmax.
struct Reading {
  bool finite = true;
  int64_t largest = 0;
  std::vector<double> log_softmax;  // NaN where a logit is not finite

  explicit Reading(std::span<const float> logits) : log_softmax(logits.size()) {
    finite = std::ranges::all_of(logits, [](float x) { return std::isfinite(x); });
    largest = std::ranges::max_element(logits) - logits.begin();  // the first of equals
    quantdyn::log_softmax(logits, std::span(log_softmax));
    if (!finite) std::ranges::fill(log_softmax, NAN);
  }
  void add_to(RunSums& sums, std::optional<int32_t> label) const {
    sums.correct += label ? finite && largest == *label : NAN;
    sums.cross_entropy -= label ? log_softmax[static_cast<size_t>(*label)] : NAN;
    sums.nonfinite += !finite;
  }
};

void check(View<const float> logits, std::span<const int32_t> labels) {
  if (logits.shape.rank() != 2 || logits.elements() == 0)
    throw_error("logits: shape {}; accepted: [images, classes], not empty", logits.shape.text());
  if (!labels.empty() && logits.shape[0] != static_cast<int64_t>(labels.size()))
    throw_error("logits: shape {} for {} labels; accepted: one per image, or none",
                logits.shape.text(), labels.size());
  for (size_t i = 0; i < labels.size(); ++i)
    if (labels[i] < 0 || labels[i] >= logits.shape[1])
      throw_error("logits: label {} of image {}; accepted: from 0 to {}", labels[i], i,
                  logits.shape[1] - 1);
}

/// Sums `one(image, sums)` over all images: in order within a chunk, by the fixed tree across them.
template <typename Sums, typename One>
Sums sum_images(int64_t images, const One& one) {
  std::vector<Sums> chunks(static_cast<size_t>(chunk_count(images)));
  parallel_chunks(images, [&](const Chunk& chunk) {
    Sums sums;
    for (int64_t i = 0; i < chunk.images; ++i) one(chunk.first + i, sums);
    chunks[static_cast<size_t>(chunk.index)] = sums;
  });
  const auto merge = [](Sums& left, const Sums& right) { left += right; };
  ChunkTree<Sums> tree;
  for (size_t i = 0; i < chunks.size(); ++i) tree.add(static_cast<int64_t>(i), chunks[i], merge);
  return tree.finish(merge);
}

std::optional<int32_t> label_of(std::span<const int32_t> labels, int64_t image) {
  if (labels.empty()) return std::nullopt;
  return labels[static_cast<size_t>(image)];
}

void add_pair(std::span<const float> x, std::span<const float> q, std::optional<int32_t> label,
              PairSums& sums) {
  const Reading reference(x), quantized(q);
  reference.add_to(sums.reference, label);
  quantized.add_to(sums.quantized, label);
  const bool finite = reference.finite && quantized.finite;
  sums.agreeing += finite && reference.largest == quantized.largest;
  sums.nonfinite += !finite;
  for (size_t k = 0; k < x.size(); ++k) {
    const double value = x[k];
    const double log_p = reference.log_softmax[k];
    const double log_r = quantized.log_softmax[k];
    const double p = std::exp(log_p);
    const double softmax_difference = p - std::exp(log_r);
    sums.error += (value - q[k]) * (value - q[k]);
    sums.signal += value * value;
    sums.softmax_error += softmax_difference * softmax_difference;
    sums.qce -= p * log_r;
    sums.kl += p * (log_p - log_r);
  }
}

}  // namespace

Classification classify(View<const float> logits, std::span<const int32_t> labels) {
  check(logits, labels);
  const int64_t images = logits.shape[0];
  return sum_images<RunSums>(
             images,
             [&](int64_t i, RunSums& sums) {
               Reading(logits.slice(i, 1).values()).add_to(sums, label_of(labels, i));
             })
      .result(images);
}

LogitsComparison compare_logits(View<const float> reference, View<const float> quantized,
                                std::span<const int32_t> labels) {
  check(reference, labels);
  if (reference.shape != quantized.shape)
    throw_error("logits: float {} beside quantized {}; they must be equal", reference.shape.text(),
                quantized.shape.text());
  const int64_t images = reference.shape[0];
  const auto sums = sum_images<PairSums>(images, [&](int64_t i, PairSums& into) {
    add_pair(reference.slice(i, 1).values(), quantized.slice(i, 1).values(), label_of(labels, i),
             into);
  });
  const auto n = static_cast<double>(images);
  const auto elements = static_cast<double>(reference.elements());
  LogitsComparison out;
  out.reference = sums.reference.result(images);
  out.quantized = sums.quantized.result(images);
  out.relative_accuracy_decrease =
      (out.reference.accuracy - out.quantized.accuracy) / out.reference.accuracy;
  out.qmse = sums.error / elements;
  out.sqnr = signal_to_noise(sums.signal, sums.error);
  out.softmax_qmse = sums.softmax_error / elements;
  out.qce = sums.qce / n;
  out.kl = sums.kl / n;
  out.agreement = sums.agreeing / n;
  out.nonfinite_images = sums.nonfinite;
  return out;
}

void save(const Classification& classification, Frame& frame) {
  frame.network({.name = "accuracy",
                 .units = "1",
                 .long_name = "share of images classified right",
                 .formula = "correct / images"},
                classification.accuracy);
  frame.network({.name = "cross_entropy",
                 .units = "nat",
                 .long_name = "mean cross-entropy of the labels",
                 .formula = "-mean_n log softmax(logits)_label"},
                classification.cross_entropy);
  frame.network({.name = "nonfinite_images",
                 .units = "1",
                 .long_name = "images with a logit that is not finite, counted as wrong"},
                static_cast<double>(classification.nonfinite_images));
}

void save(const LogitsComparison& comparison, Frame& frame) {
  Classification quantized = comparison.quantized;
  quantized.nonfinite_images = comparison.nonfinite_images;
  save(quantized, frame);
  frame.network({.name = "relative_accuracy_decrease",
                 .units = "1",
                 .long_name = "relative decrease of accuracy by quantization",
                 .formula = "(accuracy_float - accuracy_quantized) / accuracy_float"},
                comparison.relative_accuracy_decrease);
  frame.network({.name = "logits_qmse",
                 .units = "1",
                 .long_name = "mean squared error of the quantized logits",
                 .formula = "mean (x - q)^2"},
                comparison.qmse);
  frame.network({.name = "logits_sqnr",
                 .units = "dB",
                 .long_name = "signal-to-quantization-noise ratio of the logits",
                 .formula = "10 log10(sum x^2 / sum (x - q)^2)"},
                comparison.sqnr);
  frame.network({.name = "softmax_qmse",
                 .units = "1",
                 .long_name = "mean squared error of the quantized softmax",
                 .formula = "mean (p - r)^2"},
                comparison.softmax_qmse);
  frame.network({.name = "qce",
                 .units = "nat",
                 .long_name = "cross-entropy of the quantized softmax under the float one",
                 .formula = "-mean_n sum_k p_k log r_k"},
                comparison.qce);
  frame.network({.name = "kl_divergence",
                 .units = "nat",
                 .long_name = "Kullback-Leibler divergence of float from quantized softmax",
                 .formula = "mean_n sum_k p_k log(p_k / r_k)"},
                comparison.kl);
  frame.network({.name = "agreement",
                 .units = "1",
                 .long_name = "share of images with the same largest logit"},
                comparison.agreement);
}

}  // namespace quantdyn
