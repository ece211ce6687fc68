// Where a file's bytes go: values that do not pass through libhdf5, and disks that fill up.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <csignal>
#include <fstream>
#include <functional>

#include "framework/base/durable_file.h"
#include "framework/base/error.h"
#include "framework/h5/h5.h"
#include "tests/errors.h"
#include "tests/framework/h5/folder.h"

using namespace quantdyn;
using quantdyn::test::Folder;
namespace fs = std::filesystem;

namespace {

/// How large files of this process can become.
void set_room(rlim_t bytes) {
  rlimit limit{};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = std::min(bytes, limit.rlim_max);
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

/// Runs `act` in a child process in which files cannot grow over `bytes`; its return value.
int with_full_disk(rlim_t bytes, const std::function<int()>& act) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    set_room(bytes);
    ::_exit(act());
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(h5_disk_test, Folder)

BOOST_AUTO_TEST_CASE(a_file_is_made_around_values_that_stay_where_they_are) {
  constexpr int64_t begin = h5::File::values_begin;
  const std::vector<float> first = {1, 2, 3}, second(5000, 2.5f);
  const fs::path values = path / "values";
  {
    std::ofstream out(values, std::ios::binary);
    out.seekp(begin);
    out.write(reinterpret_cast<const char*>(first.data()), 12);
    out.seekp(begin + 64);
    out.write(reinterpret_cast<const char*>(second.data()), 20'000);
    out << "what is not among the values";
  }
  const int64_t end = begin + 64 + 20'000, sizes[] = {3}, two_sizes[] = {50, 100};
  h5::File file = h5::File::create_around(path / "a.h5", values, end);
  file.adopt("b/first", h5::Type::float32, sizes, begin).set("units", "1");
  file.adopt("b/second", h5::Type::float32, two_sizes, begin + 64);
  BOOST_TEST(contains(error_of([&] { file.adopt("c", h5::Type::float32, sizes, end - 8); }),
                      "holds no values from byte 24152 to 24164"));
  const std::vector<int> other(3000, 7);
  file.write("other", other);
  for (int i = 0; i < 100; ++i) file.make_group(fmt::format("group {}", i)).set("x", i);
  file.commit();
  BOOST_TEST(fs::hard_link_count(values) == 2u);
  const h5::File made = h5::File::open(path / "a.h5");
  BOOST_TEST(made.dataset("b/first").read<float>() == first);
  BOOST_TEST(made.dataset("b/second").read<float>() == second);
  BOOST_TEST(made.dataset("other").read<int>() == other);
  BOOST_TEST(made.group("group 99").integer("x") == 99);
}

BOOST_AUTO_TEST_CASE(a_second_file_around_the_same_values_leaves_the_first_as_it_is) {
  const int64_t sizes[] = {4}, end = h5::File::values_begin + 16;
  const fs::path values = path / "values";
  std::ofstream(values) << std::string(static_cast<size_t>(end), 'x');
  for (const char* name : {"a.h5", "b.h5"}) {
    h5::File file = h5::File::create_around(path / name, values, end);
    file.adopt(name, h5::Type::float32, sizes, h5::File::values_begin);
    file.commit();
  }
  BOOST_TEST(h5::File::open(path / "a.h5").names() == std::vector<std::string>{"a.h5"});
  BOOST_TEST(h5::File::open(path / "b.h5").dataset("b.h5").elements() == 4);
}

BOOST_AUTO_TEST_CASE(an_array_may_have_over_4_gib) {
  const int64_t rows = 5 << 10, of_row = 1 << 18;  // 5 GiB; all but one row are a hole in the file
  const int64_t sizes[] = {rows, of_row}, begin = h5::File::values_begin;
  const std::vector<float> row(of_row, 2.5f);
  {
    std::ofstream out(path / "values", std::ios::binary);
    out.seekp(begin + (rows - 1) * of_row * 4);
    out.write(reinterpret_cast<const char*>(row.data()), of_row * 4);
  }
  h5::File file =
      h5::File::create_around(path / "a.h5", path / "values", begin + rows * of_row * 4);
  file.adopt("x", h5::Type::float32, sizes, begin);
  file.commit();
  const h5::File made = h5::File::open(path / "a.h5");
  const h5::Dataset read = made.dataset("x");
  BOOST_TEST(read.read_rows<float>(rows - 1, 1) == row);
  BOOST_TEST(read.read_rows<float>(rows - 2, 1) == std::vector<float>(of_row));
}

BOOST_AUTO_TEST_CASE(what_happens_meanwhile_decides_whether_a_file_gets_its_name) {
  h5::File file = h5::File::create(path / "a.h5");
  fs::path seen;
  file.commit([&](const fs::path& part) {
    seen = part;
    BOOST_TEST(h5::File::open(part).names().empty());
  });
  BOOST_TEST(seen == path / "a.h5.part");
  h5::File other = h5::File::create(path / "b.h5");
  const std::string message =
      error_of([&] { other.commit([](const fs::path&) { throw Error("not as it was"); }); });
  BOOST_TEST(message == "not as it was");
  BOOST_TEST(files() == 1);
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_an_error_and_leaves_no_file) {
  for (const rlim_t bytes : {500, 3000, 100'000, 2'500'000}) {
    const int outcome = with_full_disk(bytes, [&] {
      std::string message = error_of([&] {
        h5::File file = h5::File::create(path / "a.h5");
        for (int i = 0; i < 20; ++i) {
          std::vector<double> values(20'000, 1.0);
          for (size_t k = 0; k < values.size(); ++k)
            values[k] = std::sin(static_cast<double>(k * 7919));
          const int64_t sizes[] = {20'000};
          file.write<double>(fmt::format("x{}", i), sizes, values, {{10'000}, 0});
        }
        file.commit();
      });
      return contains(message, "a.h5") && contains(message, "File too large") ? files() == 0 ? 0 : 2
                                                                              : 1;
    });
    BOOST_TEST(outcome == 0, "at " << bytes << " bytes: " << outcome);
  }
}

BOOST_AUTO_TEST_CASE(a_small_file_on_a_full_disk_fails_at_its_end) {
  const int outcome = with_full_disk(100, [&] {
    const std::string message = error_of([&] {
      h5::File file = h5::File::create(path / "a.h5");
      file.set("text", "a");
      file.commit();
    });
    return contains(message, "a.h5") && contains(message, "File too large") && files() == 0 ? 0 : 1;
  });
  BOOST_TEST(outcome == 0);
  BOOST_TEST(with_full_disk(10, [&] {
               const std::string message =
                   error_of([&] { write_durably(path / "t", std::string(1000, 'x')); });
               return contains(message, "/t: cannot be written: File too large") && files() == 0
                          ? 0
                          : 1;
             }) == 0);
}

BOOST_AUTO_TEST_CASE(a_file_on_a_full_disk_leaves_other_files_alone) {
  const std::vector<float> values(3000, 1.5f);
  const int64_t sizes[] = {3000};
  {
    h5::File source = h5::File::create(path / "source.h5");
    for (int i = 0; i < 40; ++i) {
      h5::Dataset array = source.write<float>(fmt::format("a/b/{}", i), sizes, values, {{500}, 0});
      for (int k = 0; k < 5; ++k) array.set(fmt::format("fact_{}", k), std::string(200, 'x'));
    }
    source.commit();
  }
  int failed = 0;
  const auto whole = static_cast<rlim_t>(fs::file_size(path / "source.h5"));
  for (rlim_t bytes = 100; bytes < 2 * whole; bytes += whole / 20) {
    const int outcome = with_full_disk(bytes, [&] {
      const h5::File source = h5::File::open(path / "source.h5");
      const std::string message = error_of([&] {
        h5::File copied = h5::File::create(path / "a.h5");
        for (int i = 0; i < 40; ++i)
          copied.copy(fmt::format("a/b/{}", i), source, fmt::format("a/b/{}", i));
        copied.write<float>("more", sizes, values, {{500}, 0});
        copied.commit();
      });
      set_room(RLIM_INFINITY);
      h5::File other = h5::File::create(path / "b.h5");
      other.write<float>("x", sizes, values);
      other.commit();
      if (h5::File::open(path / "b.h5").dataset("x").read<float>() != values) return 2;
      if (fs::exists(part_name(path / "a.h5"))) return 3;
      if (message.empty()) return 10;
      return contains(message, "a.h5: cannot be written: File too large") ? 0 : 4;
    });
    BOOST_TEST((outcome == 0 || outcome == 10), "at " << bytes << " bytes: " << outcome);
    failed += outcome == 0;
  }
  BOOST_TEST(failed >= 20);
  BOOST_TEST(failed < 40);
}

BOOST_AUTO_TEST_SUITE_END()
