#include "framework/base/trial.h"

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <thread>

#include "framework/base/error.h"

using namespace quantdyn;

namespace {

std::string message_of(const std::function<void()>& act, unsigned seconds = 20) {
  try {
    try_in_child("reading x", seconds, act);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(trial_test)

BOOST_AUTO_TEST_CASE(what_ends_or_throws_is_left_to_the_caller) {
  int changed = 0;
  BOOST_TEST(message_of([&] { changed = 1; }) == "");
  BOOST_TEST(changed == 0);  // in the child alone
  BOOST_TEST(message_of([] { throw_error("bad"); }) == "");
  BOOST_TEST(message_of([] { throw 1; }) == "");
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
  BOOST_TEST(message_of([] { std::quick_exit(3); }) == "reading x: crashed");
}

BOOST_AUTO_TEST_CASE(a_crash_is_seen_where_the_ends_of_children_are_ignored) {
  const auto before = std::signal(SIGCHLD, SIG_IGN);
  BOOST_TEST(message_of([] { std::raise(SIGKILL); }) == "reading x: crashed (Killed)");
  BOOST_TEST((std::signal(SIGCHLD, before) == SIG_IGN));
}

BOOST_AUTO_TEST_CASE(what_does_not_end_is_an_error) {
  const auto wait = [] { std::this_thread::sleep_for(std::chrono::minutes(2)); };
  BOOST_TEST(message_of(wait, 1) == "reading x: took more than 1 s");
}

BOOST_AUTO_TEST_SUITE_END()
