#include <boost/test/unit_test.hpp>
#include <limits>
#include <span>

#include "framework/h5/h5.h"
#include "tests/data/test_files.h"

using namespace quantdyn;

namespace {

/// Writes a file of two images of 2 x 3 x 2 that count up from 0, as T, and labels.
template <typename T, typename Label = int32_t>
void write_file(const std::filesystem::path& path, std::vector<T> pixels,
                std::vector<int64_t> sizes = {2, 2, 3, 2}, std::vector<Label> labels = {4, 9}) {
  auto file = h5::File::create(path);
  file.write<T>("data/x", sizes, std::span<const T>(pixels));
  file.write("data/y", labels);
  file.commit();
}

template <typename T>
std::vector<T> counting() {
  std::vector<T> values(24);
  for (size_t k = 0; k < values.size(); ++k) values[k] = static_cast<T>(k);
  return values;
}

std::string yaml(const std::string& more = "", const std::string& x = "data/x") {
  return fmt::format(
      "{{name: hdf5, file: a.h5, train_x: {}, train_y: data/y, test_x: data/x, "
      "test_y: data/y, classes: 10{}}}",
      x, more);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hdf5)

BOOST_FIXTURE_TEST_CASE(integers_and_floats_give_the_same_images, TemporaryFolder) {
  write_file(path() / "a.h5", counting<uint8_t>());
  const auto bytes = make_dataset(yaml(), path());
  write_file<double, uint8_t>(path() / "a.h5", counting<double>());
  const auto doubles = make_dataset(yaml(), path());
  BOOST_TEST(bytes->train->size() == 2);
  BOOST_TEST(bytes->train->sample_shape().text() == "[2, 3, 2]");
  BOOST_TEST(bytes->train->classes() == 10);
  std::vector<float> x(12);
  BOOST_TEST(bytes->train->get(1, x.data()) == 9);
  for (size_t k = 0; k < x.size(); ++k) BOOST_TEST(x[k] == 12 + static_cast<float>(k));
  BOOST_TEST(doubles->train->sha256() == bytes->train->sha256());
}

BOOST_FIXTURE_TEST_CASE(values_that_are_no_bytes_are_kept, TemporaryFolder) {
  auto pixels = counting<double>();
  pixels[13] = -0.5;
  pixels[14] = 1000;
  write_file(path() / "a.h5", pixels);
  const auto x = image_of(*make_dataset(yaml(), path())->train, 1);
  BOOST_TEST(x[1] == -0.5f);
  BOOST_TEST(x[2] == 1000);
}

BOOST_FIXTURE_TEST_CASE(channels_first_becomes_channels_last, TemporaryFolder) {
  write_file(path() / "a.h5", counting<int16_t>(), {2, 2, 2, 3});
  const auto data = make_dataset(yaml(", layout: nchw"), path());
  BOOST_TEST(data->train->sample_shape().text() == "[2, 3, 2]");
  const std::vector<float> expected{12, 18, 13, 19, 14, 20, 15, 21, 16, 22, 17, 23};
  BOOST_TEST(image_of(*data->train, 1) == expected, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(images_without_channels_have_one, TemporaryFolder) {
  write_file(path() / "a.h5", counting<float>(), {2, 3, 4});
  BOOST_TEST(make_dataset(yaml(), path())->test->sample_shape().text() == "[3, 4, 1]");
}

BOOST_FIXTURE_TEST_CASE(splits_may_be_files_of_their_own, TemporaryFolder) {
  write_file(path() / "a.h5", counting<uint8_t>());
  write_file(path() / "b.h5", counting<uint8_t>(), {2, 2, 3, 2}, std::vector<int32_t>{1, 2});
  const std::string arrays =
      ", train_x: data/x, train_y: data/y, test_x: data/x, test_y: data/y, classes: 10}";
  const auto data = make_dataset("{name: hdf5, train_file: a.h5, test_file: b.h5" + arrays, path());
  std::vector<float> x(12);
  BOOST_TEST(data->train->get(0, x.data()) == 4);
  BOOST_TEST(data->test->get(0, x.data()) == 1);
  for (const char* files : {"", ", file: a.h5, train_file: b.h5", ", train_file: a.h5"})
    BOOST_TEST(contains(refusal(fmt::format("{{name: hdf5{}{}", files, arrays), path()),
                        "either file, or both train_file and test_file"));
}

BOOST_FIXTURE_TEST_CASE(bad_labels_are_refused_with_their_entry, TemporaryFolder) {
  write_file(path() / "a.h5", counting<uint8_t>(), {2, 2, 3, 2}, std::vector<int64_t>{4, 10});
  BOOST_TEST(
      contains(refusal(yaml(), path()), "a.h5: /data/y: entry 1: label 10; expected 0 to 9"));
  write_file(path() / "a.h5", counting<uint8_t>(), {2, 2, 3, 2}, std::vector<int8_t>{-1, 3});
  BOOST_TEST(contains(refusal(yaml(), path()), "entry 0: label -1"));
  write_file(path() / "a.h5", counting<uint8_t>(), {2, 2, 3, 2}, std::vector<int32_t>{1});
  BOOST_TEST(contains(refusal(yaml(), path()), "shape [1]; expected [2], a label for each image"));
  write_file(path() / "a.h5", counting<uint8_t>(), {2, 2, 3, 2}, std::vector<float>{1, 2});
  BOOST_TEST(contains(refusal(yaml(), path()), "expected whole numbers"));
}

BOOST_FIXTURE_TEST_CASE(bad_images_are_refused, TemporaryFolder) {
  auto pixels = counting<float>();
  pixels[15] = std::numeric_limits<float>::quiet_NaN();
  write_file(path() / "a.h5", pixels);
  BOOST_TEST(contains(refusal(yaml(), path()),
                      "/data/x: entry 1, element 3: nan; expected a finite number"));
  write_file(path() / "a.h5", counting<float>(), {2, 12});
  BOOST_TEST(contains(refusal(yaml(), path()), "shape [2, 12]; expected [N,H,W,C] or [N,H,W]"));
}

BOOST_FIXTURE_TEST_CASE(missing_files_and_arrays_are_configuration_errors, TemporaryFolder) {
  BOOST_TEST(contains(refusal(yaml(), path()), "test.yaml:1: file: "));
  write_file(path() / "a.h5", counting<float>());
  BOOST_TEST(contains(refusal(yaml("", "nowhere"), path()), "nowhere"));
  write("a.h5", {1, 2, 3});
  BOOST_TEST(contains(refusal(yaml(), path()), "a.h5: "));
}

BOOST_AUTO_TEST_SUITE_END()
