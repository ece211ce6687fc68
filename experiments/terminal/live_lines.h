// Several lines on a terminal that are drawn again and again.
#pragma once

#include <string>
#include <vector>

namespace quantdyn {

/// Lines at the end of the standard error stream. Where that is no terminal, only line() prints.
class LiveLines {
 public:
  LiveLines();
  ~LiveLines();  ///< removes them
  LiveLines(const LiveLines&) = delete;
  LiveLines& operator=(const LiveLines&) = delete;

  /// Draws these in place of those before, each cut to the terminal's width.
  void show(const std::vector<std::string>& lines);
  /// A line of text that stays, above them.
  void line(const std::string& text);

 private:
  void clear();

  bool terminal_;
  size_t drawn_ = 0;
};

}  // namespace quantdyn
