// A dataset whose pixels are in memory: what most plugins turn their files into.
#pragma once

#include <cassert>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/dataset.h"
#include "framework/base/hash.h"

namespace quantdyn {

/// Pixels [N,H,W,C] in the type they came in (uint8_t or float) and a label for each image.
template <typename Pixel>
class StoredDataset final : public Dataset {
 public:
  struct Content {
    std::string name;
    Shape sample_shape;
    int64_t classes = 0;
    std::vector<Pixel> pixels;
    std::vector<int32_t> labels;
    int64_t images_in_chunk = 1;  ///< that lie together in the file
  };
  explicit StoredDataset(Content content) : content_(std::move(content)) {
    assert(content_.pixels.size() ==
           content_.labels.size() * static_cast<size_t>(content_.sample_shape.elements()));
  }

  int64_t size() const override { return static_cast<int64_t>(content_.labels.size()); }
  Shape sample_shape() const override { return content_.sample_shape; }
  int64_t classes() const override { return content_.classes; }
  int64_t get(int64_t i, float* x) const override {
    const int64_t elements = content_.sample_shape.elements();
    const Pixel* from = content_.pixels.data() + i * elements;
    for (int64_t k = 0; k < elements; ++k) x[k] = static_cast<float>(from[k]);
    return content_.labels[static_cast<size_t>(i)];
  }
  int64_t label(int64_t i) const override { return content_.labels[static_cast<size_t>(i)]; }
  int64_t chunk_of(int64_t i) const override { return i / content_.images_in_chunk; }
  int64_t bytes_in_memory() const override {
    return static_cast<int64_t>(content_.pixels.size() * sizeof(Pixel));
  }
  std::string name() const override { return content_.name; }
  std::string sha256() const override {
    Sha256 hash;
    hash.add(std::as_bytes(std::span(content_.pixels)));
    hash.add(std::as_bytes(std::span(content_.labels)));
    return hash.finish();
  }

 private:
  Content content_;
};

}  // namespace quantdyn
