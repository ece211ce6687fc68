#include "data/sources/file_dataset.h"

#include <algorithm>

#include "framework/base/threads.h"

namespace quantdyn {

template <typename Pixel>
FileDataset<Pixel>::FileDataset(Hdf5Images images, Content content)
    : images_(std::move(images)), content_(std::move(content)) {}

template <typename Pixel>
int64_t FileDataset<Pixel>::block_bytes() const {
  return images_.images_per_block() * sample_shape().elements() *
         static_cast<int64_t>(sizeof(Pixel));
}

template <typename Pixel>
int64_t FileDataset<Pixel>::chunks_kept() const {
  if (images_.images_per_block() == 1) return all_chunks;  // no image is read with another
  return std::max<int64_t>(worker_count() + 1, content_.cache_bytes / block_bytes());
}

template <typename Pixel>
int64_t FileDataset<Pixel>::bytes_in_memory() const {
  if (images_.images_per_block() == 1) return 0;
  const int64_t all = size() * sample_shape().elements() * static_cast<int64_t>(sizeof(Pixel));
  return std::min(all, chunks_kept() * block_bytes());
}

template <typename Pixel>
std::shared_ptr<const typename FileDataset<Pixel>::Block> FileDataset<Pixel>::block(
    int64_t index) const {
  const std::lock_guard lock(mutex_);
  const auto found =
      std::ranges::find(recent_, index, [](const auto& kept) { return kept->index; });
  if (found != recent_.end()) {
    recent_.splice(recent_.begin(), recent_, found);
    return recent_.front();
  }
  while (static_cast<int64_t>(recent_.size()) >= chunks_kept()) recent_.pop_back();
  const int64_t first = index * images_.images_per_block();
  const int64_t count = std::min(images_.images_per_block(), size() - first);
  auto made = std::make_shared<Block>();
  made->index = index;
  made->pixels.resize(static_cast<size_t>(count * sample_shape().elements()));
  images_.read(first, count, made->pixels.data());
  recent_.push_front(std::move(made));
  return recent_.front();
}

template <typename Pixel>
int64_t FileDataset<Pixel>::get(int64_t i, float* x) const {
  const int64_t elements = sample_shape().elements(), in_block = images_.images_per_block();
  if (in_block == 1) {
    std::vector<Pixel> pixels(static_cast<size_t>(elements));
    images_.read(i, 1, pixels.data());
    std::ranges::copy(pixels, x);
  } else {
    const auto held = block(i / in_block);
    std::copy_n(held->pixels.data() + i % in_block * elements, elements, x);
  }
  return label(i);
}

template class FileDataset<uint8_t>;
template class FileDataset<float>;

}  // namespace quantdyn
