#include "data/loader.h"

#include <algorithm>
#include <array>
#include <bit>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>

#include "data/image_writer.h"
#include "data/order.h"
#include "framework/base/threads.h"

namespace quantdyn {
namespace {

using Order = LoaderSettings::Order;
using LastBatch = LoaderSettings::LastBatch;
using Shuffle = LoaderSettings::Shuffle;

/// A rank without images would have nothing to join.
void check_ranks(const Dataset& dataset, const LoaderSettings& settings) {
  const int64_t all = settings.images_at_once();
  const int64_t last = dataset.size() % settings.batch_size % all;
  const bool has_part = settings.last_batch == LastBatch::keep && last > 0;
  const char* const what = settings.micro_batch > 0 ? "micro batch" : "batch";
  for (const int64_t images : {all, has_part ? last : all})
    if (share_count(images) < settings.ranks)
      throw_error<ConfigError>(
          "{} ranks for a {} of {} images{}: each needs at least one part of {}; accepted: up "
          "to {} ranks, a larger {}{}",
          settings.ranks, what, images, images == all ? "" : ", the last of an epoch",
          images_per_share, share_count(images), settings.micro_batch > 0 ? what : "batch size",
          images == all ? "" : ", or last_batch: drop");
}

void check_micro_batch(const LoaderSettings& settings) {
  const int64_t micro = settings.micro_batch, batch = settings.batch_size;
  if (micro == 0) return;
  const bool is_subtree = micro % images_per_chunk == 0 &&
                          std::has_single_bit(static_cast<uint64_t>(micro / images_per_chunk));
  if (micro < 0 || batch % micro != 0 || !is_subtree)
    throw_error<ConfigError>(
        "micro batches of {} images for a batch of {}; accepted: {} times a power of two that "
        "divides the batch size, or 0: the whole batch",
        micro, batch, images_per_chunk);
}

}  // namespace

void check_shuffle(const Dataset& dataset, const LoaderSettings& settings) {
  if (settings.shuffle != Shuffle::chunks) return;
  bool has_chunks = false;
  for (int64_t i = 1; i < dataset.size() && !has_chunks; ++i)
    has_chunks = dataset.chunk_of(i) == dataset.chunk_of(i - 1);
  if (!has_chunks)
    throw_error<ConfigError>(
        "{}: no two images lie in one chunk of a file; accepted: shuffle: full, or an HDF5 file "
        "with several images in a chunk",
        dataset.name());
  if (settings.chunks_at_once > dataset.chunks_kept())
    throw_error<ConfigError>(
        "{}: {} chunks are mixed, and {} are kept in memory; accepted: shuffle_chunks up to that, "
        "or a larger memory_mib of the dataset",
        dataset.name(), settings.chunks_at_once, dataset.chunks_kept());
}

void check_loading(const Dataset& dataset, const LoaderSettings& settings) {
  const int64_t batch = settings.batch_size;
  if (batch < 1) throw_error<ConfigError>("batch size {}; accepted: at least 1", batch);
  if (settings.order == Order::sequential && batch % images_per_chunk != 0)
    throw_error<ConfigError>("batch size {} for evaluation; accepted: a multiple of {}", batch,
                             images_per_chunk);
  if (settings.last_batch == LastBatch::drop && dataset.size() < batch)
    throw_error<ConfigError>(
        "{}: {} images do not fill a batch of {}; accepted: a smaller batch size, or "
        "last_batch: keep",
        dataset.name(), dataset.size(), batch);
  check_micro_batch(settings);
  check_ranks(dataset, settings);
  check_shuffle(dataset, settings);
  if (settings.crop_padding < 0 ||
      !(settings.flip_probability >= 0 && settings.flip_probability <= 1))
    throw_error<ConfigError>(
        "crop padding {}, flip probability {}; accepted: at least 0, and from 0 to 1",
        settings.crop_padding, settings.flip_probability);
}

LoaderSettings LoaderSettings::for_training(const Options& options) {
  LoaderSettings out;
  out.rank = quantdyn::ranks().rank();
  out.ranks = quantdyn::ranks().count();
  out.batch_size = options.integer("batch_size", out.batch_size,
                                   accept::between<int64_t>(1, 1 << 16), "images per step");
  out.micro_batch = options.integer(
      "micro_batch", 0, accept::between<int64_t>(0, 1 << 16),
      "images of a batch that are held in memory at a time; 0: all. 8 times a power of two that "
      "divides batch_size. Batch norms take the statistics of a micro batch");
  try {
    check_micro_batch(out);
  } catch (const ConfigError& e) {
    options.refuse("micro_batch", e.what());
  }
  out.last_batch = options.choice<LastBatch>("last_batch", out.last_batch,
                                             {{"drop", LastBatch::drop}, {"keep", LastBatch::keep}},
                                             "what happens to a last batch that is not full");
  out.shuffle = options.choice<Shuffle>(
      "shuffle", out.shuffle, {{"full", Shuffle::full}, {"chunks", Shuffle::chunks}},
      "the order of an epoch: all images shuffled, or the chunks of an HDF5 file, some at a time, "
      "and the images of these");
  out.chunks_at_once =
      options.integer("shuffle_chunks", out.chunks_at_once, accept::between<int64_t>(1, 1 << 20),
                      "with shuffle: chunks, HDF5 chunks whose images are mixed");
  if (out.shuffle == Shuffle::full)
    options.leave_out("shuffle_chunks", "does nothing with shuffle: full");
  out.crop_padding = options.integer(
      "crop_padding", out.crop_padding, accept::between<int64_t>(0, 1024),
      "pixels of zeros on each side of an image, from which a crop of the image's own size is cut");
  out.flip_probability =
      options.number("flip_probability", out.flip_probability, accept::between(0.0, 1.0),
                     "probability of mirroring an image");
  return out;
}

LoaderSettings LoaderSettings::for_evaluation(int64_t batch_size) {
  LoaderSettings out;
  out.batch_size = batch_size;
  out.order = Order::sequential;
  out.last_batch = LastBatch::keep;
  return out;
}

/// The thread, a ring of batches between it and the caller, and what it needs to fill one.
class Loader::Producer {
 public:
  Producer(const Dataset& dataset, const Standardization& standardization,
           const LoaderSettings& settings, const Rng& rng)
      : dataset_(dataset),
        settings_(settings),
        order_rng_(rng.fork("order")),
        augment_rng_(rng.fork("augment")),
        writer_(dataset, standardization) {
    const int64_t at_once = settings.images_at_once(), rest = dataset.size() % settings.batch_size;
    pieces_of_batch_ = (settings.batch_size + at_once - 1) / at_once;
    batches_ = dataset.size() / settings.batch_size;
    pieces_ = batches_ * pieces_of_batch_;
    if (settings.last_batch == LastBatch::keep && rest > 0) {
      ++batches_;
      pieces_ += (rest + at_once - 1) / at_once;
    }
    const int64_t most = share_of(at_once, settings.rank, settings.ranks).images;
    for (Slot& slot : ring_) {
      slot.batch.x = Tensor<float>(dataset.sample_shape().batch_of(most));
      slot.batch.labels.reserve(static_cast<size_t>(most));
    }
    order_.resize(static_cast<size_t>(dataset.size()));
    thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
  }

  int64_t batches() const { return batches_; }

  void start_epoch(int64_t epoch, int64_t first_batch) {
    if (first_batch < 0 || first_batch >= batches_)
      throw_error("loader: an epoch from batch {}; it has {}", first_batch, batches_);
    {
      const std::lock_guard lock(mutex_);
      epoch_ = epoch;
      ++generation_;
      made_ = taken_ = first_ = first_batch * pieces_of_batch_;
    }
    changed_.notify_all();
  }

  const Batch& next() {
    std::unique_lock lock(mutex_);
    if (generation_ == 0 || taken_ == pieces_)
      throw_error("loader: {} batches taken; an epoch has {} and begins with start_epoch()", taken_,
                  pieces_);
    ++taken_;  // gives back the batch before
    changed_.notify_all();
    changed_.wait(lock, [&] { return made_ >= taken_; });
    const Slot& slot = ring_[static_cast<size_t>((taken_ - 1) % slots)];
    if (slot.failure) std::rethrow_exception(slot.failure);
    return slot.batch;
  }

 private:
  static constexpr int64_t slots = 4;  // one with the caller, up to three ready
  struct Slot {
    Batch batch;
    std::exception_ptr failure;
  };

  void run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    int64_t ordered_for = 0;  // the generation that order_ was made for
    for (;;) {
      const auto has_room = [&] {
        return generation_ > 0 && made_ < pieces_ &&
               made_ < std::max(taken_, first_ + 1) + slots - 1;
      };
      if (!changed_.wait(lock, stop, has_room)) return;
      const int64_t generation = generation_, epoch = epoch_, index = made_;
      lock.unlock();
      Slot& slot = ring_[static_cast<size_t>(index % slots)];
      slot.failure = nullptr;
      try {
        if (ordered_for != generation) make_order(epoch);
        ordered_for = generation;
        fill(epoch, index, slot.batch, stop);
      } catch (...) {
        slot.failure = std::current_exception();
      }
      lock.lock();
      if (generation != generation_) continue;  // made for an epoch that was left
      ++made_;
      changed_.notify_all();
    }
  }

  void make_order(int64_t epoch) {
    const Rng rng = order_rng_.fork(static_cast<uint64_t>(epoch));
    if (settings_.order == Order::sequential)
      std::iota(order_.begin(), order_.end(), 0);
    else if (settings_.shuffle == Shuffle::chunks)
      shuffle_chunks(rng, dataset_, settings_.chunks_at_once, order_);
    else
      shuffle(rng, dataset_.size(), order_);
  }

  void fill(int64_t epoch, int64_t index, Batch& batch, const std::stop_token& stop) {
    const Rng rng = augment_rng_.fork(static_cast<uint64_t>(epoch));
    const int64_t elements = dataset_.sample_shape().elements();
    const int64_t first = index / pieces_of_batch_ * settings_.batch_size;
    const int64_t begin = first + index % pieces_of_batch_ * settings_.images_at_once();
    const int64_t end = std::min(first + settings_.batch_size, dataset_.size());
    batch.share = share_of(std::min(settings_.images_at_once(), end - begin), settings_.rank,
                           settings_.ranks);
    batch.of_batch = end - first;
    batch.ends_batch = begin + batch.share.of == end;
    batch.first = begin + batch.share.first;
    batch.images = batch.share.images;
    batch.labels.clear();
    float* out = batch.x.data();
    for (int64_t i = 0; i < batch.images && !stop.stop_requested(); ++i, out += elements) {
      const int64_t image = order_[static_cast<size_t>(batch.first + i)];
      batch.labels.push_back(static_cast<int32_t>(
          writer_.write(image, crop_of(rng, static_cast<uint64_t>(image)), out)));
    }
    std::fill(out, batch.x.data() + batch.x.elements(), 0.0f);
  }

  Crop crop_of(const Rng& rng, uint64_t image) const {
    Crop crop{settings_.crop_padding, settings_.crop_padding, settings_.crop_padding, false};
    const auto places = static_cast<uint64_t>(2 * settings_.crop_padding + 1);
    crop.top = static_cast<int64_t>(rng.below(3 * image, places));
    crop.left = static_cast<int64_t>(rng.below(3 * image + 1, places));
    crop.is_mirrored = rng.uniform(3 * image + 2) < settings_.flip_probability;
    return crop;
  }

  const Dataset& dataset_;
  LoaderSettings settings_;
  Rng order_rng_, augment_rng_;
  ImageWriter writer_;
  int64_t batches_ = 0;
  int64_t pieces_ = 0, pieces_of_batch_ = 1;  // micro batches of an epoch, and of a full batch
  std::vector<int64_t> order_;
  std::array<Slot, slots> ring_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable_any changed_;
  int64_t generation_ = 0, epoch_ = 0;
  int64_t made_ = 0, taken_ = 0;  // micro batches of this epoch, counted from its start
  int64_t first_ = 0;             // the one that the caller began with

  std::jthread thread_;  // last: it ends before the rest goes
};

Loader::Loader(const Dataset& dataset, const Standardization& standardization,
               const LoaderSettings& settings, const Rng& rng) {
  check_loading(dataset, settings);
  producer_ = std::make_unique<Producer>(dataset, standardization, settings, rng);
}

Loader::~Loader() = default;
int64_t Loader::batches() const { return producer_->batches(); }
void Loader::start_epoch(int64_t epoch, int64_t first_batch) {
  producer_->start_epoch(epoch, first_batch);
}
const Batch& Loader::next() { return producer_->next(); }

Batch load_images(const Dataset& dataset, const Standardization& standardization,
                  std::span<const int64_t> indices) {
  const auto count = static_cast<int64_t>(indices.size());
  for (const int64_t index : indices)
    if (index < 0 || index >= dataset.size())
      throw_error<ConfigError>("{}: image {}; accepted: 0 to {}", dataset.name(), index,
                               dataset.size() - 1);
  Batch batch;
  batch.x = Tensor<float>(dataset.sample_shape().batch_of(count));
  batch.labels.resize(indices.size());
  batch.images = count;
  const int64_t elements = dataset.sample_shape().elements();
  std::vector<ImageWriter> writers(static_cast<size_t>(worker_count()),
                                   ImageWriter(dataset, standardization));
  parallel_for(count, [&](int64_t i, int worker) {
    const auto at = static_cast<size_t>(i);
    const int64_t label =
        writers[static_cast<size_t>(worker)].write(indices[at], {}, batch.x.data() + i * elements);
    batch.labels[at] = static_cast<int32_t>(label);
  });
  return batch;
}

}  // namespace quantdyn
