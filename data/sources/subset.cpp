#include <algorithm>
#include <numeric>

#include "data/dataset.h"
#include "data/order.h"
#include "data/pixel_hash.h"

namespace quantdyn {
namespace {

enum class Choice { first, seeded };

/// What the user asked for.
struct Subsets {
  Choice choice;
  int64_t seed;
};

/// Chosen images of another split, in its order.
class Subset final : public Dataset {
 public:
  Subset(std::unique_ptr<Dataset> of, std::vector<int64_t> images, const std::string& how)
      : of_(std::move(of)),
        images_(std::move(images)),
        name_(fmt::format("{}, {} of {} images{}", of_->name(), images_.size(), of_->size(), how)) {
  }

  int64_t size() const override { return static_cast<int64_t>(images_.size()); }
  Shape sample_shape() const override { return of_->sample_shape(); }
  int64_t classes() const override { return of_->classes(); }
  int64_t get(int64_t i, float* x) const override {
    return of_->get(images_[static_cast<size_t>(i)], x);
  }
  int64_t label(int64_t i) const override { return of_->label(images_[static_cast<size_t>(i)]); }
  int64_t chunk_of(int64_t i) const override {
    return of_->chunk_of(images_[static_cast<size_t>(i)]);
  }
  int64_t chunks_kept() const override { return of_->chunks_kept(); }
  int64_t bytes_in_memory() const override { return of_->bytes_in_memory(); }
  std::string name() const override { return name_; }
  /// That of a file which holds only these images.
  std::string sha256() const override {
    PixelHash hash;
    std::vector<float> x(static_cast<size_t>(sample_shape().elements()));
    std::vector<int32_t> labels;
    for (int64_t i = 0; i < size(); ++i) {
      labels.push_back(static_cast<int32_t>(get(i, x.data())));
      hash.add(x);
    }
    return hash.finish(labels);
  }

 private:
  std::unique_ptr<Dataset> of_;
  std::vector<int64_t> images_;
  std::string name_;
};

/// 0: all.
std::unique_ptr<Dataset> choose(const Options& options, const std::string& split, int64_t count,
                                const Subsets& how, std::unique_ptr<Dataset> of) {
  if (count == 0) return of;
  if (count > of->size())
    options.refuse(split + "_images",
                   fmt::format("{} images; {} has {}; accepted: up to that, 0: all", count,
                               of->name(), of->size()));
  std::vector<int64_t> images;
  if (how.choice == Choice::seeded) {
    const Rng rng = Rng(static_cast<uint64_t>(how.seed)).fork("subset").fork(split);
    images = first_of_shuffle(rng, of->size(), count);
    std::ranges::sort(images);

  } else {
    images.resize(static_cast<size_t>(count));
    std::iota(images.begin(), images.end(), 0);
  }
  return std::make_unique<Subset>(
      std::move(of), std::move(images),
      how.choice == Choice::seeded ? fmt::format(" by seed {}", how.seed) : ", the first");
}

std::unique_ptr<DatasetPair> make_subset(const Options& options) {
  const Options of = options.plugin("of", Options::required, "the dataset to choose from");
  const auto count = accept::at_least<int64_t>(0);
  const int64_t train =
      options.integer("train_images", 0, count, "images of the training split; 0: all");
  const int64_t test = options.integer("test_images", 0, count, "images of the test split; 0: all");
  Subsets how{};
  how.choice = options.choice<Choice>("choice", Choice::first,
                                      {{"first", Choice::first}, {"seeded", Choice::seeded}},
                                      "the first images, or those at the head of a shuffle");
  how.seed = options.integer("seed", 0, accept::at_least<int64_t>(0), "of that shuffle");
  options.finish();
  if (how.choice == Choice::first)
    options.leave_out("seed", "choice: first takes the first images");
  auto pair = DatasetRegistry::instance().make(of);
  pair->train = choose(options, "train", train, how, std::move(pair->train));
  pair->test = choose(options, "test", test, how, std::move(pair->test));
  return pair;
}

const Registered<DatasetPair> subset{
    "subset", "some images of another dataset: the first, or seeded ones", make_subset};

}  // namespace
}  // namespace quantdyn
