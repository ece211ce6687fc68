// Batches of a dataset in a seeded order, augmented and prepared in the background.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "data/dataset.h"
#include "data/standardize.h"
#include "framework/base/ranks.h"
#include "framework/base/rng.h"

namespace quantdyn {

/// Images ready for the net: a batch, or one of the micro batches that it comes in.
struct Batch {
  Tensor<float> x;              ///< [at once,H,W,C]; images from `images` on are zeros
  std::vector<int32_t> labels;  ///< [images]
  int64_t images = 0;           ///< those that are real
  int64_t first = 0;            ///< position of the first one in the epoch's order
  BatchShare share = {};        ///< of these images, if several ranks share them; else all of them
  int64_t of_batch = 0;         ///< images of the whole batch, of all ranks
  bool ends_batch = true;       ///< whether no micro batch of the same batch follows
};

struct LoaderSettings {
  enum class Order { shuffled, sequential };
  enum class LastBatch { drop, keep };
  enum class Shuffle { full, chunks };

  int64_t batch_size = 128;
  int64_t micro_batch = 0;  ///< images of a batch that are held at a time, of all ranks; 0: all
  Order order = Order::shuffled;
  Shuffle shuffle = Shuffle::full;         ///< all images, or shuffle_chunks() of the dataset
  int64_t chunks_at_once = 16;             ///< chunks whose images are mixed
  LastBatch last_batch = LastBatch::drop;  ///< what happens to a last batch that is not full
  int64_t crop_padding = 0;                ///< pixels of zeros on each side before a random crop
  double flip_probability = 0;             ///< of mirroring an image left to right
  int rank = 0, ranks = 1;                 ///< each rank loads only its own images of a batch

  int64_t images_at_once() const { return micro_batch > 0 ? micro_batch : batch_size; }

  /// For this process's rank. Reads batch_size, micro_batch, last_batch, shuffle, shuffle_chunks,
  /// crop_padding and flip_probability; the caller finishes.
  static LoaderSettings for_training(const Options& options);
  /// Every image once, in the dataset's order, not augmented.
  static LoaderSettings for_evaluation(int64_t batch_size);
};

/// ConfigError: a shuffle by chunks of a dataset that has none, or keeps fewer in memory than are
/// mixed.
void check_shuffle(const Dataset& dataset, const LoaderSettings& settings);
/// ConfigError: as check_shuffle(); batch_size below 1, or not a multiple of 8 in sequential order
/// (evaluation sums over chunks of 8); no full batch in the dataset while the last is dropped; a
/// batch, or micro batch, that leaves a rank without images; micro batches that are no subtrees of
/// the batch.
void check_loading(const Dataset& dataset, const LoaderSettings& settings);

/// Prepares the batches of one epoch after another in its own thread, a few ahead.
///
/// The order of epoch e is a pure function of (rng, e), an image's crop and flip of (rng, e, the
/// image's index): neither depends on threads or batch size. The dataset must outlive the loader.
/// ConfigError as check_loading().
class Loader {
 public:
  Loader(const Dataset& dataset, const Standardization& standardization,
         const LoaderSettings& settings, const Rng& rng);
  ~Loader();  ///< at any time, also in the middle of an epoch

  /// Batches of an epoch.
  int64_t batches() const;
  /// Starts epoch `epoch` (any number) from its first batch, or from a later one, 0 ...
  /// batches() - 1; the rest of another is dropped.
  void start_epoch(int64_t epoch, int64_t first_batch = 0);
  /// The next batch, or micro batch, valid until the next call of next() or start_epoch(); none
  /// after the epoch's last. Throws what the dataset threw while the batch was
  /// made.
  const Batch& next();

 private:
  class Producer;
  std::unique_ptr<Producer> producer_;
};

/// The given images as one batch in their order, standardized, not augmented: x [indices,H,W,C].
Batch load_images(const Dataset& dataset, const Standardization& standardization,
                  std::span<const int64_t> indices);

}  // namespace quantdyn
