#include "experiments/terminal/live_lines.h"

#include <unistd.h>

#include "experiments/terminal/output.h"
#include "framework/base/error.h"
#include "framework/base/printable.h"

namespace quantdyn {

LiveLines::LiveLines() : terminal_(isatty(STDERR_FILENO) == 1) {}

LiveLines::~LiveLines() { clear(); }

void LiveLines::clear() {
  if (drawn_ > 0) print_control(fmt::format("\033[{}A\r\033[J", drawn_));
  drawn_ = 0;
}

void LiveLines::show(const std::vector<std::string>& lines) {
  if (!terminal_) return;
  std::string text;
  for (const std::string& line : lines)
    text += quotable(line).substr(0, terminal_columns() - 1) + "\033[K\n";
  const size_t before = drawn_;
  drawn_ = lines.size();
  const std::string up = before > 0 ? fmt::format("\033[{}A\r", before) : "";
  print_control(up + text + "\033[J");
}

void LiveLines::line(const std::string& text) {
  clear();
  print_note(text + "\n");
}

}  // namespace quantdyn
