#include "layers/fused/image_window.h"

#include <algorithm>

#include "layers/fused/rows.h"

namespace quantdyn {

int64_t ImageWindow::band(int64_t most_floats) const {
  return std::clamp<int64_t>(most_floats / (stride_h * width() * group_channels), 1, out_h);
}

int64_t ImageWindow::scratch_floats(int64_t lines) const {
  return depth() == 0 ? 0 : rows(lines) * width() * group_channels;
}

bool ImageWindow::is_inside() const {
  return group_channels == channels && first_h >= 0 && first_w >= 0 && first_h + rows(out_h) <= h &&
         first_w + width() <= w;
}

LeftFactor ImageWindow::read(const float* image, const ChannelMap* map, int64_t channel,
                             int64_t line, int64_t lines, float* scratch) const {
  const int64_t row = line * stride_h + first_h;
  const auto factor = [&](const float* data, int64_t pitch) {
    return LeftFactor{data, stride_h * pitch, stride_w * group_channels, pitch, 1};
  };
  if (!map && is_inside()) return factor(image + (row * w + first_w) * channels, w * channels);
  copy_rows(image, map, channel, row, rows(lines), scratch);
  return factor(scratch, width() * group_channels);
}

/// Image rows [row, row + count), columns [first_w, first_w + width()), zeros outside.
void ImageWindow::copy_rows(const float* image, const ChannelMap* map, int64_t channel, int64_t row,
                            int64_t count, float* to) const {
  const int64_t begin = std::clamp<int64_t>(-first_w, 0, width());
  const int64_t end = std::clamp<int64_t>(w - first_w, begin, width());
  for (int64_t i = row; i < row + count; ++i) {
    const bool is_padding = i < 0 || i >= h;
    const int64_t from = is_padding ? width() : begin;
    to = std::fill_n(to, from * group_channels, 0.0f);
    if (is_padding) continue;
    const float* pixel = image + (i * w + first_w + begin) * channels + channel;
    if (map)
      apply_map(*map, channel, pixel, channels, end - begin, group_channels, to);
    else if (group_channels == channels)
      std::copy_n(pixel, (end - begin) * channels, to);
    else
      for (int64_t j = 0; j < end - begin; ++j)
        std::copy_n(pixel + j * channels, group_channels, to + j * group_channels);
    to += (end - begin) * group_channels;
    to = std::fill_n(to, (width() - end) * group_channels, 0.0f);
  }
}

}  // namespace quantdyn
