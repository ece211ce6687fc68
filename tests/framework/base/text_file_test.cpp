#include "framework/base/text_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <fstream>

#include "framework/base/error.h"

using namespace quantdyn;
namespace fs = std::filesystem;

namespace {

std::string refusal_of(const fs::path& path, size_t most = 1000) {
  try {
    read_whole_file(path, most);
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "";
}

struct Folder {
  fs::path path = fs::temp_directory_path() / fmt::format("quantdyn_text_file_{}", ::getpid());
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(text_file_test, Folder)

BOOST_AUTO_TEST_CASE(all_bytes_of_a_file_are_read) {
  const std::string bytes(100'000, '\1');
  std::ofstream(path / "a", std::ios::binary) << bytes;
  BOOST_TEST((read_whole_file(path / "a", bytes.size()) == bytes));
  std::ofstream(path / "empty") << "";
  BOOST_TEST(read_whole_file(path / "empty", 0) == "");
}

BOOST_AUTO_TEST_CASE(what_may_never_end_is_not_opened) {
  BOOST_REQUIRE(::mkfifo((path / "pipe").c_str(), 0600) == 0);
  const std::string device = ": a pipe, socket or device, not a file";
  BOOST_TEST(refusal_of(path / "pipe") == (path / "pipe").string() + device);
  BOOST_TEST(refusal_of("/dev/zero") == "/dev/zero" + device);
  BOOST_TEST(refusal_of(path) == path.string() + ": a folder, not a file");
  BOOST_TEST(refusal_of(path / "none") == (path / "none").string() + ": no such file");
  BOOST_TEST(refusal_of(std::string(5000, 'x')).ends_with(": File name too long"));
}

BOOST_AUTO_TEST_CASE(more_than_the_bound_is_refused) {
  std::ofstream(path / "a") << std::string(1001, 'x');
  BOOST_TEST(refusal_of(path / "a") ==
             (path / "a").string() + ": over 1000 bytes; accepted: at most that");
}

BOOST_AUTO_TEST_SUITE_END()
