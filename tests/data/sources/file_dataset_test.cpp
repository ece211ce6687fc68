// Images that stay in their file are those of the same file in memory.
#include "data/sources/file_dataset.h"

#include <boost/test/unit_test.hpp>
#include <numeric>

#include "data/image_set.h"
#include "framework/base/threads.h"
#include "framework/h5/h5.h"
#include "tests/data/test_files.h"

using namespace quantdyn;

namespace {

/// 45 images of 70 x 70 x 3 = 0.63 MiB of bytes; `chunk` images lie together (0: contiguous).
struct LargeFile : TemporaryFolder {
  static constexpr int64_t images = 45, side = 70, channels = 3;

  template <typename T>
  void write_images(int64_t chunk, T scale, bool is_channels_first = false) const {
    std::vector<T> pixels(static_cast<size_t>(images * side * side * channels));
    for (size_t k = 0; k < pixels.size(); ++k) pixels[k] = static_cast<T>(k * 7 % 251) * scale;
    std::vector<int32_t> labels;
    for (int32_t i = 0; i < images; ++i) labels.push_back(i % 10);
    std::vector<int64_t> sizes{images, side, side, channels};
    if (is_channels_first) sizes = {images, channels, side, side};
    h5::Storage storage;
    if (chunk > 0) storage.chunk = {chunk, sizes[1], sizes[2], sizes[3]};
    auto file = h5::File::create(path() / "a.h5");
    file.write<T>("x", sizes, pixels, storage);
    file.write("y", labels);
    file.link("other_x", file.dataset("x"));
    file.link("other_y", file.dataset("y"));
    file.write<T>("copy_x", sizes, pixels, storage);
    file.commit();
  }
  std::unique_ptr<DatasetPair> open(int64_t memory_mib, const std::string& test_x = "other_x",
                                    const std::string& more = "") const {
    return make_dataset(yaml(memory_mib, test_x, more), path());
  }
  static std::string yaml(int64_t memory_mib, const std::string& test_x = "other_x",
                          const std::string& more = "") {
    return fmt::format(
        "{{name: hdf5, file: a.h5, train_x: x, train_y: y, test_x: {}, test_y: other_y, classes: "
        "10, memory_mib: {}{}}}",
        test_x, memory_mib, more);
  }
};

void check_same(const Dataset& a, const Dataset& b) {
  BOOST_TEST(a.size() == b.size());
  BOOST_TEST(a.name() == b.name());
  BOOST_TEST(a.sha256() == b.sha256());
  // Forwards, then backwards: blocks come from the file and from memory.
  for (int64_t pass = 0; pass < 2; ++pass)
    for (int64_t k = 0; k < a.size(); ++k) {
      const int64_t i = pass == 0 ? k : a.size() - 1 - k;
      BOOST_TEST((image_of(a, i) == image_of(b, i)), "image " << i);
      BOOST_TEST(a.label(i) == b.label(i));
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(file_dataset)

BOOST_FIXTURE_TEST_CASE(images_are_those_of_the_file_in_memory, LargeFile) {
  for (const int64_t chunk : {0, 1, 4, 45}) {
    write_images<uint8_t>(chunk, 1);
    const auto in_memory = open(1), in_file = open(0);
    BOOST_TEST(in_memory->test->bytes_in_memory() == images * side * side * channels);
    const int64_t kept = std::min(images, (worker_count() + 1) * chunk);
    BOOST_TEST(in_file->test->bytes_in_memory() == (chunk < 2 ? 0 : kept * side * side * channels));
    BOOST_TEST(in_file->test->chunks_kept() ==
               (chunk < 2 ? Dataset::all_chunks : worker_count() + 1));
    for (const int64_t i : {0, 3, 4, 44})  // the same in memory: the order must not depend on it
      BOOST_TEST(in_file->test->chunk_of(i) == in_memory->test->chunk_of(i));
    BOOST_TEST(in_file->test->chunk_of(44) == 44 / std::max<int64_t>(1, chunk));
    check_same(*in_memory->test, *in_file->test);
  }
}

BOOST_FIXTURE_TEST_CASE(bytes_are_found_whatever_type_the_file_has, LargeFile) {
  write_images<uint8_t>(1, 1);
  const std::string expected = open(1)->test->sha256();
  write_images<double>(4, 1.0);
  BOOST_TEST(open(0)->test->sha256() == expected);
  BOOST_TEST(open(1)->test->bytes_in_memory() == images * side * side * channels);
  check_same(*open(1)->test, *open(0)->test);
}

BOOST_FIXTURE_TEST_CASE(floats_and_channels_first_stay_what_they_are, LargeFile) {
  write_images<float>(4, 0.25f, true);
  check_same(*open(3, "other_x", ", layout: nchw")->test,
             *open(0, "other_x", ", layout: nchw")->test);
  BOOST_TEST(open(3, "other_x", ", layout: nchw")->test->bytes_in_memory() ==
             4 * images * side * side * channels);
}

BOOST_FIXTURE_TEST_CASE(batches_are_the_same_for_any_number_of_threads, LargeFile) {
  write_images<uint8_t>(4, 1);
  const auto in_memory = open(1), in_file = open(0);
  const Standardization standardization{{1, 2, 3}, {4, 5, 6}};
  std::vector<int64_t> indices(images);
  std::iota(indices.begin(), indices.end(), 0);
  std::vector<float> expected, found;
  const auto collect = [&](const Dataset& dataset, std::vector<float>& out) {
    for_image_batches({&dataset, &standardization, indices},
                      [&](View<const float> x, int64_t count, int64_t) {
                        const auto elements = count * dataset.sample_shape().elements();
                        out.insert(out.end(), x.data, x.data + elements);
                      });
  };
  set_worker_count(1);
  collect(*in_memory->test, expected);
  for (const int workers : {1, 2, 4}) {
    set_worker_count(workers);
    found.clear();
    collect(*in_file->test, found);
    BOOST_TEST((found == expected), workers << " workers");
  }
}

BOOST_FIXTURE_TEST_CASE(arrays_with_two_names_are_kept_once, LargeFile) {
  write_images<uint8_t>(1, 1);
  const auto linked = open(1), copied = open(1, "copy_x");
  BOOST_TEST(linked->train->name() == "hdf5 train");
  BOOST_TEST(linked->test->name() == "hdf5 test");
  check_same(*linked->test, *copied->test);
}

BOOST_FIXTURE_TEST_CASE(blocks_that_were_dropped_are_read_again, LargeFile) {
  write_images<uint8_t>(2, 1);
  const auto in_memory = open(1);
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < images; ++i)
    labels.push_back(static_cast<int32_t>(in_memory->train->label(i)));
  set_worker_count(1);
  const FileDataset<uint8_t> in_file(Hdf5Images(path() / "a.h5", "x", Hdf5Images::Layout::nhwc),
                                     {"hdf5 train", 10, labels, in_memory->train->sha256(), 0});
  BOOST_TEST(in_file.bytes_in_memory() == 4 * side * side * channels);
  check_same(*in_memory->train, in_file);
}

BOOST_FIXTURE_TEST_CASE(a_chunk_larger_than_the_memory_is_refused, LargeFile) {
  auto file = h5::File::create(path() / "a.h5");
  const std::vector<int64_t> sizes{5000, 128, 128, 1};
  file.make("x", h5::Type::uint8, sizes, {sizes});
  file.write("y", std::vector<int32_t>(5000));
  file.link("other_x", file.dataset("x"));
  file.link("other_y", file.dataset("y"));
  file.commit();
  BOOST_TEST(contains(refusal(yaml(20), path()),
                      "a.h5: /x: 5000 images lie in one HDF5 chunk, 78 MiB of pixels; expected "
                      "smaller chunks, or memory_mib of at least 79, which holds all images"));
  BOOST_TEST(refusal(yaml(79), path()) == "");
}

BOOST_FIXTURE_TEST_CASE(a_file_that_changes_after_its_check_is_refused, LargeFile) {
  write_images<uint8_t>(0, 1);
  const auto in_file = open(0);
  image_of(*in_file->test, images - 1);
  std::filesystem::resize_file(path() / "a.h5", 100'000);
  BOOST_TEST(contains(error_of<Error>([&] { image_of(*in_file->test, images - 1); }),
                      "a.h5: /x: the file has changed since its images were checked"));
}

BOOST_FIXTURE_TEST_CASE(a_value_that_is_not_finite_is_found_in_the_file, LargeFile) {
  write_images<float>(4, std::numeric_limits<float>::infinity());
  BOOST_TEST(contains(refusal(yaml(0), path()), "/x: entry 0, element 0: "));
}

BOOST_AUTO_TEST_SUITE_END()
