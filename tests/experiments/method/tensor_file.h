// Raw tensors of a snapshot, read back from their file.
#pragma once

#include <fstream>
#include <map>
#include <string>

#include "experiments/results/raw_file.h"
#include "framework/base/tensor.h"
#include "tests/experiments/output_folder.h"

namespace quantdyn::test {

class TensorFile {
 public:
  TensorFile() { std::filesystem::create_directories(folder_.path); }

  /// Calls `act` with a snapshot to write into; every tensor of its file, by "node/tensor".
  template <typename Act>
  std::map<std::string, Tensor<float>> tensors_of(const Act& act) const {
    const auto begin = h5::File::values_begin;
    BegunSnapshot begun(std::make_shared<RawFile>(folder_.path, begin), begin);
    act(begun);
    const RawTable table = begun.finish();
    std::map<std::string, Tensor<float>> out;
    std::ifstream in(folder_.path / RawFile::file_name, std::ios::binary);
    for (const RawTable::Array& array : table.arrays) {
      Tensor<float> values(array.shape);
      in.seekg(array.offset);
      in.read(reinterpret_cast<char*>(values.data()),
              array.shape.elements() * static_cast<std::streamoff>(sizeof(float)));
      out[array.node + "/" + array.tensor] = std::move(values);
    }
    return out;
  }

 private:
  OutputFolder folder_;
};

}  // namespace quantdyn::test
