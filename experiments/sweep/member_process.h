// This program, started again for one member of a sweep.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace quantdyn {

/// A child process. It has a process group of its own, so that Ctrl-C on the terminal reaches it
/// only through send(); if this process ends before it, however that ends, it gets a SIGTERM.
class MemberProcess {
 public:
  /// Starts the running program's file with these arguments. Notes and progress are appended to
  /// `log`, whose folder is created; what it prints as its result is dropped. Error: the log
  /// cannot be opened, or no process be started.
  MemberProcess(const std::vector<std::string>& arguments, const std::filesystem::path& log);
  ~MemberProcess();  ///< kills it where it still runs
  MemberProcess(const MemberProcess&) = delete;
  MemberProcess& operator=(const MemberProcess&) = delete;

  void send(int signal) const;
  /// Its exit code, -signal where a signal ended it, or nothing while it runs.
  std::optional<int> exit_code();

 private:
  pid_t pid_ = -1;
  std::optional<int> exit_code_;
};

/// The last line of a log that is not blank, without what it is indented by, and fit for a
/// terminal;
/// "" if there is none. Reads only the file's end.
std::string last_line(const std::filesystem::path& log);

}  // namespace quantdyn
