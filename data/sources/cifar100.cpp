#include "data/sources/cifar.h"
#include "data/sources/file_bytes.h"

namespace quantdyn {
namespace {

enum class Labels { coarse, fine };

std::unique_ptr<DatasetPair> make_cifar100(const Options& options) {
  const auto directory = options.path("directory", Options::required,
                                      "folder of the binary version: train.bin, test.bin");
  const auto labels = options.choice<Labels>(
      "labels", Labels::fine, {{"fine", Labels::fine}, {"coarse", Labels::coarse}},
      "which labels: 100 fine classes or the 20 coarse ones that group them");
  const auto size = accept::between<int64_t>(1, 1 << 20);
  const int64_t train = options.integer("train_images", 50000, size, "records in train.bin");
  const int64_t test = options.integer("test_images", 10000, size, "records in test.bin");
  options.finish();
  require_file(options, "directory", directory / "train.bin");
  require_file(options, "directory", directory / "test.bin");

  const bool is_fine = labels == Labels::fine;
  const CifarFormat format{
      .label_bytes = 2, .label = is_fine ? 1 : 0, .classes = is_fine ? 100 : 20};
  const std::string name = is_fine ? "cifar100" : "cifar100 coarse";
  auto pair = std::make_unique<DatasetPair>();
  pair->train = read_cifar(name + " train", {directory / "train.bin"}, train, format);
  pair->test = read_cifar(name + " test", {directory / "test.bin"}, test, format);
  return pair;
}

const Registered<DatasetPair> cifar100{
    "cifar100", "CIFAR-100, binary version: 32 x 32 colour images in 100 (or 20) classes",
    make_cifar100};

}  // namespace
}  // namespace quantdyn
