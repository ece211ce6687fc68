// The images of one split in an HDF5 file, read in any part as [n,H,W,C].
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "framework/base/tensor.h"
#include "framework/h5/h5.h"

namespace quantdyn {

/// An array [N,H,W,C], [N,C,H,W] or [N,H,W] of any number type. It may be read on any thread: HDF5
/// takes one call at a time.
class Hdf5Images {
 public:
  enum class Layout { nhwc, nchw };

  /// ConfigError where the array's shape is none of these.
  Hdf5Images(const std::filesystem::path& file, const std::string& array, Layout layout);

  int64_t size() const { return size_; }
  const Shape& sample_shape() const { return shape_; }
  const h5::Dataset& array() const { return array_; }
  /// Images that the file stores together (an HDF5 chunk), so that reading one reads them all.
  int64_t images_per_block() const { return images_per_block_; }

  /// Images [first, first + count) as [count,H,W,C]; Pixel is uint8_t (for whole numbers from 0 to
  /// 255) or float. Error if the file has changed since it was opened, before or after the reading:
  /// HDF5 gives zeros where a file was cut.
  template <typename Pixel>
  void read(int64_t first, int64_t count, Pixel* out) const;
  /// Reads all images a few at a time: `use(first image, pixels [n,H,W,C])`.
  template <typename Pixel>
  void for_each_block(
      const std::function<void(int64_t first, const std::vector<Pixel>& pixels)>& use) const;
  /// ConfigError if one of `pixels`, read from image `first` on, is not finite.
  void require_finite(int64_t first, const std::vector<float>& pixels) const;

 private:
  void require_unchanged() const;

  h5::File file_;
  h5::Dataset array_;
  Layout layout_;
  Shape shape_;
  int64_t size_ = 0, images_per_block_ = 1;
  uintmax_t file_bytes_ = 0;
  std::filesystem::file_time_type written_;
};

}  // namespace quantdyn
