#include "data/dataset.h"

namespace quantdyn {
namespace {

/// Another split without its labels: for nets that have other classes.
class Unlabelled final : public Dataset {
 public:
  explicit Unlabelled(std::unique_ptr<Dataset> of) : of_(std::move(of)) {}

  int64_t size() const override { return of_->size(); }
  Shape sample_shape() const override { return of_->sample_shape(); }
  int64_t classes() const override { return 0; }
  int64_t get(int64_t i, float* x) const override {
    of_->get(i, x);
    return -1;
  }
  int64_t label(int64_t) const override { return -1; }
  int64_t chunk_of(int64_t i) const override { return of_->chunk_of(i); }
  int64_t chunks_kept() const override { return of_->chunks_kept(); }
  int64_t bytes_in_memory() const override { return of_->bytes_in_memory(); }
  std::string name() const override { return of_->name() + " without labels"; }
  /// The SHA-256 of the labelled images, which shows that both have the same pixels.
  std::string sha256() const override { return of_->sha256(); }

 private:
  std::unique_ptr<Dataset> of_;
};

std::unique_ptr<DatasetPair> make_unlabelled(const Options& options) {
  const Options of = options.plugin("of", Options::required, "the dataset whose images are taken");
  options.finish();
  auto pair = DatasetRegistry::instance().make(of);
  pair->train = std::make_unique<Unlabelled>(std::move(pair->train));
  pair->test = std::make_unique<Unlabelled>(std::move(pair->test));
  return pair;
}

const Registered<DatasetPair> unlabelled{
    "unlabelled", "another dataset's images without its labels: no training, no accuracy",
    make_unlabelled};

}  // namespace
}  // namespace quantdyn
