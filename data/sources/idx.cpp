#include <array>

#include "data/sources/file_bytes.h"
#include "data/sources/idx_file.h"
#include "data/sources/stored_dataset.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

std::unique_ptr<Dataset> read_split(std::string name, const fs::path& image_path,
                                    const fs::path& label_path, int64_t classes) {
  IdxFile images = parse_idx(image_path.string(), read_file(image_path), 3);
  const IdxFile labels = parse_idx(label_path.string(), read_file(label_path), 1);
  if (labels.sizes[0] != images.sizes[0])
    throw_error<ConfigError>("{}: byte 4: {} labels; expected {}, one for each image of {}",
                             label_path.string(), labels.sizes[0], images.sizes[0],
                             image_path.string());
  StoredDataset<uint8_t>::Content content;
  content.name = std::move(name);
  content.sample_shape = {images.sizes[1], images.sizes[2], 1};
  content.classes = classes;
  for (int64_t i = 0; i < labels.sizes[0]; ++i) {
    const int label = labels.values[static_cast<size_t>(i)];
    if (label >= classes)
      throw_error<ConfigError>("{}: byte {}: label {}; expected 0 to {}", label_path.string(),
                               labels.header + i, label, classes - 1);
    content.labels.push_back(label);
  }
  content.pixels = std::move(images.values);
  return std::make_unique<StoredDataset<uint8_t>>(std::move(content));
}

std::unique_ptr<DatasetPair> make_idx(const Options& options) {
  const std::array<std::string, 4> keys{"train_images", "train_labels", "test_images",
                                        "test_labels"};
  std::array<fs::path, 4> files;
  for (size_t i = 0; i < keys.size(); ++i)
    files[i] = options.path(keys[i], Options::required, "IDX file of bytes, plain or .gz");
  const int64_t classes = options.integer("classes", 10, accept::between<int64_t>(1, 256),
                                          "number of classes; labels are 0 to classes - 1");
  options.finish();
  for (size_t i = 0; i < keys.size(); ++i) require_file(options, keys[i], files[i]);

  auto pair = std::make_unique<DatasetPair>();
  pair->train = read_split("idx train", files[0], files[1], classes);
  pair->test = read_split("idx test", files[2], files[3], classes);
  if (!(pair->train->sample_shape() == pair->test->sample_shape()))
    throw_error<ConfigError>("{}: byte 8: images of {}; expected {}, as in {}", files[2].string(),
                             pair->test->sample_shape().text(), pair->train->sample_shape().text(),
                             files[0].string());
  return pair;
}

const Registered<DatasetPair> idx{"idx", "IDX files, plain or .gz: MNIST, Fashion-MNIST and others",
                                  make_idx};

}  // namespace
}  // namespace quantdyn
