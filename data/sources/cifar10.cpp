#include "data/sources/cifar.h"
#include "data/sources/file_bytes.h"

namespace quantdyn {
namespace {

std::unique_ptr<DatasetPair> make_cifar10(const Options& options) {
  const auto directory = options.path(
      "directory", Options::required,
      "folder of the binary version: data_batch_1.bin to data_batch_5.bin, test_batch.bin");
  const int64_t images =
      options.integer("images_per_file", 10000, accept::between<int64_t>(1, 1 << 20),
                      "records in each of the six files");
  options.finish();
  std::vector<std::filesystem::path> train;
  for (int i = 1; i <= 5; ++i) train.push_back(directory / fmt::format("data_batch_{}.bin", i));
  const auto test = directory / "test_batch.bin";
  for (const auto& file : train) require_file(options, "directory", file);
  require_file(options, "directory", test);

  const CifarFormat format{.label_bytes = 1, .label = 0, .classes = 10};
  auto pair = std::make_unique<DatasetPair>();
  pair->train = read_cifar("cifar10 train", train, images, format);
  pair->test = read_cifar("cifar10 test", {test}, images, format);
  return pair;
}

const Registered<DatasetPair> cifar10{
    "cifar10", "CIFAR-10, binary version: 32 x 32 colour images in 10 classes", make_cifar10};

}  // namespace
}  // namespace quantdyn
