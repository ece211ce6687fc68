#include "framework/base/checksum_list.h"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <fstream>

#include "framework/base/hash.h"
#include "tests/errors.h"

using namespace quantdyn;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / fmt::format("quantdyn_sums_{}", ::getpid());
  Folder() {
    fs::create_directories(path);
    write("a", "one");
    write("b", "two");
  }
  ~Folder() { fs::remove_all(path); }
  void write(const char* name, const char* text) const { std::ofstream(path / name) << text; }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(checksum_list_test, Folder)

BOOST_AUTO_TEST_CASE(a_listed_file_is_finished_until_it_changes) {
  {
    ChecksumList list(path);
    list.add("a");
    list.add("b");
  }
  const ChecksumList list(path);
  BOOST_TEST(list.sums().at("a") == sha256_of_file(path / "a"));
  BOOST_TEST(list.problem("a") == "");
  write("a", "One");
  BOOST_TEST(contains(list.problem("a"), "damaged or changed"));
  fs::remove(path / "b");
  BOOST_TEST(contains(list.problem("b"), "no such file"));
  BOOST_TEST(contains(list.problem("c"), "not listed"));
}

BOOST_AUTO_TEST_CASE(a_file_can_take_the_place_of_others) {
  ChecksumList list(path);
  list.add("a");
  list.add("b", std::vector<std::string>{"a"});
  BOOST_TEST(!fs::exists(path / "a"));
  BOOST_TEST(ChecksumList(path).sums().size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_list_that_cannot_be_written_stays_as_it_was) {
  ChecksumList list(path);
  list.add("a");
  fs::create_directories(path / "SHA256SUMS.part" / "x");
  BOOST_TEST(error_of([&] { list.add("b", std::vector<std::string>{"a"}); }) != "");
  BOOST_TEST(list.problem("a") == "");
  BOOST_TEST(contains(list.problem("b"), "not listed"));
}

BOOST_AUTO_TEST_CASE(lines_that_are_no_checksum_list_nothing) {
  const std::string sum = sha256_of_file(path / "a");
  write("SHA256SUMS", ("\n" + sum + "\n" + sum + " *a\nx" + sum + "  a\n" + sum + "  b").c_str());
  BOOST_TEST(ChecksumList(path).sums().size() == 1u);
  BOOST_TEST(contains(ChecksumList(path).problem("a"), "not listed"));
}

BOOST_AUTO_TEST_SUITE_END()
