// A dataset whose pixels stay in their HDF5 file: for sets that do not fit in memory.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/sources/hdf5_images.h"

namespace quantdyn {

/// The same images and labels as a StoredDataset<Pixel> of the file. Where the file stores one
/// image at a time, each get() reads one; where it stores blocks (HDF5 chunks), the blocks read
/// last are kept, so that images in order read each block once.
///
/// get() throws Error if the file can no longer be read, or has changed since it was checked.
template <typename Pixel>
class FileDataset final : public Dataset {
 public:
  struct Content {
    std::string name;
    int64_t classes = 0;
    std::vector<int32_t> labels;
    std::string sha256;       ///< of pixels and labels, computed when they were checked
    int64_t cache_bytes = 0;  ///< of blocks that are kept; at least a block for each worker is
  };
  FileDataset(Hdf5Images images, Content content);

  int64_t size() const override { return images_.size(); }
  Shape sample_shape() const override { return images_.sample_shape(); }
  int64_t classes() const override { return content_.classes; }
  int64_t get(int64_t i, float* x) const override;
  int64_t label(int64_t i) const override { return content_.labels[static_cast<size_t>(i)]; }
  int64_t chunk_of(int64_t i) const override { return i / images_.images_per_block(); }
  int64_t chunks_kept() const override;
  int64_t bytes_in_memory() const override;
  std::string name() const override { return content_.name; }
  std::string sha256() const override { return content_.sha256; }

 private:
  struct Block {
    int64_t index;
    std::vector<Pixel> pixels;
  };
  std::shared_ptr<const Block> block(int64_t index) const;
  int64_t block_bytes() const;

  Hdf5Images images_;
  Content content_;
  mutable std::mutex mutex_;
  mutable std::list<std::shared_ptr<const Block>> recent_;  // the latest first
};

}  // namespace quantdyn
