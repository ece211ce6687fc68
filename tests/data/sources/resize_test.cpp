#include <boost/test/unit_test.hpp>

#include "tests/data/test_files.h"

using namespace quantdyn;

namespace {

struct TwoByTwo : TemporaryFolder {
  TwoByTwo() {
    write("images", {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 100, 200, 60});
    write("labels", {0, 0, 8, 1, 0, 0, 0, 1, 7});
  }
  const std::string of =
      "{name: idx, train_images: images, train_labels: labels, test_images: images, test_labels: "
      "labels}";
  std::unique_ptr<DatasetPair> resized(const std::string& inner, int height, int width) const {
    return make_dataset(
        fmt::format("{{name: resize, of: {}, height: {}, width: {}}}", inner, height, width),
        path());
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(resize)

BOOST_FIXTURE_TEST_CASE(half_pixel_centres_as_computed_by_hand, TwoByTwo) {
  const auto data = resized(of, 2, 4);
  BOOST_TEST(data->train->sample_shape().text() == "[2, 4, 1]");
  BOOST_TEST(image_of(*data->train, 0) == (std::vector<float>{0, 25, 75, 100, 200, 165, 95, 60}),
             boost::test_tools::per_element());
  std::vector<float> x(8);
  BOOST_TEST(data->train->get(0, x.data()) == 7);
  BOOST_TEST(data->test->name() == "idx test resized to 2 x 4");
}

BOOST_FIXTURE_TEST_CASE(halving_averages_four_pixels, TwoByTwo) {
  BOOST_TEST(image_of(*resized(of, 1, 1)->train, 0)[0] == 90);
}

BOOST_FIXTURE_TEST_CASE(same_size_keeps_every_value, TwoByTwo) {
  const auto data = resized(of, 2, 2);
  BOOST_TEST(image_of(*data->train, 0) == (std::vector<float>{0, 100, 200, 60}),
             boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_resized_dataset_can_be_resized, TwoByTwo) {
  const auto data = resized(fmt::format("{{name: resize, of: {}, height: 4, width: 4}}", of), 2, 2);
  const auto once = resized(of, 4, 4);
  const auto x = image_of(*once->train, 0);
  BOOST_TEST(image_of(*data->train, 0)[0] == (x[0] + x[1] + x[4] + x[5]) / 4);
  BOOST_TEST(data->train->sha256() != once->train->sha256());
}

BOOST_FIXTURE_TEST_CASE(errors_of_the_inner_dataset_come_through, TwoByTwo) {
  BOOST_TEST(contains(refusal("{name: resize, of: {name: cifar10}, height: 2, width: 2}", path()),
                      "directory"));
  BOOST_TEST(contains(refusal("{name: resize, of: nothing, height: 2, width: 2}", path()),
                      "unknown name 'nothing'"));
  BOOST_TEST(
      contains(refusal("{name: resize, of: synthetic, height: 0, width: 2}", path()), "height"));
}

BOOST_AUTO_TEST_SUITE_END()
