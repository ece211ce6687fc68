#include "experiments/terminal/output.h"

#include <fmt/color.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "framework/base/error.h"
#include "framework/base/printable.h"

namespace quantdyn {
namespace {

constexpr size_t longest_word = 1000, longest_message = 8000;

/// Long words of `text` shortened: what was quoted whole would hide what is said about it.
std::string with_short_words(std::string_view text) {
  constexpr std::string_view spaces = " \n\t";
  std::string out;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(spaces), text.size());
    const std::string_view word = text.substr(0, end);
    out += word.size() > longest_word ? quotable(word) : word;
    text.remove_prefix(end);
    const size_t next = std::min(text.find_first_not_of(spaces), text.size());
    out += text.substr(0, next);
    text.remove_prefix(next);
  }
  return out;
}

std::string readable(std::string_view message) {
  const std::string text = with_short_words(message);
  if (text.size() <= longest_message) return text;
  constexpr size_t part = longest_message / 2;
  return fmt::format("{}... ({} bytes left out) ...{}", text.substr(0, part),
                     text.size() - 2 * part, text.substr(text.size() - part));
}

/// Whether a descriptor is a pipe whose other end is closed.
bool has_no_reader(int descriptor) {
  pollfd pipe{descriptor, POLLOUT, 0};
  return ::poll(&pipe, 1, 0) == 1 && (pipe.revents & POLLERR) != 0;
}

/// Terminals are coloured unless the user's NO_COLOR is set and not empty (no-color.org).
bool is_coloured(int descriptor) {
  const char* refused = std::getenv("NO_COLOR");
  return isatty(descriptor) == 1 && (refused == nullptr || *refused == '\0');
}

std::string in_style(const fmt::text_style& style, std::string_view text, int descriptor) {
  return is_coloured(descriptor) ? fmt::format(style, "{}", text) : std::string(text);
}

}  // namespace

void print_result(std::string_view text) { std::cout << printable(text); }

void print_answer(std::string_view conclusion, std::string_view rest) {
  if (!conclusion.empty())
    std::cout << in_style(fmt::emphasis::bold, printable(conclusion), STDOUT_FILENO);
  std::cout << printable(rest);
}

bool flush_results() {
  if (std::cout.flush()) return true;
  if (has_no_reader(STDOUT_FILENO)) return false;
  throw_error("standard output: cannot be written; accepted: a file or pipe with space left");
}

void print_control(std::string_view text) {
  (void)std::fwrite(text.data(), 1, text.size(), stderr);  // a note that is lost ends nothing
  (void)std::fflush(stderr);
}

void print_note(std::string_view text) { print_control(printable(text)); }

size_t terminal_columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void print_error(std::string_view message) {
  const auto red = fmt::emphasis::bold | fg(fmt::terminal_color::red);
  print_control(fmt::format("{} {}\n", in_style(red, "quantdyn:", STDERR_FILENO),
                            printable(readable(message))));
}

}  // namespace quantdyn
