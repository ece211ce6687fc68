// fuzz_replay ROOT CASES [SEED [FOLDER]]: gives each target the seeds of ROOT/tests/fuzz/seeds, and
// CASES mutated ones, in child processes and without libFuzzer. What leaves a target, crashes or
// hangs is a finding: its number is printed, and its bytes are written to FOLDER. Exit code 1 with
// a finding.
#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>

#include "framework/base/error.h"
#include "framework/base/trial.h"
#include "tests/fuzz/mutation.h"
#include "tests/fuzz/targets.h"

using namespace quantdyn;
using namespace quantdyn::test;
namespace fs = std::filesystem;

namespace {

struct Target {
  std::string name;
  void (*run)(Bytes);
  std::vector<std::string> seeds = {};
};

std::vector<Target> all_targets() {
  return {{"options", fuzz_options},   {"network", fuzz_network},
          {"cifar", fuzz_cifar},       {"idx", fuzz_idx},
          {"hdf5", fuzz_hdf5},         {"keras", fuzz_keras},
          {"onnx", fuzz_onnx},         {"result", fuzz_result},
          {"snapshot", fuzz_snapshot}, {"checkpoint", fuzz_checkpoint}};
}

std::vector<std::string> files_of(const fs::path& folder) {
  std::vector<fs::path> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path());
  std::ranges::sort(names);
  std::vector<std::string> out;
  for (const fs::path& name : names) {
    std::ifstream in(name, std::ios::binary);
    if (fs::is_regular_file(name))
      out.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return out;
}

std::vector<std::string> seeds_of(const std::string& target, const fs::path& root) {
  if (target == "onnx") return onnx_seeds();
  std::vector<std::string> out = files_of(root / "tests/fuzz/seeds" / target);
  if (target == "options" || target == "network")
    std::ranges::copy(files_of(root / "experiments/networks"), std::back_inserter(out));
  return out;
}

struct Replay {
  uint64_t seed;
  fs::path folder;
  int findings = 0;

  /// The seeds as they are, then mutated ones.
  std::string bytes(const Target& target, uint64_t i) const {
    if (i < target.seeds.size()) return target.seeds[i];
    return target.name == "onnx" ? mutated_onnx(target.seeds, seed, i)
                                 : mutated(target.seeds, seed, i);
  }
  void run(const Target& target, uint64_t i) const {
    const std::string input = bytes(target, i);
    try {
      target.run({reinterpret_cast<const uint8_t*>(input.data()), input.size()});
    } catch (const std::exception& e) {
      throw_error("{} left the target", e.what());
    }
  }
  void run_all(const Target& target, uint64_t first, uint64_t end) {
    try {
      const unsigned seconds = 20 + static_cast<unsigned>(end - first) / 10;
      try_in_child("cases", {seconds, int64_t{4} << 30}, [&] {
        for (uint64_t i = first; i < end; ++i) run(target, i);
      });
    } catch (const Error& e) {
      if (end - first == 1) return report(target, first, e.what());
      const uint64_t middle = first + (end - first) / 2;
      run_all(target, first, middle);
      run_all(target, middle, end);
    }
  }
  void report(const Target& target, uint64_t i, const std::string& why) {
    ++findings;
    std::cout << fmt::format("finding: {}, case {} of seed {}: {}", target.name, i, seed, why)
              << std::endl;
    if (folder.empty()) return;
    std::ofstream(folder / fmt::format("{}-{}-{}", target.name, seed, i), std::ios::binary)
        << bytes(target, i);
  }
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return std::cerr << "fuzz_replay ROOT CASES [SEED [FOLDER]]\n", 2;
  Replay replay{.seed = count > 3 ? std::stoull(arguments[3]) : 1,
                .folder = count > 4 ? arguments[4] : ""};
  const uint64_t cases = std::stoull(arguments[2]), batch = 500;
  for (Target& target : all_targets()) {
    target.seeds = seeds_of(target.name, arguments[1]);
    const uint64_t all = target.seeds.size() + cases;
    for (uint64_t i = 0; i < all; i += batch) replay.run_all(target, i, std::min(all, i + batch));
    std::cout << fmt::format("{}: {} cases, {} findings so far\n", target.name, all,
                             replay.findings);
  }
  return replay.findings > 0 ? 1 : 0;
}
