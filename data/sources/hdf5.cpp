#include <algorithm>

#include "data/pixel_hash.h"
#include "data/sources/file_bytes.h"
#include "data/sources/file_dataset.h"
#include "data/sources/shared_split.h"
#include "data/sources/stored_dataset.h"
#include "framework/base/trial.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;
using Layout = Hdf5Images::Layout;

constexpr int64_t mib = 1 << 20;
constexpr int64_t largest_chunk = 64 * mib;  // where less is kept in memory

/// Where the arrays of one split are.
struct Source {
  fs::path file;
  std::string x, y;
};

/// What both splits share.
struct Reading {
  Layout layout;
  int64_t classes;
  int64_t memory;  ///< bytes of pixels of a split that are kept in memory: all, or the last chunks
};

[[noreturn]] void refuse(const h5::Dataset& array, const std::string& message) {
  throw_error<ConfigError>("{}: {}", array.where(), message);
}

std::vector<int32_t> read_labels(const h5::Dataset& y, int64_t images, int64_t classes) {
  const std::vector<int64_t> sizes = y.sizes();
  if (y.content() != h5::Content::integers) refuse(y, "expected whole numbers, found another type");
  if (sizes.size() != 1 || sizes[0] != images)
    refuse(y, fmt::format("shape [{}]; expected [{}], a label for each image",
                          fmt::join(sizes, ", "), images));
  std::vector<int32_t> labels;
  for (const int64_t label : y.read<int64_t>()) {
    if (label < 0 || label >= classes)
      refuse(y, fmt::format("entry {}: label {}; expected 0 to {}", labels.size(), label,
                            classes - 1));
    labels.push_back(static_cast<int32_t>(label));
  }
  return labels;
}

/// What one pass over the pixels finds; refuses values that are not finite.
struct Check {
  bool are_bytes;
  std::string sha256;
};

Check check_pixels(const Hdf5Images& images, const std::vector<int32_t>& labels) {
  if (images.array().holds_bytes()) {
    Sha256 hash;
    images.for_each_block<uint8_t>([&](int64_t, const std::vector<uint8_t>& pixels) {
      hash.add(std::as_bytes(std::span(pixels)));
    });
    hash.add(std::as_bytes(std::span(labels)));
    return {true, hash.finish()};
  }
  PixelHash hash;
  images.for_each_block<float>([&](int64_t first, const std::vector<float>& pixels) {
    images.require_finite(first, pixels);
    hash.add(pixels);
  });
  const bool are_bytes = hash.are_bytes();
  return {are_bytes, hash.finish(labels)};
}

template <typename Pixel>
std::unique_ptr<Dataset> make_split(const std::string& name, Hdf5Images images,
                                    std::vector<int32_t> labels, std::string sha256,
                                    const Reading& how) {
  const int64_t elements = images.sample_shape().elements();
  const auto bytes = [&](int64_t count) {
    return count * elements * static_cast<int64_t>(sizeof(Pixel));
  };
  if (bytes(images.size()) <= how.memory) {
    std::vector<Pixel> pixels(static_cast<size_t>(images.size() * elements));
    images.for_each_block<Pixel>([&](int64_t first, const std::vector<Pixel>& block) {
      std::ranges::copy(block, pixels.begin() + first * elements);
    });
    return std::make_unique<StoredDataset<Pixel>>(typename StoredDataset<Pixel>::Content{
        name, images.sample_shape(), how.classes, std::move(pixels), std::move(labels),
        images.images_per_block()});
  }
  if (const int64_t together = images.images_per_block();
      together > 1 && bytes(together) > std::max(how.memory, largest_chunk))
    refuse(
        images.array(),
        fmt::format("{} images lie in one HDF5 chunk, {} MiB of pixels; expected smaller chunks, "
                    "or memory_mib of at least {}, which holds all images",
                    together, bytes(together) / mib, bytes(images.size()) / mib + 1));
  return std::make_unique<FileDataset<Pixel>>(
      std::move(images), typename FileDataset<Pixel>::Content{name, how.classes, std::move(labels),
                                                              std::move(sha256), how.memory});
}

/// Images of whole numbers from 0 to 255 are taken as bytes whatever their type in the file, others
/// as float.
std::unique_ptr<Dataset> read_split(const std::string& name, const Source& source,
                                    const Reading& how) {
  Hdf5Images images(source.file, source.x, how.layout);
  const h5::File file = h5::File::open(source.file);
  std::vector<int32_t> labels = read_labels(file.dataset(source.y), images.size(), how.classes);
  Check check = check_pixels(images, labels);
  return check.are_bytes ? make_split<uint8_t>(name, std::move(images), std::move(labels),
                                               std::move(check.sha256), how)
                         : make_split<float>(name, std::move(images), std::move(labels),
                                             std::move(check.sha256), how);
}

/// All that read_split() will read.
void try_split(const Source& source, Layout layout) {
  try_reading(source.file, 20, [&] {
    const Hdf5Images images(source.file, source.x, layout);
    if (images.array().holds_bytes())
      images.for_each_block<uint8_t>([](int64_t, const auto&) {});
    else
      images.for_each_block<float>([](int64_t, const auto&) {});
    h5::File::open(source.file).dataset(source.y).read<int64_t>();
  });
}

/// Whether both splits are the same arrays, under whatever names.
bool are_same(const Source& a, const Source& b) {
  std::error_code unreadable;
  if (!fs::equivalent(a.file, b.file, unreadable)) return false;
  const h5::File file = h5::File::open(a.file);
  return file.dataset(a.x).is_same_as(file.dataset(b.x)) &&
         file.dataset(a.y).is_same_as(file.dataset(b.y));
}

std::unique_ptr<DatasetPair> read_pair(const Source& train, const Source& test,
                                       const Reading& how) try {
  auto pair = std::make_unique<DatasetPair>();
  try_split(train, how.layout);
  if (are_same(train, test)) {
    const std::shared_ptr<const Dataset> both = read_split("hdf5", train, how);
    pair->train = std::make_unique<SharedSplit>("hdf5 train", both);
    pair->test = std::make_unique<SharedSplit>("hdf5 test", both);
    return pair;
  }
  try_split(test, how.layout);
  pair->train = read_split("hdf5 train", train, how);
  pair->test = read_split("hdf5 test", test, how);
  if (!(pair->train->sample_shape() == pair->test->sample_shape()))
    throw_error<ConfigError>("{}: {}: images of {}; expected {}, as in {}: {}", test.file.string(),
                             test.x, pair->test->sample_shape().text(),
                             pair->train->sample_shape().text(), train.file.string(), train.x);
  return pair;
} catch (const ConfigError&) {
  throw;
} catch (const Error& error) {  // a bad dataset is the user's error, found before any compute
  throw ConfigError(error.what());
}

std::unique_ptr<DatasetPair> make_hdf5(const Options& options) {
  const fs::path file = options.path("file", "", "HDF5 file that holds both splits");
  Source train, test;
  train.file = options.path("train_file", "", "HDF5 file of the training split, in place of file");
  test.file = options.path("test_file", "", "HDF5 file of the test split, in place of file");
  const std::string images = "path in the file: images [N,H,W,C] or [N,H,W], any number type";
  const std::string labels = "path in the file: labels [N], any integer type";
  train.x = options.text("train_x", Options::required, images);
  train.y = options.text("train_y", Options::required, labels);
  test.x = options.text("test_x", Options::required, images);
  test.y = options.text("test_y", Options::required, labels);
  const auto layout = options.choice<Layout>("layout", Layout::nhwc,
                                             {{"nhwc", Layout::nhwc}, {"nchw", Layout::nchw}},
                                             "order of the images' axes: channels last, or first");
  const int64_t classes =
      options.integer("classes", Options::required, accept::between<int64_t>(1, 1 << 20),
                      "number of classes; labels are 0 to classes - 1");
  const int64_t memory = options.integer(
      "memory_mib", 1024, accept::between<int64_t>(0, 1 << 24),
      "pixels of a split kept in memory, in MiB; of a larger one the HDF5 chunks read last");
  options.finish();
  const bool is_one = !file.empty(), is_two = !train.file.empty() && !test.file.empty();
  if (is_one ? !train.file.empty() || !test.file.empty() : !is_two)
    options.refuse("", "accepted: either file, or both train_file and test_file");
  if (is_one) train.file = test.file = file;
  require_file(options, is_one ? "file" : "train_file", train.file);
  require_file(options, is_one ? "file" : "test_file", test.file);

  return read_pair(train, test, {layout, classes, memory * mib});
}

const Registered<DatasetPair> hdf5{"hdf5", "arrays of an HDF5 file: how to bring your own images",
                                   make_hdf5};

}  // namespace
}  // namespace quantdyn
