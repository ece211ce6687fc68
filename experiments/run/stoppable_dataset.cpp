#include "experiments/run/stoppable_dataset.h"

#include <stdexcept>

namespace quantdyn {
namespace {

/// What `read` gives; its errors as DataError, also those of the system and of plugins.
template <typename Read>
int64_t read_or_data_error(const Read& read) try {
  return read();
} catch (const std::runtime_error& e) {
  throw DataError(e.what());
}

class StoppableDataset final : public Dataset {
 public:
  StoppableDataset(std::unique_ptr<Dataset> images, const StopFlag& stop)
      : images_(std::move(images)), stop_(stop) {}

  int64_t size() const override { return images_->size(); }
  Shape sample_shape() const override { return images_->sample_shape(); }
  int64_t classes() const override { return images_->classes(); }
  int64_t get(int64_t i, float* x) const override {
    stop_.check();
    return read_or_data_error([&] { return images_->get(i, x); });
  }
  int64_t label(int64_t i) const override {
    return read_or_data_error([&] { return images_->label(i); });
  }
  int64_t chunk_of(int64_t i) const override { return images_->chunk_of(i); }
  int64_t chunks_kept() const override { return images_->chunks_kept(); }
  int64_t bytes_in_memory() const override { return images_->bytes_in_memory(); }
  std::string name() const override { return images_->name(); }
  std::string sha256() const override { return images_->sha256(); }

 private:
  std::unique_ptr<Dataset> images_;
  const StopFlag& stop_;
};

}  // namespace

std::unique_ptr<Dataset> stoppable(std::unique_ptr<Dataset> images, const StopFlag& stop) {
  return std::make_unique<StoppableDataset>(std::move(images), stop);
}

}  // namespace quantdyn
