// onnx_fuzz CASES [SEED [FOLDER]]: imports mutated models. A crash, an exception that is no Error,
// a case of over 20 s or a model that cannot be cloned is a finding: its number is printed, and its
// bytes are written to FOLDER. Exit code 1 with a finding.
#include <fstream>
#include <iostream>
#include <map>

#include "experiments/onnx/import.h"
#include "experiments/onnx/read_model.h"
#include "framework/base/trial.h"
#include "tests/fuzz/onnx_mutation.h"

using namespace quantdyn;

namespace {

/// Whether the bytes are a net; throws what import does not catch.
bool is_imported(const std::string& bytes) try {
  const OnnxImport found = build_onnx(parse_onnx_model(bytes, "case.onnx", "", {}));
  found.network.clone();
  return true;
} catch (const Error&) {
  return false;
}

struct Fuzz {
  std::vector<std::string> seeds = test::onnx_seeds();
  uint64_t seed;
  std::filesystem::path folder;
  int findings = 0;

  void run(uint64_t i) const {
    try {
      is_imported(test::mutated_onnx(seeds, seed, i));
    } catch (const std::exception& e) {  // the child would swallow it
      std::cerr << "case " << i << ": " << e.what() << std::endl;
      std::abort();
    }
  }
  void run_all(uint64_t first, uint64_t end) {
    try {
      const unsigned seconds = 20 + static_cast<unsigned>(end - first) / 20;
      try_in_child("cases", {seconds, int64_t{4} << 30}, [&] {
        for (uint64_t i = first; i < end; ++i) run(i);
      });
    } catch (const Error& e) {
      if (end - first == 1) return report(first, e.what());
      const uint64_t middle = first + (end - first) / 2;
      run_all(first, middle);
      run_all(middle, end);
    }
  }
  void report(uint64_t i, const std::string& why) {
    ++findings;
    std::cout << "finding: case " << i << " of seed " << seed << ": " << why << std::endl;
    if (folder.empty()) return;
    std::ofstream out(folder / ("case-" + std::to_string(seed) + "-" + std::to_string(i) + ".onnx"),
                      std::ios::binary);
    out << test::mutated_onnx(seeds, seed, i);
  }
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return std::cerr << "onnx_fuzz CASES [SEED [FOLDER]]\n", 2;
  Fuzz fuzz{.seed = count > 2 ? std::stoull(arguments[2]) : 1,
            .folder = count > 3 ? arguments[3] : ""};
  try {
    for (const std::string& seed : fuzz.seeds) build_onnx(parse_onnx_model(seed, "seed", "", {}));
  } catch (const Error& e) {
    return std::cerr << "a model without mutations is refused: " << e.what() << "\n", 1;
  }
  const uint64_t cases = std::stoull(arguments[1]), batch = 500;
  uint64_t nets = 0;
  for (uint64_t i = 0; i < cases; i += batch) {
    fuzz.run_all(i, std::min(cases, i + batch));
    if (i % 50000 == 0) std::cout << i << " cases, " << fuzz.findings << " findings" << std::endl;
  }
  for (uint64_t i = 0; fuzz.findings == 0 && i < std::min<uint64_t>(cases, 500); ++i)
    nets += is_imported(test::mutated_onnx(fuzz.seeds, fuzz.seed, i));
  std::cout << cases << " cases, " << fuzz.findings << " findings; of the first 500, " << nets
            << " were nets\n";
  return fuzz.findings > 0 ? 1 : 0;
}
