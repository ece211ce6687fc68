#include <vector>

#include "data/dataset.h"
#include "data/sources/cifar.h"
#include "data/sources/idx_file.h"
#include "tests/fuzz/targets.h"

namespace quantdyn::test {

void fuzz_cifar(Bytes file) {
  for (const CifarFormat& format : {CifarFormat{1, 0, 10}, CifarFormat{2, 1, 100}})
    expect_error_at_most([&] {
      std::vector<int32_t> labels;
      std::vector<uint8_t> pixels;
      parse_cifar("fuzz.bin", file, format, labels, pixels);
    });
}

void fuzz_idx(Bytes file) {
  for (const int axes : {1, 3}) expect_error_at_most([&] { parse_idx("fuzz.idx", file, axes); });
}

void fuzz_hdf5(Bytes file) {
  if (file.empty()) return;
  const auto path = as_file(file.first(file.size() - 1));
  const bool is_kept = file.back() % 2 == 1;  // both with each file would be half of the files
  expect_error_at_most([&] {
    const auto data = DatasetRegistry::instance().make(Options::from_text(
        fmt::format("{{name: hdf5, file: {}, train_x: x, train_y: y, test_x: x, test_y: y, "
                    "classes: 10, layout: {}, memory_mib: {}}}",
                    path.string(), is_kept ? "nchw" : "nhwc", is_kept ? 1 : 0),
        "fuzz.yaml", {}));
    std::vector<float> x(static_cast<size_t>(data->train->sample_shape().elements()));
    data->train->get(data->train->size() - 1, x.data());
  });
}

}  // namespace quantdyn::test
