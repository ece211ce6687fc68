#include <algorithm>
#include <cmath>

#include "data/sources/file_bytes.h"
#include "data/sources/stored_dataset.h"
#include "framework/base/trial.h"
#include "framework/h5/h5.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

enum class Layout { nhwc, nchw };

/// Where the arrays of one split are.
struct Source {
  fs::path file;
  std::string x, y;
};

[[noreturn]] void refuse(const h5::Dataset& array, const std::string& message) {
  throw_error<ConfigError>("{}: {}", array.where(), message);
}

Shape sample_shape(const h5::Dataset& x, Layout layout) {
  const std::vector<int64_t> sizes = x.sizes();
  const std::string found = fmt::format("[{}]", fmt::join(sizes, ", "));
  if (sizes.size() != 3 && sizes.size() != 4)
    refuse(x, fmt::format("shape {}; expected {} or [N,H,W]", found,
                          layout == Layout::nhwc ? "[N,H,W,C]" : "[N,C,H,W]"));
  if (std::ranges::find(sizes, 0) != sizes.end())
    refuse(x, fmt::format("shape {}; expected sizes of at least 1", found));
  if (sizes.size() == 3) return {sizes[1], sizes[2], 1};
  if (layout == Layout::nchw) return {sizes[2], sizes[3], sizes[1]};
  return {sizes[1], sizes[2], sizes[3]};
}

/// Calls use(first, count) for ranges of images of about 16 MB of floats.
template <typename Use>
void for_each_block(int64_t images, int64_t elements, const Use& use) {
  const int64_t step = std::max<int64_t>(1, (4 << 20) / elements);
  for (int64_t first = 0; first < images; first += step) use(first, std::min(step, images - first));
}

/// Whether all values are whole numbers from 0 to 255; refuses values that are not finite.
bool holds_bytes(const h5::Dataset& x, int64_t images, int64_t elements) {
  bool all = true;
  for_each_block(images, elements, [&](int64_t first, int64_t count) {
    const auto values = x.read_rows<float>(first, count);
    for (size_t k = 0; k < values.size(); ++k) {
      const float value = values[k];
      if (!std::isfinite(value))
        refuse(x, fmt::format("entry {}, element {}: {}; expected a finite number",
                              first + static_cast<int64_t>(k) / elements,
                              static_cast<int64_t>(k) % elements, value));
      all = all && value >= 0 && value <= 255 && value == std::floor(value);
    }
  });
  return all;
}

/// Reads all images as Pixel, [N,C,H,W] turned to [N,H,W,C].
template <typename Pixel>
std::vector<Pixel> read_pixels(const h5::Dataset& x, int64_t images, const Shape& shape,
                               Layout layout) {
  const int64_t elements = shape.elements(), plane = shape.rows(), channels = shape.channels();
  std::vector<Pixel> out(static_cast<size_t>(images * elements));
  if (layout == Layout::nhwc || channels == 1) {
    x.read_rows(h5::type_of<Pixel>(), 0, images, out.data());
    return out;
  }
  for_each_block(images, elements, [&](int64_t first, int64_t count) {
    const auto planes = x.read_rows<Pixel>(first, count);
    for (int64_t i = 0; i < count; ++i) {
      const Pixel* from = planes.data() + i * elements;
      Pixel* to = out.data() + (first + i) * elements;
      for (int64_t k = 0; k < plane; ++k)
        for (int64_t c = 0; c < channels; ++c) to[k * channels + c] = from[c * plane + k];
    }
  });
  return out;
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

template <typename Pixel>
std::unique_ptr<Dataset> store(std::string name, const h5::Dataset& x, const Shape& shape,
                               Layout layout, int64_t classes, std::vector<int32_t> labels) {
  const auto images = static_cast<int64_t>(labels.size());
  auto pixels = read_pixels<Pixel>(x, images, shape, layout);
  return std::make_unique<StoredDataset<Pixel>>(typename StoredDataset<Pixel>::Content{
      std::move(name), shape, classes, std::move(pixels), std::move(labels)});
}

/// Images of whole numbers from 0 to 255 are kept as bytes whatever their type in the file, others
/// as float.
std::unique_ptr<Dataset> read_split(const std::string& name, const Source& source, Layout layout,
                                    int64_t classes) try {
  const h5::File file = h5::File::open(source.file);
  const h5::Dataset x = file.dataset(source.x), y = file.dataset(source.y);
  const Shape shape = sample_shape(x, layout);
  const int64_t images = x.sizes()[0];
  std::vector<int32_t> labels = read_labels(y, images, classes);
  return holds_bytes(x, images, shape.elements())
             ? store<uint8_t>(name, x, shape, layout, classes, std::move(labels))
             : store<float>(name, x, shape, layout, classes, std::move(labels));
} catch (const ConfigError&) {
  throw;
} catch (const Error& error) {  // a bad dataset is the user's error, found before any compute
  throw ConfigError(error.what());
}

/// All that read_split() will read.
void try_split(const Source& source) {
  try_reading(source.file, 600, [&] {
    const h5::File file = h5::File::open(source.file);
    const h5::Dataset x = file.dataset(source.x);
    const std::vector<int64_t> sizes = x.sizes();
    int64_t elements = 1;
    for (size_t i = 1; i < sizes.size(); ++i) elements *= std::max<int64_t>(sizes[i], 1);
    for_each_block(sizes.at(0), elements,
                   [&](int64_t first, int64_t count) { x.read_rows<float>(first, count); });
    file.dataset(source.y).read<int64_t>();
  });
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
  options.finish();
  const bool is_one = !file.empty(), is_two = !train.file.empty() && !test.file.empty();
  if (is_one ? !train.file.empty() || !test.file.empty() : !is_two)
    options.refuse("", "accepted: either file, or both train_file and test_file");
  if (is_one) train.file = test.file = file;
  require_file(options, is_one ? "file" : "train_file", train.file);
  require_file(options, is_one ? "file" : "test_file", test.file);

  for (const Source* split : {&train, &test}) try_split(*split);
  auto pair = std::make_unique<DatasetPair>();
  pair->train = read_split("hdf5 train", train, layout, classes);
  pair->test = read_split("hdf5 test", test, layout, classes);
  if (!(pair->train->sample_shape() == pair->test->sample_shape()))
    throw_error<ConfigError>("{}: {}: images of {}; expected {}, as in {}: {}", test.file.string(),
                             test.x, pair->test->sample_shape().text(),
                             pair->train->sample_shape().text(), train.file.string(), train.x);
  return pair;
}

const Registered<DatasetPair> hdf5{"hdf5", "arrays of an HDF5 file: how to bring your own images",
                                   make_hdf5};

}  // namespace
}  // namespace quantdyn
