#include "experiments/terminal/terminal_progress.h"

#include <unistd.h>

#include <algorithm>

#include "experiments/terminal/output.h"
#include "experiments/text/table.h"
#include "framework/base/error.h"
#include "framework/base/printable.h"
#include "framework/base/stopwatch.h"

namespace quantdyn {
namespace {

bool is_terminal() { return isatty(STDERR_FILENO) == 1; }

class Bar final : public WorkProgress {
 public:
  Bar(std::string title, int64_t total, std::string unit, int64_t done_before,
      double seconds_between_lines)
      : title_(std::move(title)),
        unit_(std::move(unit)),
        total_(total),
        done_before_(done_before),
        seconds_between_lines_(seconds_between_lines) {}
  ~Bar() override {
    if (terminal_) print_control("\r\033[K");
  }
  Bar(const Bar&) = delete;
  Bar& operator=(const Bar&) = delete;

  void update(int64_t done, const std::string& note) override {
    const double now = watch_.seconds();
    if (now - last_shown_ < (terminal_ ? 0.1 : seconds_between_lines_)) return;
    last_shown_ = now;
    draw(done, note);
  }

 private:
  void draw(int64_t done, const std::string& note) const {
    const double seconds = watch_.seconds();
    const double share =
        static_cast<double>(done) / static_cast<double>(std::max<int64_t>(total_, 1));
    const double rate = static_cast<double>(done - done_before_) / std::max(seconds, 1e-9);
    const std::string left = rate > 0 ? time_text(static_cast<double>(total_ - done) / rate) : "?";
    const std::string facts = fmt::format("{:3.0f}%  {}  {:.{}f} {}/s  {} left", 100 * share, note,
                                          rate, rate < 10 ? 2 : 0, unit_, left);
    if (!terminal_) {
      print_note(fmt::format("{} {}\n", title_, facts));
      return;
    }
    constexpr int width = 20;
    std::string bar;
    for (int i = 0; i < width; ++i) bar += static_cast<double>(i) < share * width ? '#' : '.';
    const std::string text = fmt::format("{} [{}] {}", title_, bar, facts);
    print_control(fmt::format("\r{}\033[K", quotable(text).substr(0, terminal_columns() - 1)));
  }

  std::string title_, unit_;
  int64_t total_, done_before_;
  double seconds_between_lines_;
  bool terminal_ = is_terminal();
  Stopwatch watch_;
  double last_shown_ = 0;
};

}  // namespace

std::unique_ptr<WorkProgress> TerminalProgress::begin(const std::string& title, int64_t total,
                                                      const std::string& unit, int64_t done) {
  return std::make_unique<Bar>(title, total, unit, done, seconds_between_lines_);
}

void TerminalProgress::line(const std::string& text) {
  if (is_terminal()) print_control("\r\033[K");
  print_note(text + "\n");
}

}  // namespace quantdyn
