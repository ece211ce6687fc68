#include "data/image_set.h"

#include <algorithm>

#include "data/loader.h"
#include "framework/base/ranks.h"
#include "framework/base/threads.h"

namespace quantdyn {

std::vector<int32_t> labels_of(const ImageSet& images) {
  std::vector<int32_t> out;
  if (images.dataset->classes() == 0) return out;
  for (int64_t i : images.indices) out.push_back(static_cast<int32_t>(images.dataset->label(i)));
  return out;
}

int64_t first_image_of(int64_t images, int64_t rank) {
  return std::min(images, chunk_count(images) * rank / ranks().count() * images_per_chunk);
}

ImageSet images_of_rank(const ImageSet& set) {
  const auto images = std::ssize(set.indices);
  const int64_t first = first_image_of(images, ranks().rank());
  return {set.dataset,
          set.standardization,
          {set.indices.begin() + first,
           set.indices.begin() + first_image_of(images, ranks().rank() + 1)}};
}

int64_t evaluation_batch() { return 8 * images_per_chunk * worker_count(); }

void for_image_batches(const ImageSet& set,
                       const std::function<void(View<const float>, int64_t, int64_t)>& work) {
  const int64_t size = evaluation_batch(), total = static_cast<int64_t>(set.indices.size());
  Tensor<float> x(set.dataset->sample_shape().batch_of(size));
  for (int64_t first = 0; first < total; first += size) {
    const int64_t images = std::min(size, total - first);
    const Batch batch = load_images(*set.dataset, *set.standardization,
                                    std::span(set.indices).subspan(first, images));
    std::copy_n(batch.x.data(), batch.x.elements(), x.data());
    std::fill_n(x.data() + batch.x.elements(), x.elements() - batch.x.elements(), 0.0f);
    work(x.view(), images, first / images_per_chunk);
  }
}

}  // namespace quantdyn
