// A snapshot's file for raw tensors, read back.
#pragma once

#include <map>
#include <string>

#include "experiments/results/result.h"
#include "framework/base/tensor.h"
#include "tests/experiments/output_folder.h"

namespace quantdyn::test {

class TensorFile {
 public:
  TensorFile() { std::filesystem::create_directories(folder_.path); }

  /// Calls `act` with a snapshot to write into; every tensor of its file, by "node/tensor".
  template <typename Act>
  std::map<std::string, Tensor<float>> tensors_of(const Act& act) const {
    const std::filesystem::path path = folder_.path / "snapshot.h5";
    BegunSnapshot begun{3, h5::File::create(path)};
    act(begun);
    begun.file.commit();
    std::map<std::string, Tensor<float>> out;
    const h5::File file = h5::File::open(path);
    if (!file.has("tensors/3")) return out;
    const h5::Group nodes = file.group("tensors/3");
    for (const std::string& node : nodes.names())
      for (const std::string& name : nodes.group(node).names()) {
        const h5::Dataset array = nodes.group(node).dataset(name);
        Tensor<float> values{Shape(array.sizes())};
        std::ranges::copy(array.read<float>(), values.data());
        out[node + "/" + name] = std::move(values);
      }
    return out;
  }

 private:
  OutputFolder folder_;
};

}  // namespace quantdyn::test
