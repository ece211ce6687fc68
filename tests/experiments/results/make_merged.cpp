// Writes three made-up runs and their merged file into the folder it is given: what read_merged.py
// reads.
#include "experiments/results/merge_results.h"
#include "tests/experiments/results/fabricated_runs.h"

int main(int, char** arguments) {
  using namespace quantdyn;
  const std::filesystem::path folder = arguments[1];
  std::vector<std::filesystem::path> runs;
  for (const auto& [seed, value] : {std::pair<int64_t, double>{7, 1}, {8, 2}, {9, 6}})
    runs.push_back(fabricated::write_seed(folder / std::to_string(seed), seed, value));
  merge_results({runs, folder / "merged.h5", "quantdyn merge", false});
  return 0;
}
