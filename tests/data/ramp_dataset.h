// A dataset whose pixels are known by formula, for tests.
#pragma once

#include <vector>

#include "data/dataset.h"

namespace quantdyn {

/// Image i of [h,w,c] has the values 100 i + k in order; its label is i mod 10. Image `broken`
/// throws. `together` images lie in a chunk, of which `kept` are kept.
class RampDataset final : public Dataset {
 public:
  RampDataset(int64_t size, Shape shape, int64_t broken = -1, int64_t together = 1,
              int64_t kept = all_chunks)
      : size_(size), shape_(shape), broken_(broken), together_(together), kept_(kept) {}

  int64_t size() const override { return size_; }
  Shape sample_shape() const override { return shape_; }
  int64_t classes() const override { return 10; }
  int64_t get(int64_t i, float* x) const override {
    if (i == broken_) throw_error("image {} is broken", i);
    for (int64_t k = 0; k < shape_.elements(); ++k) x[k] = static_cast<float>(100 * i + k);
    return i % 10;
  }
  int64_t chunk_of(int64_t i) const override { return i / together_; }
  int64_t chunks_kept() const override { return kept_; }
  std::string name() const override { return "ramp"; }
  std::string sha256() const override { return ""; }

 private:
  int64_t size_;
  Shape shape_;
  int64_t broken_, together_, kept_;
};

}  // namespace quantdyn
