#include <boost/test/unit_test.hpp>

#include "framework/base/threads.h"
#include "tests/data/test_files.h"

using namespace quantdyn;

namespace {

std::unique_ptr<DatasetPair> small(const std::string& more = "") {
  return make_dataset("{name: synthetic, train_images: 50, test_images: 20" + more + "}");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(synthetic)

BOOST_AUTO_TEST_CASE(has_ten_balanced_classes_of_small_colour_images) {
  const auto data = small();
  BOOST_TEST(data->train->size() == 50);
  BOOST_TEST(data->test->size() == 20);
  BOOST_TEST(data->train->sample_shape().text() == "[32, 32, 3]");
  std::vector<int> counts(10);
  std::vector<float> x(3072);
  for (int64_t i = 0; i < 50; ++i) ++counts[static_cast<size_t>(data->train->get(i, x.data()))];
  for (const int count : counts) BOOST_TEST(count == 5);
}

BOOST_AUTO_TEST_CASE(images_depend_on_no_thread_count_and_no_size) {
  const auto one = small();
  set_worker_count(3);
  const auto three = small();
  const auto longer = make_dataset("{name: synthetic, train_images: 60, test_images: 20}");
  set_worker_count(1);
  BOOST_TEST(one->train->sha256() == three->train->sha256());
  BOOST_TEST(image_of(*one->train, 49) == image_of(*longer->train, 49),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(every_option_changes_the_images) {
  const std::string plain = small()->train->sha256();
  for (const char* more : {", seed: 1", ", noise: 13", ", clutter: 4", ", spread: 0.3"})
    BOOST_TEST(small(more)->train->sha256() != plain, more);
  const auto same = make_dataset("{name: synthetic, train_images: 20, test_images: 20}");
  BOOST_TEST(same->train->sha256() != same->test->sha256());
}

/// What this test printed when it was written: only exact arithmetic is used, so every machine and
/// compiler must agree.
BOOST_AUTO_TEST_CASE(images_are_the_same_on_every_machine) {
  BOOST_TEST(small(", seed: 5, noise: 10, clutter: 2, spread: 0.25")->train->sha256() ==
             "0eafeb36f2cf1dd227042116b153044f01d674c394b24798bee94c8dbe545956");
}

BOOST_AUTO_TEST_CASE(noise_has_the_deviation_asked_for) {
  const auto clean = small(", noise: 0"), noisy = small(", noise: 5");
  double sum = 0, squares = 0;
  int64_t count = 0;
  for (int64_t i = 0; i < 50; ++i) {
    const auto a = image_of(*clean->train, i), b = image_of(*noisy->train, i);
    for (size_t k = 0; k < a.size(); ++k) {
      if (a[k] < 30 || a[k] > 225) continue;  // clipped at 0 and 255
      const double difference = b[k] - a[k];
      sum += difference;
      squares += difference * difference;
      ++count;
    }
  }
  const double mean = sum / static_cast<double>(count);
  BOOST_TEST(std::abs(mean) < 0.1);
  BOOST_TEST(std::sqrt(squares / static_cast<double>(count) - mean * mean) == 5.0,
             boost::test_tools::tolerance(0.02));
}

BOOST_AUTO_TEST_CASE(bad_options_are_refused) {
  BOOST_TEST(contains(refusal("{name: synthetic, train_images: 0}"), "train_images"));
  BOOST_TEST(contains(refusal("{name: synthetic, noise: -1}"), "noise"));
  BOOST_TEST(contains(refusal("{name: synthetic, directory: x}"), "directory: unknown key"));
}

BOOST_AUTO_TEST_SUITE_END()
