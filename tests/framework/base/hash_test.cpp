#include "framework/base/hash.h"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <string_view>

#include "framework/base/error.h"

using namespace quantdyn;

namespace {
std::string sha256(std::string_view text) {
  Sha256 hash;
  hash.add(std::as_bytes(std::span(text)));
  return hash.finish();
}
}  // namespace

BOOST_AUTO_TEST_SUITE(hash_test)

BOOST_AUTO_TEST_CASE(digests_are_those_of_the_standard) {
  BOOST_TEST(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  BOOST_TEST(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

BOOST_AUTO_TEST_CASE(a_file_has_the_digest_of_its_bytes) {
  const std::filesystem::path file = std::filesystem::temp_directory_path() / "quantdyn_hash_test";
  std::string text(3'000'000, 'x');  // more than one block of reading, no two of them alike
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i / 7919);
  std::ofstream(file, std::ios::binary) << text;
  BOOST_TEST(sha256_of_file(file) == sha256(text));
  std::filesystem::remove(file);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_named) {
  const auto names_it = [](const Error& e) {
    return std::string(e.what()).starts_with("/tmp/no such: cannot be read");
  };
  BOOST_CHECK_EXCEPTION(sha256_of_file("/tmp/no such"), Error, names_it);
  BOOST_CHECK_THROW(sha256_of_file("/tmp"), Error);
}

/// Golden values: XXH64 of libxxhash 0.8.1 with seed 0, called from Python.
BOOST_AUTO_TEST_CASE(fast_digests_are_those_of_libxxhash) {
  const std::pair<size_t, uint64_t> expected[] = {
      {0, 0xef46db3751d8e999},  {1, 0xf592c0c7639c4cb6},   {3, 0x22c08528601d4f27},
      {4, 0xfb1e5cf2f1ae4d95},  {8, 0x57cb2b7521f3e21a},   {11, 0x1bef4539443a2d5a},
      {31, 0xe4a0e629e519a4ae}, {32, 0xcc6b8aaada790b2d},  {33, 0x35ec49850475a832},
      {63, 0xbf9f0ba3cf95b28a}, {100, 0x4826e367566ea023}, {1000, 0x128da10cfbdc59d9}};
  for (const auto& [size, digest] : expected) {
    std::vector<std::byte> bytes;
    for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<std::byte>(i * 37 + 11));
    BOOST_TEST(xxh64(bytes) == digest, size << " bytes");
  }
}

BOOST_AUTO_TEST_SUITE_END()
