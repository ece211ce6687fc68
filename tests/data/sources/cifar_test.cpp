#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "tests/data/test_files.h"
#include "tests/skips.h"

using namespace quantdyn;

namespace {

/// `records` records with `label_bytes` labels: label b of record i is (i + b) % 10; pixels count
/// up.
std::vector<uint8_t> cifar_file(int records, int label_bytes) {
  std::vector<uint8_t> bytes;
  for (int i = 0; i < records; ++i) {
    for (int b = 0; b < label_bytes; ++b) bytes.push_back(static_cast<uint8_t>((i + b) % 10));
    for (int k = 0; k < 3072; ++k) bytes.push_back(static_cast<uint8_t>((k / 1024) * 80 + k % 80));
  }
  return bytes;
}

struct Cifar10 : TemporaryFolder {
  Cifar10() {
    for (int i = 1; i <= 5; ++i) write(fmt::format("data_batch_{}.bin", i), cifar_file(2, 1));
    write("test_batch.bin", cifar_file(2, 1));
  }
  const std::string yaml = "{name: cifar10, directory: ., images_per_file: 2}";
};

}  // namespace

BOOST_AUTO_TEST_SUITE(cifar)

BOOST_FIXTURE_TEST_CASE(planes_become_channels, Cifar10) {
  const auto data = make_dataset(yaml, path());
  BOOST_TEST(data->train->size() == 10);
  BOOST_TEST(data->test->size() == 2);
  BOOST_TEST(data->train->sample_shape().text() == "[32, 32, 3]");
  BOOST_TEST(data->train->classes() == 10);
  BOOST_TEST(data->train->name() == "cifar10 train");
  std::vector<float> x(3072);
  BOOST_TEST(data->train->get(3, x.data()) == 1);
  const int y = 5, column = 7, k = y * 32 + column;
  for (int c = 0; c < 3; ++c)
    BOOST_TEST(x[static_cast<size_t>(k * 3 + c)] == c * 80 + (c * 1024 + k) % 80);
}

BOOST_FIXTURE_TEST_CASE(missing_file_is_named_with_its_key, Cifar10) {
  std::filesystem::remove(path() / "data_batch_4.bin");
  const std::string message = refusal(yaml, path());
  BOOST_TEST(contains(message, "test.yaml:1: directory: "));
  BOOST_TEST(contains(message, "data_batch_4.bin: no such file"));
}

BOOST_FIXTURE_TEST_CASE(short_and_overlong_files_are_refused_at_their_byte, Cifar10) {
  auto bytes = cifar_file(2, 1);
  bytes.pop_back();
  write("data_batch_2.bin", bytes);
  const std::string cut = refusal(yaml, path());
  BOOST_TEST(contains(cut, "data_batch_2.bin: byte 6145: the file ends here"));
  BOOST_TEST(contains(cut, "expected 6146 bytes (2 records of 3073 bytes), found 6145"));
  bytes.resize(6148);
  write("data_batch_2.bin", bytes);
  BOOST_TEST(contains(refusal(yaml, path()), "byte 6146: the file goes on here"));
}

BOOST_FIXTURE_TEST_CASE(label_out_of_range_is_refused_at_its_byte, Cifar10) {
  auto bytes = cifar_file(2, 1);
  bytes[3073] = 10;
  write("test_batch.bin", bytes);
  BOOST_TEST(contains(refusal(yaml, path()),
                      "test_batch.bin: byte 3073: label 10 in record 1; expected 0 to 9"));
}

BOOST_FIXTURE_TEST_CASE(sha256_is_of_pixels_then_labels, Cifar10) {
  const auto data = make_dataset(yaml, path());
  Sha256 hash;
  for (int64_t i = 0; i < 2; ++i) {
    const auto x = image_of(*data->test, i);
    const std::vector<uint8_t> bytes(x.begin(), x.end());
    hash.add(std::as_bytes(std::span(bytes)));
  }
  const std::vector<int32_t> labels{0, 1};
  hash.add(std::as_bytes(std::span(labels)));
  BOOST_TEST(data->test->sha256() == hash.finish());
  BOOST_TEST(data->test->sha256() != data->train->sha256());
}

BOOST_AUTO_TEST_CASE(cifar100_reads_fine_or_coarse_labels) {
  const TemporaryFolder folder;
  folder.write("train.bin", cifar_file(3, 2));
  folder.write("test.bin", cifar_file(2, 2));
  const std::string sizes = ", directory: ., train_images: 3, test_images: 2";
  std::vector<float> x(3072);
  const auto fine = make_dataset("{name: cifar100" + sizes + "}", folder.path());
  BOOST_TEST(fine->train->classes() == 100);
  BOOST_TEST(fine->train->get(2, x.data()) == 3);
  BOOST_TEST(x[1] == 80 + 1024 % 80);
  const auto coarse = make_dataset("{name: cifar100, labels: coarse" + sizes + "}", folder.path());
  BOOST_TEST(coarse->train->classes() == 20);
  BOOST_TEST(coarse->train->get(2, x.data()) == 2);
}

BOOST_AUTO_TEST_CASE(real_cifar10_has_its_known_statistics, *test::needs_cifar10()) {
  const char* const directory = std::getenv("QUANTDYN_CIFAR10");
  const auto data = make_dataset(fmt::format("{{name: cifar10, directory: {}}}", directory));
  BOOST_TEST(data->train->size() == 50000);
  std::vector<int> counts(10);
  std::vector<float> x(3072);
  for (int64_t i = 0; i < 10000; ++i) ++counts[static_cast<size_t>(data->test->get(i, x.data()))];
  for (const int count : counts) BOOST_TEST(count == 1000);
}

BOOST_AUTO_TEST_SUITE_END()
