#include "data/standardize.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "framework/base/threads.h"

namespace quantdyn {
namespace {

using Sums = std::vector<double>;

/// Adds f(value, channel) of an image's pixels. A known number of channels keeps its sums in
/// registers.
template <int64_t known, typename F>
void add_pixels(const float* x, int64_t elements, int64_t channels, const F& f, double* sums) {
  if constexpr (known > 0) {
    std::array<double, known> own;
    std::copy_n(sums, known, own.begin());
    for (int64_t k = 0; k < elements; k += known)
      for (int64_t c = 0; c < known; ++c) own[static_cast<size_t>(c)] += f(x[k + c], c);
    std::copy_n(own.begin(), known, sums);
  } else {
    for (int64_t k = 0; k < elements; k += channels)
      for (int64_t c = 0; c < channels; ++c) sums[c] += f(x[k + c], c);
  }
}

/// Sums f(value, channel) over all pixels of all images, for each channel.
template <typename F>
Sums channel_sums(const Dataset& data, const F& f) {
  const Shape shape = data.sample_shape();
  const int64_t elements = shape.elements(), channels = shape.channels();
  const auto merge = [](Sums& left, const Sums& right) {
    for (size_t c = 0; c < left.size(); ++c) left[c] += right[c];
  };
  const auto workers = static_cast<size_t>(worker_count());
  std::vector<ChunkTree<Sums>> trees(workers);
  std::vector<std::vector<float>> images(workers,
                                         std::vector<float>(static_cast<size_t>(elements)));
  parallel_chunks(data.size(), [&](const Chunk& chunk) {
    Sums sums(static_cast<size_t>(channels));
    float* x = images[static_cast<size_t>(chunk.worker)].data();
    for (int64_t i = chunk.first; i < chunk.first + chunk.images; ++i) {
      data.get(i, x);
      if (channels == 3)
        add_pixels<3>(x, elements, channels, f, sums.data());
      else
        add_pixels<0>(x, elements, channels, f, sums.data());
    }
    trees[static_cast<size_t>(chunk.worker)].add(chunk.index, std::move(sums), merge);
  });
  for (size_t w = 1; w < workers; ++w) trees[0].absorb(std::move(trees[w]), merge);
  return trees[0].finish(merge);
}

}  // namespace

Standardization channel_statistics(const Dataset& train) {
  const auto count = static_cast<double>(train.size() * train.sample_shape().rows());
  Standardization out;
  out.mean = channel_sums(train, [](float x, int64_t) { return static_cast<double>(x); });
  for (double& mean : out.mean) mean /= count;
  const double* const mean = out.mean.data();
  out.deviation = channel_sums(train, [mean](float x, int64_t c) {
    const double difference = static_cast<double>(x) - mean[c];
    return difference * difference;
  });
  for (size_t c = 0; c < out.deviation.size(); ++c) {
    const double squares = out.deviation[c];
    if (!(squares > 0))
      throw_error<ConfigError>(
          "{}: channel {}: every pixel is {}; expected values that differ, or "
          "standardize mode given, scale or none",
          train.name(), c, out.mean[c]);
    out.deviation[c] = std::sqrt(squares / (count - 1));
  }
  return out;
}

StandardizationSettings::StandardizationSettings(const Options& section)
    : section_(section),
      mode_(section.choice<Mode>(
          "mode", Mode::channel,
          {{"channel", Mode::channel},
           {"given", Mode::given},
           {"scale", Mode::scale},
           {"none", Mode::none}},
          "by the training set's channels, by given numbers, by one factor, or not at all")) {
  if (mode_ == Mode::given) {
    mean_ = section.numbers("mean", Options::required, accept::any<double>(),
                            "mean of each channel, or one for all");
    deviation_ = section.numbers("deviation", Options::required, accept::over(0.0),
                                 "deviation of each channel, or one for all");
  }
  if (mode_ == Mode::scale)
    factor_ =
        section.number("factor", 1.0 / 255, accept::over(0.0), "what pixels are multiplied by");
  section.finish();
}

Standardization StandardizationSettings::make(const Dataset& train) const {
  if (mode_ == Mode::channel) return channel_statistics(train);
  const auto channels = static_cast<size_t>(train.sample_shape().channels());
  const auto fit = [&](const std::string& key, std::vector<double> values) {
    if (values.size() == 1) values.resize(channels, values[0]);
    if (values.size() != channels)
      section_.refuse(key, fmt::format("{} numbers; expected {}, one for each channel of {}, or 1",
                                       values.size(), channels, train.name()));
    return values;
  };
  if (mode_ == Mode::given) return {fit("mean", mean_), fit("deviation", deviation_)};
  return {std::vector<double>(channels, 0), std::vector<double>(channels, 1 / factor_)};
}

}  // namespace quantdyn
