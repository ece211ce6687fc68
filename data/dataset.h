// What an image dataset is: samples by index, all checked when the dataset is made.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "framework/base/tensor.h"
#include "framework/config/registry.h"

namespace quantdyn {

/// One split of a dataset. The factory throws ConfigError, naming file and byte, for
/// everything that is wrong with its files; afterwards reading a sample fails only where images
/// stay in a file that can no longer be read.
class Dataset {
 public:
  virtual ~Dataset() = default;

  /// Images, at least 1.
  virtual int64_t size() const = 0;
  /// [H,W,C].
  virtual Shape sample_shape() const = 0;
  /// Labels are 0 ... classes() - 1; 0: the images have no labels, and get() returns -1.
  virtual int64_t classes() const = 0;
  /// Writes image i, [H,W,C] pixel values as stored (0 to 255 for bytes), and returns its label.
  /// Pure: any thread may call it at any time, and gets the same values.
  virtual int64_t get(int64_t i, float* x) const = 0;
  /// The label alone, as get() returns it; datasets that need no pixels for it override this.
  virtual int64_t label(int64_t i) const {
    std::vector<float> x(static_cast<size_t>(sample_shape().elements()));
    return get(i, x.data());
  }
  /// Images with the same number lie together in their file, so that reading one reads them all.
  /// Ascending in i. By default each image lies alone.
  virtual int64_t chunk_of(int64_t i) const { return i; }
  /// How many of these chunks are in memory at a time; all_chunks: none is read twice.
  virtual int64_t chunks_kept() const { return all_chunks; }
  static constexpr int64_t all_chunks = std::numeric_limits<int64_t>::max();
  /// Bytes of pixels that it keeps in memory at most; 0 where they are computed.
  virtual int64_t bytes_in_memory() const { return 0; }
  /// For provenance: "cifar10 train".
  virtual std::string name() const = 0;
  /// For provenance: SHA-256 in hexadecimal of all pixels in order, as get() numbers them and in
  /// the type they are stored in, followed by all labels as int32 (little endian).
  virtual std::string sha256() const = 0;
};

/// The two splits that one dataset plugin makes, of the same sample shape and classes.
struct DatasetPair {
  std::unique_ptr<Dataset> train;
  std::unique_ptr<Dataset> test;
};

using DatasetRegistry = Registry<DatasetPair>;

}  // namespace quantdyn
