#include "experiments/sweep/member_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>

#include "framework/base/error.h"
#include "framework/base/printable.h"

namespace quantdyn {
namespace {

/// In the child, which has one thread and must not allocate: only calls that are allowed there.
[[noreturn]] void become_program(char* const* words, int log, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);  // it ended before the request
  const int nothing = ::open("/dev/null", O_RDWR);
  if (::dup2(nothing, STDIN_FILENO) >= 0 && ::dup2(nothing, STDOUT_FILENO) >= 0 &&
      ::dup2(log, STDERR_FILENO) >= 0)
    ::execv("/proc/self/exe", words);
  ::_exit(127);
}

int open_log(const std::filesystem::path& log) {
  std::error_code error;
  std::filesystem::create_directories(log.parent_path(), error);
  const int descriptor = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor < 0) throw_error("{}: {}", log.string(), std::strerror(errno));
  return descriptor;
}

}  // namespace

MemberProcess::MemberProcess(const std::vector<std::string>& arguments,
                             const std::filesystem::path& log) {
  std::vector<std::string> own = arguments;
  std::vector<char*> words;
  for (std::string& word : own) words.push_back(word.data());
  words.push_back(nullptr);
  const int descriptor = open_log(log);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) become_program(words.data(), descriptor, parent);
  const int problem = errno;
  ::close(descriptor);
  if (pid_ < 0) throw_error("a process cannot be started: {}", std::strerror(problem));
}

MemberProcess::~MemberProcess() {
  if (exit_code()) return;
  send(SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void MemberProcess::send(int signal) const {
  if (!exit_code_) ::kill(pid_, signal);
}

std::optional<int> MemberProcess::exit_code() {
  int status = 0;
  if (!exit_code_ && ::waitpid(pid_, &status, WNOHANG) == pid_)
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return exit_code_;
}

std::string last_line(const std::filesystem::path& log) {
  std::ifstream in(log, std::ios::binary | std::ios::ate);
  if (!in) return "";
  constexpr std::streamoff most = 4096;
  const std::streamoff size = in.tellg();
  in.seekg(std::max<std::streamoff>(0, size - most));
  std::string out;
  for (std::string line; std::getline(in, line);)
    if (const size_t begin = line.find_first_not_of(" \r"); begin != std::string::npos)
      out = line.substr(begin);
  return quotable(out);
}

}  // namespace quantdyn
