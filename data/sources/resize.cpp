#include <algorithm>

#include "data/dataset.h"
#include "framework/base/hash.h"

namespace quantdyn {
namespace {

/// Where one output coordinate reads from: x[low] + fraction (x[high] - x[low]).
struct Reading {
  int64_t low, high;
  float fraction;
};

/// Half-pixel centres: output i lies at (i + 0.5) from / to - 0.5, held within the edge pixels.
std::vector<Reading> readings(int64_t from, int64_t to) {
  std::vector<Reading> out;
  for (int64_t i = 0; i < to; ++i) {
    const double centre =
        (static_cast<double>(i) + 0.5) * static_cast<double>(from) / static_cast<double>(to) - 0.5;
    const double inside = std::clamp(centre, 0.0, static_cast<double>(from - 1));
    const auto low = static_cast<int64_t>(inside);
    out.push_back(
        {low, std::min(low + 1, from - 1), static_cast<float>(inside - static_cast<double>(low))});
  }
  return out;
}

/// Another split at another size, bilinear, computed at each get().
class Resize final : public Dataset {
 public:
  Resize(std::unique_ptr<Dataset> of, int64_t height, int64_t width)
      : of_(std::move(of)),
        from_(of_->sample_shape()),
        to_{height, width, from_.channels()},
        rows_(readings(from_[0], height)),
        columns_(readings(from_[1], width)) {}

  int64_t size() const override { return of_->size(); }
  Shape sample_shape() const override { return to_; }
  int64_t classes() const override { return of_->classes(); }
  int64_t label(int64_t i) const override { return of_->label(i); }
  int64_t chunk_of(int64_t i) const override { return of_->chunk_of(i); }
  int64_t chunks_kept() const override { return of_->chunks_kept(); }
  int64_t bytes_in_memory() const override { return of_->bytes_in_memory(); }
  std::string name() const override {
    return fmt::format("{} resized to {} x {}", of_->name(), to_[0], to_[1]);
  }

  int64_t get(int64_t i, float* x) const override {
    std::vector<float> source(static_cast<size_t>(from_.elements()));
    const int64_t label = of_->get(i, source.data());
    const int64_t channels = to_.channels(), stride = from_[1] * channels;
    for (const Reading& row : rows_) {
      const float* above = source.data() + row.low * stride;
      const float* below = source.data() + row.high * stride;
      for (const Reading& column : columns_) {
        const int64_t left = column.low * channels, right = column.high * channels;
        for (int64_t c = 0; c < channels; ++c) {
          const float top =
              above[left + c] + column.fraction * (above[right + c] - above[left + c]);
          const float bottom =
              below[left + c] + column.fraction * (below[right + c] - below[left + c]);
          *x++ = top + row.fraction * (bottom - top);
        }
      }
    }
    return label;
  }

  std::string sha256() const override {
    Sha256 hash;
    std::vector<float> x(static_cast<size_t>(to_.elements()));
    std::vector<int32_t> labels;
    for (int64_t i = 0; i < size(); ++i) {
      labels.push_back(static_cast<int32_t>(get(i, x.data())));
      hash.add(std::as_bytes(std::span(x)));
    }
    hash.add(std::as_bytes(std::span(labels)));
    return hash.finish();
  }

 private:
  std::unique_ptr<Dataset> of_;
  Shape from_, to_;
  std::vector<Reading> rows_, columns_;
};

std::unique_ptr<DatasetPair> make_resize(const Options& options) {
  const Options of = options.plugin("of", Options::required, "the dataset to resize");
  const auto size = accept::between<int64_t>(1, 4096);
  const int64_t height = options.integer("height", Options::required, size, "in pixels");
  const int64_t width = options.integer("width", Options::required, size, "in pixels");
  options.finish();
  auto pair = DatasetRegistry::instance().make(of);
  pair->train = std::make_unique<Resize>(std::move(pair->train), height, width);
  pair->test = std::make_unique<Resize>(std::move(pair->test), height, width);
  return pair;
}

const Registered<DatasetPair> resize{
    "resize", "another dataset at another size: bilinear, half-pixel centres", make_resize};

}  // namespace
}  // namespace quantdyn
