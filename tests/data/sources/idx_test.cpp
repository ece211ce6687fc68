#include <sys/stat.h>
#include <zlib.h>

#include <boost/test/unit_test.hpp>

#include "data/sources/file_bytes.h"
#include "data/sources/idx_file.h"
#include "tests/data/test_files.h"
#include "tests/skips.h"

using namespace quantdyn;

namespace {

using Bytes = std::vector<uint8_t>;

const Bytes images{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2,  0,  0,
                   0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255};
const Bytes labels{0, 0, 8, 1, 0, 0, 0, 2, 9, 4};

struct Idx : TemporaryFolder {
  Idx() {
    write("images", images);
    write("labels", labels);
  }
  std::string yaml(const std::string& train_images = "images",
                   const std::string& train_labels = "labels", const std::string& more = "") const {
    return fmt::format(
        "{{name: idx, train_images: {}, train_labels: {}, test_images: images, "
        "test_labels: labels{}}}",
        train_images, train_labels, more);
  }
  /// What is said about the training images file once it holds `bytes`.
  std::string refusal_of(const Bytes& bytes) const {
    write("bad", bytes);
    return refusal(yaml("bad"), path());
  }
};

void write_gzip(const std::filesystem::path& path, const Bytes& bytes) {
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(idx)

BOOST_FIXTURE_TEST_CASE(plain_and_gzip_files_give_the_same_dataset, Idx) {
  write_gzip(path() / "images.gz", images);
  write_gzip(path() / "labels.gz", labels);
  const auto plain = make_dataset(yaml(), path());
  const auto packed = make_dataset(yaml("images.gz", "labels.gz"), path());
  BOOST_TEST(plain->train->size() == 2);
  BOOST_TEST(plain->train->sample_shape().text() == "[2, 3, 1]");
  BOOST_TEST(image_of(*plain->train, 1) == (std::vector<float>{7, 8, 9, 10, 11, 255}),
             boost::test_tools::per_element());
  std::vector<float> x(6);
  BOOST_TEST(plain->train->get(0, x.data()) == 9);
  BOOST_TEST(packed->train->sha256() == plain->train->sha256());
}

BOOST_FIXTURE_TEST_CASE(wrong_type_is_refused_at_its_byte, Idx) {
  Bytes bytes = images;
  bytes[2] = 13;
  BOOST_TEST(contains(refusal_of(bytes),
                      "bad: byte 2: expected 8 (IDX, unsigned bytes, 3 axes), found 13"));
}

BOOST_FIXTURE_TEST_CASE(short_and_overlong_files_are_refused, Idx) {
  Bytes bytes = images;
  bytes.pop_back();
  BOOST_TEST(contains(refusal_of(bytes), "bad: byte 27: the file ends here"));
  bytes.resize(29);
  BOOST_TEST(contains(refusal_of(bytes), "expected 16 bytes of header and 2 x 2 x 3 of values"));
  bytes.resize(7);
  BOOST_TEST(contains(refusal_of(bytes), "expected an IDX header of 16 bytes"));
  bytes.clear();
  BOOST_TEST(contains(refusal_of(bytes), "byte 0: the file ends here"));
}

BOOST_FIXTURE_TEST_CASE(sizes_that_overflow_are_refused, Idx) {
  Bytes bytes = images;
  std::fill(bytes.begin() + 4, bytes.begin() + 16, uint8_t{255});
  BOOST_TEST(contains(refusal_of(bytes), "4294967295 x 4294967295 x 4294967295"));
  std::fill(bytes.begin() + 4, bytes.begin() + 8, uint8_t{0});
  BOOST_TEST(contains(refusal_of(bytes), "byte 4: axis 0 has size 0"));
}

BOOST_FIXTURE_TEST_CASE(cut_gzip_is_refused, Idx) {
  Bytes noise{0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 64, 0, 0, 0, 64};
  noise.resize(16 + 4096);
  for (size_t i = 16; i < noise.size(); ++i)
    noise[i] = static_cast<uint8_t>(i * i * 2654435761u >> 13);
  write_gzip(path() / "cut.gz", noise);
  std::filesystem::resize_file(path() / "cut.gz",
                               std::filesystem::file_size(path() / "cut.gz") - 100);
  BOOST_TEST(contains(refusal(yaml("cut.gz"), path()), "reading failed: the gzip stream is cut"));
}

BOOST_FIXTURE_TEST_CASE(what_comes_after_the_images_is_refused, Idx) {
  Bytes bytes = images;
  bytes.push_back(0);
  BOOST_TEST(contains(refusal_of(bytes), "bad: byte 28: the file goes on here"));
  write_gzip(path() / "long.gz", bytes);
  BOOST_TEST(contains(refusal(yaml("long.gz"), path()), "long.gz: byte 28: the file goes on here"));
  write_gzip(path() / "tail.gz", images);
  std::ofstream(path() / "tail.gz", std::ios::app | std::ios::binary) << "tail";
  BOOST_TEST(contains(refusal(yaml("tail.gz"), path()),
                      "tail.gz: byte 28: reading failed: incorrect header check"));
}

BOOST_FIXTURE_TEST_CASE(gzip_streams_one_after_the_other_are_one_file, Idx) {
  write_gzip(path() / "a", {images.begin(), images.begin() + 20});
  write_gzip(path() / "b", {images.begin() + 20, images.end()});
  std::ifstream second(path() / "b", std::ios::binary);
  std::ofstream(path() / "a", std::ios::app | std::ios::binary) << second.rdbuf();
  BOOST_TEST(make_dataset(yaml("a"), path())->train->sha256() ==
             make_dataset(yaml(), path())->train->sha256());
}

BOOST_FIXTURE_TEST_CASE(no_more_is_unpacked_than_the_header_says, Idx) {
  Bytes bomb = images;
  bomb.resize(size_t{256} << 20);
  write_gzip(path() / "bomb.gz", bomb);
  const Bytes packed = read_file(path() / "bomb.gz");
  bomb = Bytes();
  Unpacker content("bomb.gz", packed);
  Bytes start;
  content.read(29, start);
  BOOST_TEST(start.size() == 29u);
  BOOST_TEST(start.capacity() < 1000u);
  BOOST_TEST(contains(error_of([&] { parse_idx("bomb.gz", packed, 3); }),
                      "bomb.gz: byte 28: the file goes on here"));
}

/// Its size is said to be 4096; what it holds is shorter.
const std::filesystem::path ends_early = "/sys/kernel/mm/transparent_hugepage/enabled";

BOOST_AUTO_TEST_CASE(a_file_that_ends_early_while_it_is_read_is_an_error,
                     *test::needs_file(ends_early)) {
  BOOST_TEST(contains(error_of<ConfigError>([&] { read_file(ends_early); }),
                      ": the file ends here; it had 4096 bytes when it was opened"));
}

BOOST_FIXTURE_TEST_CASE(folders_and_pipes_are_no_files, Idx) {
  BOOST_TEST(contains(error_of([&] { read_file(path()); }), ": not a file; expected one"));
  BOOST_REQUIRE(::mkfifo((path() / "pipe").c_str(), 0600) == 0);
  BOOST_TEST(contains(error_of([&] { read_file(path() / "pipe"); }), "pipe: not a file"));
}

BOOST_FIXTURE_TEST_CASE(labels_must_fit_the_classes_and_the_images, Idx) {
  BOOST_TEST(contains(refusal(yaml("images", "labels", ", classes: 9"), path()),
                      "labels: byte 8: label 9; expected 0 to 8"));
  write("three", {0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3});
  BOOST_TEST(
      contains(refusal(yaml("images", "three"), path()), "three: byte 4: 3 labels; expected 2"));
}

BOOST_FIXTURE_TEST_CASE(missing_file_is_refused_at_its_key, Idx) {
  BOOST_TEST(contains(refusal(yaml("absent"), path()), "test.yaml:1: train_images: "));
  BOOST_TEST(contains(refusal(yaml("."), path()), "not a file"));
}

BOOST_AUTO_TEST_SUITE_END()
