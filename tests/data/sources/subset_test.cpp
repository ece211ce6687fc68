#include <boost/test/unit_test.hpp>
#include <numeric>
#include <set>

#include "framework/h5/h5.h"
#include "tests/data/test_files.h"

using namespace quantdyn;

namespace {

/// Images of one pixel: image i has the value i + offset, and the label i mod 7.
struct Pixels : TemporaryFolder {
  Pixels() { write_file("a.h5", 40, 0); }
  void write_file(const std::string& name, int64_t images, float offset) const {
    std::vector<float> x(static_cast<size_t>(images));
    std::iota(x.begin(), x.end(), offset);
    std::vector<int32_t> y;
    for (int32_t i = 0; i < images; ++i) y.push_back(i % 7);
    auto file = h5::File::create(path() / name);
    file.write<float>("x", std::vector<int64_t>{images, 1, 1, 1}, x);
    file.write("y", y);
    file.commit();
  }
  static std::string hdf5(const std::string& file) {
    return fmt::format(
        "{{name: hdf5, file: {}, train_x: x, train_y: y, test_x: x, test_y: y, classes: 7}}", file);
  }
  std::unique_ptr<DatasetPair> subset(const std::string& keys,
                                      const std::string& of = hdf5("a.h5")) const {
    return make_dataset(fmt::format("{{name: subset, of: {}, {}}}", of, keys), path());
  }
  std::string refused(const std::string& keys) const {
    return refusal(fmt::format("{{name: subset, of: {}, {}}}", hdf5("a.h5"), keys), path());
  }
};

std::vector<int64_t> values(const Dataset& dataset) {
  std::vector<int64_t> out;
  for (int64_t i = 0; i < dataset.size(); ++i)
    out.push_back(static_cast<int64_t>(image_of(dataset, i)[0]));
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(subset)

BOOST_FIXTURE_TEST_CASE(first_takes_the_first_images_and_zero_takes_all, Pixels) {
  const auto data = subset("test_images: 3");
  BOOST_TEST(data->train->size() == 40);
  BOOST_TEST(data->train->name() == "hdf5 train");
  BOOST_TEST(values(*data->test) == (std::vector<int64_t>{0, 1, 2}));
  BOOST_TEST(data->test->classes() == 7);
  BOOST_TEST(data->test->name() == "hdf5 test, 3 of 40 images, the first");
}

BOOST_FIXTURE_TEST_CASE(seeded_takes_different_images_in_their_order_with_their_labels, Pixels) {
  const auto data = subset("train_images: 9, test_images: 9, choice: seeded, seed: 3");
  const std::vector<int64_t> chosen = values(*data->test);
  BOOST_TEST(std::set(chosen.begin(), chosen.end()).size() == 9);
  BOOST_TEST(std::ranges::is_sorted(chosen));
  BOOST_TEST(chosen != values(*data->train));
  float x = 0;
  for (int64_t i = 0; i < 9; ++i) BOOST_TEST(data->test->get(i, &x) == chosen[i] % 7);
  BOOST_TEST(values(*subset("test_images: 9, choice: seeded, seed: 3")->test) == chosen);
  BOOST_TEST(values(*subset("test_images: 9, choice: seeded, seed: 4")->test) != chosen);
  BOOST_TEST(data->test->name() == "hdf5 test, 9 of 40 images by seed 3");
}

BOOST_FIXTURE_TEST_CASE(a_larger_seeded_subset_holds_the_smaller_one, Pixels) {
  const auto few = values(*subset("test_images: 5, choice: seeded")->test);
  const auto more = values(*subset("test_images: 20, choice: seeded")->test);
  BOOST_TEST(std::ranges::includes(more, few));
}

BOOST_FIXTURE_TEST_CASE(its_hash_is_that_of_a_file_with_these_images, Pixels) {
  for (const float offset : {0.0f, 0.5f}) {  // stored as bytes, and as float
    write_file("few.h5", 5, offset);
    write_file("many.h5", 12, offset);
    const auto few = make_dataset(hdf5("few.h5"), path());
    BOOST_TEST(subset("test_images: 5", hdf5("many.h5"))->test->sha256() == few->test->sha256());
  }
}

BOOST_FIXTURE_TEST_CASE(a_hash_says_which_images_were_chosen, Pixels) {
  BOOST_TEST(subset("test_images: 5, choice: seeded")->test->sha256() !=
             subset("test_images: 5")->test->sha256());
}

BOOST_FIXTURE_TEST_CASE(more_images_than_there_are_and_a_seed_without_use_are_refused, Pixels) {
  BOOST_TEST(contains(refused("test_images: 41"),
                      "test_images: 41 images; hdf5 test has 40; accepted: up to that, 0: all"));
  BOOST_TEST(contains(refused("test_images: 2, seed: 1"), "seed: "));
  BOOST_TEST(contains(refused("choice: last"), "choice: "));
  BOOST_TEST(contains(refusal("{name: subset, test_images: 2}", path()), "of: missing"));
}

BOOST_AUTO_TEST_SUITE_END()
