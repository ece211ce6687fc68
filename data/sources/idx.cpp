#include <array>

#include "data/sources/file_bytes.h"
#include "data/sources/stored_dataset.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

/// An IDX file (LeCun, Cortes and Burges 1998): two zero bytes, a type (8: bytes), the number of
/// axes, the sizes as big-endian 32-bit words, then the values.
struct IdxFile {
  std::vector<int64_t> sizes;
  std::vector<uint8_t> bytes;  ///< header included
  int64_t header = 0;

  const uint8_t* values() const { return bytes.data() + header; }
};

int64_t big_endian(const uint8_t* p) {
  return static_cast<int64_t>(p[0]) << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/// Whether the product of all sizes is `count`, without overflow (each size is below 2^32).
bool product_is(const std::vector<int64_t>& sizes, int64_t count) {
  int64_t product = 1;
  for (const int64_t size : sizes) {
    if (size != 0 && product > count / size) return false;
    product *= size;
  }
  return product == count;
}

/// Reads and checks a file of bytes with the given number of axes.
IdxFile read_idx(const fs::path& path, int axes) {
  IdxFile file;
  file.bytes = read_maybe_gzip(path);
  file.header = 4 + 4 * axes;
  const auto length = static_cast<int64_t>(file.bytes.size());
  const std::array<int, 4> magic{0, 0, 8, axes};
  for (size_t i = 0; i < magic.size() && static_cast<int64_t>(i) < length; ++i)
    if (file.bytes[i] != magic[i])
      throw_error<ConfigError>("{}: byte {}: expected {} (IDX, unsigned bytes, {} axes), found {}",
                               path.string(), i, magic[i], axes, file.bytes[i]);
  if (length < file.header)
    throw_error<ConfigError>("{}: byte {}: the file ends here; expected an IDX header of {} bytes",
                             path.string(), length, file.header);
  for (int axis = 0; axis < axes; ++axis) {
    const int64_t offset = 4 + 4 * axis, size = big_endian(file.bytes.data() + offset);
    if (size == 0)
      throw_error<ConfigError>("{}: byte {}: axis {} has size 0; expected at least 1",
                               path.string(), offset, axis);
    file.sizes.push_back(size);
  }
  if (!product_is(file.sizes, length - file.header))
    throw_error<ConfigError>(
        "{}: byte {}: the file ends here; expected {} bytes of header and {} of values",
        path.string(), length, file.header, fmt::join(file.sizes, " x "));
  return file;
}

std::unique_ptr<Dataset> read_split(std::string name, const fs::path& image_path,
                                    const fs::path& label_path, int64_t classes) {
  IdxFile images = read_idx(image_path, 3);
  const IdxFile labels = read_idx(label_path, 1);
  if (labels.sizes[0] != images.sizes[0])
    throw_error<ConfigError>("{}: byte 4: {} labels; expected {}, one for each image of {}",
                             label_path.string(), labels.sizes[0], images.sizes[0],
                             image_path.string());
  StoredDataset<uint8_t>::Content content;
  content.name = std::move(name);
  content.sample_shape = {images.sizes[1], images.sizes[2], 1};
  content.classes = classes;
  for (int64_t i = 0; i < labels.sizes[0]; ++i) {
    const int label = labels.values()[i];
    if (label >= classes)
      throw_error<ConfigError>("{}: byte {}: label {}; expected 0 to {}", label_path.string(),
                               labels.header + i, label, classes - 1);
    content.labels.push_back(label);
  }
  content.pixels = std::move(images.bytes);
  content.pixels.erase(content.pixels.begin(), content.pixels.begin() + images.header);
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
