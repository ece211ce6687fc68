// Chosen images of a dataset, and the batches in which they are evaluated.
#pragma once

#include <functional>
#include <vector>

#include "data/standardize.h"

namespace quantdyn {

/// Images by index, of one split, as the net reads them.
struct ImageSet {
  const Dataset* dataset;
  const Standardization* standardization;
  std::vector<int64_t> indices;
};
/// By image; empty if the dataset has no labels.
std::vector<int32_t> labels_of(const ImageSet& images);
/// Where the images begin that a rank has of a set of `images`, in whole chunks; of the number of
/// ranks, where they end.
int64_t first_image_of(int64_t images, int64_t rank);
/// Those that this rank has; none if there are fewer chunks than ranks.
ImageSet images_of_rank(const ImageSet& set);
/// Images of a batch in evaluation: a multiple of 8 that keeps all workers busy.
int64_t evaluation_batch();

/// Calls `work(x, images, first_chunk)` with batches of the set, x [N,...] padded with zeros to a
/// multiple of 8 images; `first_chunk` counts chunks through the set.
void for_image_batches(
    const ImageSet& set,
    const std::function<void(View<const float> x, int64_t images, int64_t first_chunk)>& work);

}  // namespace quantdyn
