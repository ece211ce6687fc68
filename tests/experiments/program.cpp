#include "tests/experiments/program.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

namespace quantdyn::test {
namespace {

/// In the child: output to files, signals as in a terminal, then the program.
[[noreturn]] void become_program(const std::filesystem::path& folder,
                                 const std::vector<std::string>& arguments) {
  std::vector<char*> words{const_cast<char*>("quantdyn")};
  for (const std::string& argument : arguments)
    words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  const int out = ::open((folder / "out.txt").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  const int err = ::open((folder / "err.txt").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  ::signal(SIGINT, SIG_DFL);
  if (::chdir(folder.c_str()) == 0 && ::dup2(out, STDOUT_FILENO) >= 0 &&
      ::dup2(err, STDERR_FILENO) >= 0)
    ::execv(QUANTDYN_PROGRAM, words.data());
  ::_exit(127);
}

}  // namespace

Child::Child(const std::filesystem::path& folder, const std::vector<std::string>& arguments)
    : folder_(folder), pid_(::fork()) {
  if (pid_ < 0) throw_error("fork failed");
  if (pid_ == 0) become_program(folder, arguments);
}

Child::~Child() {
  if (has_ended()) return;
  send(SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Child::send(int signal) const { ::kill(pid_, signal); }

bool Child::has_ended() {
  int status = 0;
  if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
  return status_.has_value();
}

Outcome Child::wait() {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  while (!has_ended()) {
    if (std::chrono::steady_clock::now() > end) send(SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const int code = WIFEXITED(*status_) ? WEXITSTATUS(*status_) : -WTERMSIG(*status_);
  return {code, text_of(folder_ / "out.txt"), text_of(folder_ / "err.txt")};
}

std::string tiny_yaml() {
  return R"(name: tiny
seed: 3
data:
  source: {name: synthetic, train_images: 256, test_images: 64}
network: {file: networks/dws.yaml, width: 0.125}
train:
  epochs: 2
  batch_size: 32
  schedule: {name: cosine, learning_rate: 0.05}
track: {probe_images: 32}
variants:
  - name: int8
    weights: {}
    activations: {}
    calibration: {images: 64}
  - name: int4
    weights: {quantizer: {name: affine, bit_width: 4, granularity: per_channel}}
    activations: {estimator: {name: percentile, p: 99.9}, quantizer: {name: affine, bit_width: 4}}
    calibration: {images: 64}
)";
}

Workplace::Workplace() {
  std::filesystem::create_directories(path);
  std::filesystem::copy(QUANTDYN_SOURCE_NETWORKS, path / "networks");
  write("tiny.yaml", tiny_yaml());
}

std::filesystem::path Workplace::write(const std::string& name, std::string_view text) const {
  std::ofstream(path / name, std::ios::binary) << text;
  return path / name;
}

Outcome Workplace::run_tiny(const std::string& output, const std::vector<std::string>& more) const {
  std::vector<std::string> arguments{"run", "tiny.yaml", "--quiet", "--output", output};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run(arguments);
}

}  // namespace quantdyn::test
