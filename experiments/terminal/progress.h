// What a user sees while long work runs: a bar on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace quantdyn {

/// Seconds since it was made.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Progress over a known number of images or other units of work, on the standard error stream.
///
/// On a terminal one line is drawn again at most ten times a second; elsewhere update() prints a
/// line every 30 seconds and line() all of its own. Quiet: nothing.
class Progress {
 public:
  enum class Style { automatic, quiet };
  /// `unit`: what is counted, "images".
  Progress(std::string title, int64_t total, Style style, std::string unit = "images");
  ~Progress();  ///< clears the bar

  /// `done` are finished in all; `note` is shown beside the rate and the time left.
  void update(int64_t done, const std::string& note);
  /// Prints a line that stays.
  void line(const std::string& text);

 private:
  void draw(int64_t done, const std::string& note) const;

  std::string title_, unit_;
  int64_t total_;
  bool quiet_, terminal_;
  Stopwatch watch_;
  double last_shown_ = 0;
};

}  // namespace quantdyn
