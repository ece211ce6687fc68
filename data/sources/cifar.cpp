#include "data/sources/cifar.h"

#include "data/sources/file_bytes.h"
#include "data/sources/stored_dataset.h"

namespace quantdyn {
namespace {

constexpr int64_t side = 32, channels = 3, plane = side * side, pixels = plane * channels;

void to_channels_last(const uint8_t* planes, uint8_t* out) {
  for (int64_t k = 0; k < plane; ++k)
    for (int64_t c = 0; c < channels; ++c) out[k * channels + c] = planes[c * plane + k];
}

}  // namespace

std::unique_ptr<Dataset> read_cifar(std::string name,
                                    const std::vector<std::filesystem::path>& files,
                                    int64_t images_per_file, const CifarFormat& format) {
  const int64_t record = format.label_bytes + pixels;
  StoredDataset<uint8_t>::Content content{
      std::move(name), {side, side, channels}, format.classes, {}, {}};
  const int64_t images = images_per_file * static_cast<int64_t>(files.size());
  content.pixels.resize(static_cast<size_t>(images * pixels));
  content.labels.reserve(static_cast<size_t>(images));
  uint8_t* out = content.pixels.data();
  for (const auto& file : files) {
    const std::vector<uint8_t> bytes =
        read_exactly(file, images_per_file * record,
                     fmt::format("{} records of {} bytes", images_per_file, record));
    for (int64_t i = 0; i < images_per_file; ++i, out += pixels) {
      const uint8_t* from = bytes.data() + i * record;
      const int label = from[format.label];
      if (label >= format.classes)
        throw_error<ConfigError>("{}: byte {}: label {} in record {}; expected 0 to {}",
                                 file.string(), i * record + format.label, label, i,
                                 format.classes - 1);
      content.labels.push_back(label);
      to_channels_last(from + format.label_bytes, out);
    }
  }
  return std::make_unique<StoredDataset<uint8_t>>(std::move(content));
}

}  // namespace quantdyn
