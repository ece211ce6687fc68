// Libraries of plugins that cannot be loaded; those that can are in experiments/library.
#include "framework/config/plugin_library.h"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "framework/base/version.h"
#include "tests/errors.h"

using namespace quantdyn;
namespace fs = std::filesystem;

namespace {

/// A file of these bytes, removed at the end.
struct Written {
  explicit Written(const std::string& bytes)
      : path(fs::temp_directory_path() / ("quantdyn_plugin_" + std::to_string(getpid()))) {
    std::ofstream(path, std::ios::binary) << bytes;
  }
  ~Written() { fs::remove(path); }
  Written(const Written&) = delete;
  Written& operator=(const Written&) = delete;
  fs::path path;
};

std::string refusal(const fs::path& file) {
  return error_of<ConfigError>([&] { load_plugin_library(file); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(plugin_library_test)

BOOST_AUTO_TEST_CASE(a_file_that_is_not_there_is_refused) {
  BOOST_TEST(contains(refusal("/nowhere/libmine.so"), "/nowhere/libmine.so: no such file"));
  BOOST_TEST(contains(refusal(fs::temp_directory_path()), ": a folder, not a file"));
  BOOST_TEST(contains(refusal("/dev/zero"), "/dev/zero: a pipe, socket or device, not a file"));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_library_is_refused_with_the_loaders_reason) {
  const Written text("not a library, but long enough to be read as the header of one: it is text");
  const std::string message = refusal(text.path);
  BOOST_TEST(message.starts_with(text.path.string() + ": cannot be loaded: "), message);
  BOOST_TEST(contains(message, "invalid ELF header"), message);
}

BOOST_AUTO_TEST_CASE(a_library_linked_with_another_quantdyn_is_refused_before_it_is_loaded) {
  using namespace std::string_literals;
  const Written other("ELF...\0libquantdyn.so.7.3\0..."s);
  BOOST_TEST(contains(refusal(other.path),
                      "was built for quantdyn 7.3, this is quantdyn "s + library_abi));
  const Written same("ELF...\0libquantdyn.so."s + library_abi + "\0..."s);
  BOOST_TEST(contains(refusal(same.path), "cannot be loaded"));
}

BOOST_AUTO_TEST_CASE(a_library_that_is_cut_short_is_refused_before_it_is_loaded) {
  std::ifstream in(library_file(), std::ios::binary);  // any ELF file will do
  std::string bytes(64 * 1024, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  const Written part(bytes);
  const std::string message = refusal(part.path);
  BOOST_TEST(message ==
             part.path.string() + ": cut short: it has 65536 bytes, its headers speak of more");
}

BOOST_AUTO_TEST_CASE(what_was_refused_is_not_among_the_loaded) {
  const Written text("text");
  refusal(text.path);
  BOOST_TEST(plugin_libraries().empty());
}

BOOST_AUTO_TEST_SUITE_END()
