#include "framework/base/trial.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <thread>
#include <vector>

#include "framework/base/error.h"

using namespace quantdyn;

namespace {

std::string message_of(const std::function<void()>& act, unsigned seconds = 20) {
  try {
    try_in_child("reading x", {seconds, int64_t{256} << 20}, act);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(trial_test)

BOOST_AUTO_TEST_CASE(what_it_does_changes_nothing_here) {
  int changed = 0;
  BOOST_TEST(message_of([&] { changed = 1; }) == "");
  BOOST_TEST(changed == 0);
}

BOOST_AUTO_TEST_CASE(what_it_throws_is_thrown_here) {
  BOOST_TEST(message_of([] { throw_error("bad"); }) == "bad");
  BOOST_CHECK_THROW(
      try_in_child("x", {20, 1 << 28}, [] { throw_error<ConfigError>("{}", "wrong"); }),
      ConfigError);
  BOOST_TEST(message_of([] { throw std::runtime_error("odd"); }) == "reading x: odd");
  BOOST_TEST(message_of([] { throw 1; }) == "reading x: unknown exception");
  const std::string cut = message_of([] { throw_error("{}", std::string(1 << 20, 'x')); });
  BOOST_TEST(cut == std::string(cut.size(), 'x'));
}

BOOST_AUTO_TEST_CASE(a_crash_is_an_error) {
  const auto crash_by = [](int signal) {
    return message_of([signal] {
      std::signal(signal, SIG_DFL);  // the test framework and sanitizers have handlers
      std::raise(signal);
    });
  };
  BOOST_TEST(crash_by(SIGSEGV) == "reading x: crashed (Segmentation fault)");
  BOOST_TEST(crash_by(SIGABRT) == "reading x: crashed (Aborted)");
  BOOST_TEST(message_of([] { std::quick_exit(3); }) == "reading x: ended with exit code 3");
}

BOOST_AUTO_TEST_CASE(a_crash_is_seen_where_the_ends_of_children_are_ignored) {
  const auto before = std::signal(SIGCHLD, SIG_IGN);
  BOOST_TEST(message_of([] { std::raise(SIGKILL); }) == "reading x: was ended (Killed)");
  BOOST_TEST((std::signal(SIGCHLD, before) == SIG_IGN));
}

BOOST_AUTO_TEST_CASE(what_does_not_end_is_an_error) {
  const auto wait = [] { std::this_thread::sleep_for(std::chrono::minutes(2)); };
  BOOST_TEST(message_of(wait, 1) == "reading x: took more than 1 s");
}

#ifndef __SANITIZE_ADDRESS__  // whose allocator ends the process
BOOST_AUTO_TEST_CASE(what_takes_too_much_memory_is_an_error) {
  const std::string message = "reading x: took more than 256 MiB of memory";
  const auto take = [](size_t mebibytes) {
    return [mebibytes] {
      const std::vector<char> taken(mebibytes << 20, 'x');
      if (*const_cast<volatile const char*>(taken.data()) != 'x') throw_error("lost");
    };
  };
  BOOST_TEST(message_of(take(200)) == "");
  BOOST_TEST(message_of(take(300)) == message);
  BOOST_TEST(message_of(take(size_t{1} << 43)) == message);
}
#endif

BOOST_AUTO_TEST_CASE(a_trial_ends_with_the_process_that_began_it) {
  int ends[2];
  BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    ::close(ends[0]);
    message_of(
        [&] {
          if (::write(ends[1], "x", 1) == 1) std::this_thread::sleep_for(std::chrono::minutes(2));
        },
        120);
    ::_exit(0);
  }
  ::close(ends[1]);
  char byte = 0;
  BOOST_TEST(::read(ends[0], &byte, 1) == 1);  // the trial runs
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  pollfd end{ends[0], POLLIN, 0};
  BOOST_TEST(::poll(&end, 1, 20'000) == 1);  // nobody can write any more
  BOOST_TEST(::read(ends[0], &byte, 1) == 0);
  ::close(ends[0]);
}

BOOST_AUTO_TEST_SUITE_END()
