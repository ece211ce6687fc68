// What control groups leave for a process, read from files as the kernel shows them.
#include "framework/base/machine.h"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <limits>

#include "framework/base/error.h"

using namespace quantdyn;
namespace fs = std::filesystem;

namespace {

/// A folder like /sys/fs/cgroup, with a file like /proc/self/cgroup beside it.
struct Groups {
  fs::path path = fs::temp_directory_path() / fmt::format("quantdyn_groups_{}", ::getpid());
  ~Groups() { fs::remove_all(path); }

  void write(const fs::path& file, const std::string& text) const {
    fs::create_directories((path / file).parent_path());
    std::ofstream(path / file) << text;
  }
  Limit limit(int64_t resident) const { return group_limit(path / "sys", path / "proc", resident); }
};

constexpr int64_t unlimited = std::numeric_limits<int64_t>::max();

}  // namespace

BOOST_FIXTURE_TEST_SUITE(machine_test, Groups)

BOOST_AUTO_TEST_CASE(no_limit_of_version_1_is_no_limit_however_little_the_group_has) {
  write("proc", "4:memory:/box\n0::/\n");
  write("sys/memory/box/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/memory/box/memory.usage_in_bytes", "4096\n");
  write("sys/memory/box/memory.stat", "inactive_file 0\n");
  BOOST_TEST(limit(1 << 30).bytes == unlimited);
}

BOOST_AUTO_TEST_CASE(the_least_of_a_group_and_those_above_it_counts) {
  write("proc", "0::/user/box\n");
  write("sys/user/box/memory.max", "max\n");
  write("sys/user/box/memory.current", "600\n");
  write("sys/user/memory.max", "1000\n");
  write("sys/user/memory.current", "900\n");
  // 900 taken, 300 of it by this process: 600 are others'.
  BOOST_TEST(limit(300).bytes == 400);
  BOOST_TEST(limit(300).source == "memory limit of the control group");
  BOOST_TEST(limit(5000).bytes == 1000);  // memory that is charged to another group
  write("sys/user/memory.current", "2000\n");
  BOOST_TEST(limit(300).bytes == 0);
}

BOOST_AUTO_TEST_CASE(cached_files_are_free_for_taking) {
  write("proc", "0::/box\n");
  write("sys/box/memory.max", "1000\n");
  write("sys/box/memory.current", "900\n");
  write("sys/box/memory.stat", "anon 100\ninactive_file 500\nactive_file 300\n");
  BOOST_TEST(limit(100).bytes == 1000);
}

BOOST_AUTO_TEST_CASE(version_1_counts_cached_files_of_the_groups_below) {
  write("proc", "4:memory:/box/part\n");
  write("sys/memory/box/memory.limit_in_bytes", "1000\n");
  write("sys/memory/box/memory.usage_in_bytes", "900\n");
  write("sys/memory/box/memory.stat",
        "inactive_file 1\nactive_file 2\ntotal_inactive_file 500\ntotal_active_file 300\n");
  BOOST_TEST(limit(50).bytes == 950);
}

BOOST_AUTO_TEST_CASE(no_groups_set_no_limit) { BOOST_TEST(limit(100).bytes == unlimited); }

BOOST_AUTO_TEST_SUITE_END()
