#include "data/sources/hdf5_images.h"

#include <algorithm>
#include <cmath>

#include "framework/config/options.h"

namespace quantdyn {
namespace {

using Layout = Hdf5Images::Layout;

Shape sample_shape_of(const h5::Dataset& x, Layout layout) {
  const std::vector<int64_t> sizes = x.sizes();
  const std::string found = fmt::format("[{}]", fmt::join(sizes, ", "));
  if (sizes.size() != 3 && sizes.size() != 4)
    throw_error<ConfigError>("{}: shape {}; expected {} or [N,H,W]", x.where(), found,
                             layout == Layout::nhwc ? "[N,H,W,C]" : "[N,C,H,W]");
  if (std::ranges::find(sizes, 0) != sizes.end())
    throw_error<ConfigError>("{}: shape {}; expected sizes of at least 1", x.where(), found);
  if (sizes.size() == 3) return {sizes[1], sizes[2], 1};
  if (layout == Layout::nchw) return {sizes[2], sizes[3], sizes[1]};
  return {sizes[1], sizes[2], sizes[3]};
}

}  // namespace

Hdf5Images::Hdf5Images(const std::filesystem::path& file, const std::string& array, Layout layout)
    : file_(h5::File::open(file)),
      array_(file_.dataset(array)),
      layout_(layout),
      shape_(sample_shape_of(array_, layout)),
      size_(array_.sizes()[0]),
      images_per_block_(std::min(array_.rows_per_chunk(), size_)),
      file_bytes_(std::filesystem::file_size(file)),
      written_(std::filesystem::last_write_time(file)) {}

void Hdf5Images::require_unchanged() const {
  std::error_code lost;
  if (std::filesystem::file_size(file_.path(), lost) != file_bytes_ || lost ||
      std::filesystem::last_write_time(file_.path(), lost) != written_ || lost)
    throw_error<Error>(
        "{}: the file has changed since its images were checked; expected no change during the run",
        array_.where());
}

template <typename Pixel>
void Hdf5Images::read(int64_t first, int64_t count, Pixel* out) const {
  require_unchanged();
  const int64_t elements = shape_.elements(), plane = shape_.rows(), channels = shape_.channels();
  if (layout_ == Layout::nhwc || channels == 1) {
    array_.read_rows(h5::type_of<Pixel>(), first, count, out);
    return require_unchanged();
  }
  const auto planes = array_.read_rows<Pixel>(first, count);
  require_unchanged();
  for (int64_t i = 0; i < count; ++i) {
    const Pixel* from = planes.data() + i * elements;
    Pixel* to = out + i * elements;
    for (int64_t k = 0; k < plane; ++k)
      for (int64_t c = 0; c < channels; ++c) to[k * channels + c] = from[c * plane + k];
  }
}

template <typename Pixel>
void Hdf5Images::for_each_block(
    const std::function<void(int64_t, const std::vector<Pixel>&)>& use) const {
  const int64_t elements = shape_.elements();
  int64_t step = std::max<int64_t>(1, (4 << 20) / elements);  // 16 MB of floats
  step = std::max(step / images_per_block_, int64_t{1}) * images_per_block_;
  std::vector<Pixel> pixels;
  for (int64_t first = 0; first < size_; first += step) {
    const int64_t count = std::min(step, size_ - first);
    pixels.resize(static_cast<size_t>(count * elements));
    read(first, count, pixels.data());
    use(first, pixels);
  }
}

void Hdf5Images::require_finite(int64_t first, const std::vector<float>& pixels) const {
  const auto found = std::ranges::find_if(pixels, [](float x) { return !std::isfinite(x); });
  if (found == pixels.end()) return;
  const int64_t place = found - pixels.begin(), elements = shape_.elements();
  const int64_t in_image = place % elements, channels = shape_.channels();
  const int64_t stored = layout_ == Layout::nhwc
                             ? in_image
                             : in_image % channels * shape_.rows() + in_image / channels;
  throw_error<ConfigError>("{}: entry {}, element {}: {}; expected a finite number", array_.where(),
                           first + place / elements, stored, *found);
}

template void Hdf5Images::read<uint8_t>(int64_t, int64_t, uint8_t*) const;
template void Hdf5Images::read<float>(int64_t, int64_t, float*) const;
template void Hdf5Images::for_each_block<uint8_t>(
    const std::function<void(int64_t, const std::vector<uint8_t>&)>&) const;
template void Hdf5Images::for_each_block<float>(
    const std::function<void(int64_t, const std::vector<float>&)>&) const;

}  // namespace quantdyn
