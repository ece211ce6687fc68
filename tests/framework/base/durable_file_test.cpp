// Small files that are complete or absent, and links that others left in their place.
#include "framework/base/durable_file.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>

#include "framework/base/error.h"
#include "tests/errors.h"

using namespace quantdyn;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / fmt::format("quantdyn_durable_{}", ::getpid());
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
};

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Asks for the lock of the folder's file alone, as another machine would that shares it over NFS.
bool can_lock_file(const fs::path& folder) {
  const int descriptor = ::open((folder / FolderLock::file_name).c_str(), O_RDWR | O_CREAT, 0666);
  struct flock whole {};
  whole.l_type = F_WRLCK;
  const bool out = ::fcntl(descriptor, F_OFD_SETLK, &whole) == 0;
  ::close(descriptor);
  return out;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(durable_file_test, Folder)

BOOST_AUTO_TEST_CASE(a_file_is_replaced_and_leaves_no_part) {
  for (const char* text : {"first", "", "third"}) {
    write_durably(path / "a", text);
    BOOST_TEST(text_of(path / "a") == text);
    BOOST_TEST(!fs::exists(path / "a.part"));
  }
}

BOOST_AUTO_TEST_CASE(a_link_in_the_place_of_the_part_is_not_followed) {
  write_durably(path / "theirs", "kept");
  fs::create_symlink(path / "theirs", path / "a.part");
  write_durably(path / "a", "mine");
  BOOST_TEST(text_of(path / "theirs") == "kept");
  BOOST_TEST(text_of(path / "a") == "mine");
  BOOST_TEST(fs::is_regular_file(fs::symlink_status(path / "a")));
  fs::create_symlink(path / "nowhere", path / "b.part");
  {
    const PartFile file(path / "b");
    BOOST_TEST(fs::is_regular_file(fs::symlink_status(path / "b.part")));
  }
  BOOST_TEST(!fs::exists(fs::symlink_status(path / "b.part")));
  BOOST_TEST(!fs::exists(path / "nowhere"));
}

BOOST_AUTO_TEST_CASE(a_file_becomes_another_ones_second_name_or_its_copy) {
  write_durably(path / "bytes", "kept");
  {
    PartFile shared(path / "a", path / "bytes");
    shared.publish();
    BOOST_TEST(fs::equivalent(path / "a", path / "bytes"));
  }
  {
    PartFile copy(path / "b", path / "bytes");  // which has two names now
    BOOST_TEST(write_at(copy.descriptor(), 0, "mine") == 0);
    copy.publish();
  }
  BOOST_TEST(text_of(path / "b") == "mine");
  BOOST_TEST(text_of(path / "a") == "kept");
  fs::create_symlink(path / "b", path / "link");
  BOOST_TEST(
      contains(error_of([&] { PartFile(path / "c", path / "link"); }), "link: cannot be read"));
  BOOST_TEST(!fs::exists(path / "c.part"));
}

BOOST_AUTO_TEST_CASE(a_failure_meanwhile_leaves_no_file) {
  {
    PartFile file(path / "a");
    BOOST_TEST(error_of([&] { file.publish([] { throw Error("no"); }); }) == "no");
  }
  BOOST_TEST(fs::is_empty(path));
}

BOOST_AUTO_TEST_CASE(a_folder_in_the_place_of_the_part_or_the_file_is_an_error) {
  fs::create_directories(path / "a.part");
  BOOST_TEST(error_of([&] { write_durably(path / "a", "text"); }) ==
             (path / "a.part").string() + ": cannot be created: File exists");
  fs::create_directories(path / "b/c");
  BOOST_TEST(contains(error_of([&] { write_durably(path / "b", "text"); }), "cannot be renamed"));
  BOOST_TEST(!fs::exists(path / "b.part"));
}

BOOST_AUTO_TEST_CASE(a_locked_folder_is_refused_until_the_lock_goes) {
  BOOST_TEST(!is_locked(path));
  {
    const FolderLock lock(path);
    BOOST_TEST(is_locked(path));
    BOOST_TEST(contains(error_of<ConfigError>([&] { FolderLock second(path); }),
                        ": another process is writing there"));
    BOOST_TEST(!can_lock_file(path));
  }
  BOOST_TEST(!is_locked(path));
  BOOST_TEST(can_lock_file(path));
  BOOST_TEST(error_of([&] { FolderLock again(path); }) == "");
}

BOOST_AUTO_TEST_CASE(a_folder_whose_file_another_machine_locks_is_refused) {
  const int descriptor = ::open((path / FolderLock::file_name).c_str(), O_RDWR | O_CREAT, 0666);
  struct flock whole {};
  whole.l_type = F_WRLCK;
  BOOST_REQUIRE(::fcntl(descriptor, F_OFD_SETLK, &whole) == 0);
  BOOST_TEST(contains(error_of<ConfigError>([&] { FolderLock lock(path); }),
                      ": another process is writing there"));
  ::close(descriptor);
  BOOST_TEST(error_of([&] { FolderLock lock(path); }) == "");
}

BOOST_AUTO_TEST_CASE(a_killed_process_leaves_no_lock) {
  int told[2];
  BOOST_REQUIRE(::pipe(told) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const FolderLock lock(path);
    if (::write(told[1], "x", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char byte = 0;
  BOOST_REQUIRE(::read(told[0], &byte, 1) == 1);
  BOOST_TEST(error_of<ConfigError>([&] { FolderLock lock(path); }) != "");
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  BOOST_TEST(error_of([&] { FolderLock lock(path); }) == "");
  ::close(told[0]);
  ::close(told[1]);
}

BOOST_AUTO_TEST_CASE(a_folder_that_cannot_take_the_lock_s_file_is_named) {
  fs::create_directory(path / FolderLock::file_name);
  BOOST_TEST(contains(error_of([&] { FolderLock lock(path); }), ".lock: cannot be created: "));
}

BOOST_AUTO_TEST_SUITE_END()
