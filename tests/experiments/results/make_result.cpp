// Writes the made-up run into the folder it is given, which read_result.py reads, and a checkpoint
// for the seeds of tests/fuzz.
#include "tests/experiments/results/fabricated_result.h"

int main(int, char** arguments) {
  using namespace quantdyn;
  fabricated::write(arguments[1]);
  const State state = {{"run/step", std::vector<int64_t>{50}},
                       {"run/weights", std::vector<float>{0.5f, -1, 2, 0, 1, 8}},
                       {"run/network/conv1/codes", std::vector<int8_t>{-2, 1}},
                       {"run/counts", std::vector<int32_t>{3}},
                       {"run/changes", std::vector<uint64_t>{5, 7}},
                       {"result/training/loss", std::vector<double>{1.5}},
                       {"run/failures", std::vector<std::string>{"int8: no images"}}};
  Checkpoints(std::filesystem::path(arguments[1]) / "checkpoints")
      .write(50, fabricated::facts(), state);
  return 0;
}
