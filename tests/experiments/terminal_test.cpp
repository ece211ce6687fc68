// What stands on a terminal: colours, and bars with their rates.
#include <fcntl.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <string>
#include <thread>

#include "experiments/terminal/output.h"
#include "experiments/terminal/terminal_progress.h"
#include "framework/base/error.h"
#include "tests/errors.h"

using namespace quantdyn;

namespace {

/// What `act` writes to both standard streams of a process on a terminal of its own.
std::string on_terminal(const std::function<void()>& act) {
  std::cout.flush();  // else the child prints it again
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, nullptr);
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    act();
    flush_results();
    _exit(0);
  }
  std::string out;
  char buffer[256];
  // A terminal whose last process is gone gives EIO.
  for (ssize_t size; (size = ::read(terminal, buffer, sizeof buffer)) > 0;)
    out.append(buffer, static_cast<size_t>(size));
  ::close(terminal);
  int status = 0;
  BOOST_REQUIRE(waitpid(child, &status, 0) == child);
  BOOST_TEST(status == 0);
  std::erase(out, '\r');
  return out;
}

void say() {
  print_error("no file\x1b[2J");
  print_answer("It keeps its accuracy.\nAll of it.", "\n\nrest\n");
  print_answer("", "a table\n");
}

void say_without(const char* no_color) {
  setenv("NO_COLOR", no_color, 1);
  say();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(terminal_test)

BOOST_AUTO_TEST_CASE(errors_and_conclusions_stand_out_on_a_terminal) {
  const std::string coloured =
      "\x1b[1m\x1b[31mquantdyn:\x1b[0m no file\\u001b[2J\n"
      "\x1b[1mIt keeps its accuracy.\nAll of it.\x1b[0m\n\nrest\na table\n";
  BOOST_TEST(on_terminal([] { unsetenv("NO_COLOR"), say(); }) == coloured);
  BOOST_TEST(on_terminal([] { say_without(""); }) == coloured);
}

BOOST_AUTO_TEST_CASE(who_wants_no_colour_gets_none) {
  BOOST_TEST(on_terminal([] { say_without("1"); }) ==
             "quantdyn: no file\\u001b[2J\nIt keeps its accuracy.\nAll of it.\n\nrest\na table\n");
}

BOOST_AUTO_TEST_CASE(a_rate_leaves_out_what_was_done_before) {
  const double seconds = 0.2;
  const std::string shown = on_terminal([=] {
    const auto progress = TerminalProgress().begin("run", 100, "images", 50);
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    progress->update(75, "epoch 1/1");
  });
  const size_t rate = shown.find("epoch 1/1  ");
  BOOST_REQUIRE(rate != std::string::npos);
  BOOST_TEST(std::stod(shown.substr(rate + 11)) <= 25 / seconds, shown);
  BOOST_TEST(contains(shown, " 75%  epoch 1/1  "), shown);
}

BOOST_AUTO_TEST_SUITE_END()
