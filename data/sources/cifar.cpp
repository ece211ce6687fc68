#include "data/sources/cifar.h"

#include "data/sources/file_bytes.h"
#include "data/sources/stored_dataset.h"
#include "framework/base/threads.h"

namespace quantdyn {
namespace {

constexpr int64_t side = 32, channels = 3, plane = side * side, pixels = plane * channels;

void to_channels_last(const uint8_t* planes, uint8_t* out) {
  for (int64_t k = 0; k < plane; ++k)
    for (int64_t c = 0; c < channels; ++c) out[k * channels + c] = planes[c * plane + k];
}

}  // namespace

void parse_cifar(const std::string& name, std::span<const uint8_t> file, const CifarFormat& format,
                 std::vector<int32_t>& labels, std::vector<uint8_t>& out) {
  const int64_t record = format.label_bytes + pixels;
  const int64_t records = static_cast<int64_t>(file.size()) / record;
  const size_t before = out.size(), labels_before = labels.size();
  out.resize(before + static_cast<size_t>(records * pixels));
  labels.resize(labels_before + static_cast<size_t>(records));
  parallel_for(records, [&](int64_t i, int) {
    const uint8_t* from = file.data() + i * record;
    const int label = from[format.label];
    if (label >= format.classes)
      throw_error<ConfigError>("{}: byte {}: label {} in record {}; expected 0 to {}", name,
                               i * record + format.label, label, i, format.classes - 1);
    labels[labels_before + static_cast<size_t>(i)] = label;
    to_channels_last(from + format.label_bytes, out.data() + before + i * pixels);
  });
}

std::unique_ptr<Dataset> read_cifar(std::string name,
                                    const std::vector<std::filesystem::path>& files,
                                    int64_t images_per_file, const CifarFormat& format) {
  const int64_t record = format.label_bytes + pixels;
  for (const auto& file : files)  // before memory is taken for what they should hold
    require_size(file, images_per_file * record,
                 fmt::format("{} records of {} bytes", images_per_file, record));
  StoredDataset<uint8_t>::Content content{
      std::move(name), {side, side, channels}, format.classes, {}, {}};
  const int64_t images = images_per_file * static_cast<int64_t>(files.size());
  content.pixels.reserve(static_cast<size_t>(images * pixels));
  content.labels.reserve(static_cast<size_t>(images));
  for (const auto& file : files) {
    const std::vector<uint8_t> bytes = read_file(file);
    if (static_cast<int64_t>(bytes.size()) != images_per_file * record)
      throw_error<ConfigError>("{}: changed its size while it was read", file.string());
    parse_cifar(file.string(), bytes, format, content.labels, content.pixels);
  }
  return std::make_unique<StoredDataset<uint8_t>>(std::move(content));
}

}  // namespace quantdyn
