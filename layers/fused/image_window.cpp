#include "layers/fused/image_window.h"

#include <algorithm>

#include "layers/fused/rows.h"

namespace quantdyn {

void ImageSource::load(int64_t at, int64_t row, int64_t rows, int64_t channels,
                       int64_t first_channel, float* to) const {
  if (copying && !map)
    return copying->apply_to({data + at, rows, channels, row, 0, first_channel, 0, 0}, to);
  constexpr int64_t cached_floats = 1024;  // while they are transformed, the next ones arrive
  const int64_t most = transform ? std::max<int64_t>(1, cached_floats / channels) : rows;
  for (int64_t done = 0; done < rows; done += most) {
    const int64_t count = std::min(most, rows - done);
    const float* const from = data + at + done * row;
    if (map)
      apply_map(map->from(first_channel), from, row, count, channels, to);
    else if (row == channels)
      std::copy_n(from, count * channels, to);
    else
      for (int64_t r = 0; r < count; ++r) std::copy_n(from + r * row, channels, to + r * channels);
    if (transform && done + count < rows)
      for (int64_t i = 0; i < count * row; i += 16) __builtin_prefetch(from + count * row + i);
    if (transform) transform->apply({to, count, channels, channels, 0, first_channel, 0, 0});
    to += count * channels;
  }
}

int64_t ImageWindow::band(int64_t most_floats) const {
  const int64_t line_floats = stride_h * width() * group_channels;
  return std::clamp<int64_t>(most_floats / std::max<int64_t>(line_floats, 1), 1, out_h);
}

int64_t ImageWindow::scratch_floats(int64_t lines) const {
  return depth() == 0 ? 0 : rows(lines) * width() * group_channels;
}

ImageWindow::RowRange ImageWindow::image_rows(int64_t line, int64_t lines) const {
  const int64_t row = line * stride_h + first_h;
  const int64_t first = std::clamp<int64_t>(row, 0, h);
  return {first, std::clamp<int64_t>(row + rows(lines), first, h)};
}

bool ImageWindow::is_inside() const {
  return group_channels == channels && first_h >= 0 && first_w >= 0 && first_h + rows(out_h) <= h &&
         first_w + width() <= w;
}

LeftFactor ImageWindow::read(const ImageSource& image, int64_t channel, int64_t line, int64_t lines,
                             float* scratch) const {
  const int64_t row = line * stride_h + first_h;
  const auto factor = [&](const float* data, int64_t pitch) {
    return LeftFactor{data, stride_h * pitch, stride_w * group_channels, pitch, 1};
  };
  if (depth() == 0) return factor(image.data, 0);
  if (image.is_as_stored() && is_inside())
    return factor(image.data + (row * w + first_w) * channels, w * channels);
  copy_rows(image, channel, row, rows(lines), scratch);
  return factor(scratch, width() * group_channels);
}

/// Image rows [row, row + count), columns [first_w, first_w + width()), zeros outside.
void ImageWindow::copy_rows(const ImageSource& image, int64_t channel, int64_t row, int64_t count,
                            float* to) const {
  const int64_t begin = std::clamp<int64_t>(-first_w, 0, width());
  const int64_t end = std::clamp<int64_t>(w - first_w, begin, width());
  for (int64_t i = row; i < row + count; ++i) {
    const bool is_padding = i < 0 || i >= h;
    const int64_t from = is_padding ? width() : begin;
    to = std::fill_n(to, from * group_channels, 0.0f);
    if (is_padding) continue;
    image.load((i * w + first_w + begin) * channels + channel, channels, end - begin,
               group_channels, channel, to);
    to += (end - begin) * group_channels;
    to = std::fill_n(to, (width() - end) * group_channels, 0.0f);
  }
}

ImageWindow output_window(const Convolution& conv) {
  ImageWindow window{};
  window.h = conv.in_h, window.w = conv.in_w, window.channels = conv.in_c;
  window.group_channels = conv.in_c / conv.groups;
  window.taps_h = conv.kernel_h, window.taps_w = conv.kernel_w;
  window.first_h = -conv.pad_top, window.first_w = -conv.pad_left;
  window.stride_h = conv.stride_h, window.stride_w = conv.stride_w;
  window.out_h = conv.out_h, window.out_w = conv.out_w;
  window.to_line = conv.out_w * conv.out_c, window.to_row = conv.out_c;
  return window;
}

namespace {

/// Filter row r reaches input row first + i stride from output row i + (first + pad - r) / stride
/// if the division leaves no remainder; likewise for columns.
GradientPhase make_phase(const Convolution& conv, int64_t first_h, int64_t first_w) {
  GradientPhase phase{first_h, first_w, {}, {}, {}};
  for (int64_t r = conv.kernel_h; r-- > 0;)
    if ((first_h + conv.pad_top - r) % conv.stride_h == 0) phase.filter_rows.push_back(r);
  for (int64_t s = conv.kernel_w; s-- > 0;)
    if ((first_w + conv.pad_left - s) % conv.stride_w == 0) phase.filter_columns.push_back(s);
  ImageWindow& window = phase.window;
  window.h = conv.out_h, window.w = conv.out_w, window.channels = conv.out_c;
  window.group_channels = conv.out_c / conv.groups;
  window.taps_h = static_cast<int64_t>(phase.filter_rows.size());
  window.taps_w = static_cast<int64_t>(phase.filter_columns.size());
  if (window.depth() > 0) {
    window.first_h = (first_h + conv.pad_top - phase.filter_rows[0]) / conv.stride_h;
    window.first_w = (first_w + conv.pad_left - phase.filter_columns[0]) / conv.stride_w;
  }
  window.stride_h = window.stride_w = 1;
  window.out_h = (conv.in_h - first_h + conv.stride_h - 1) / conv.stride_h;
  window.out_w = (conv.in_w - first_w + conv.stride_w - 1) / conv.stride_w;
  window.to_line = conv.stride_h * conv.in_w * conv.in_c;
  window.to_row = conv.stride_w * conv.in_c;
  return phase;
}

}  // namespace

std::vector<GradientPhase> gradient_phases(const Convolution& conv) {
  std::vector<GradientPhase> phases;
  for (int64_t a = 0; a < std::min(conv.stride_h, conv.in_h); ++a)
    for (int64_t b = 0; b < std::min(conv.stride_w, conv.in_w); ++b)
      phases.push_back(make_phase(conv, a, b));
  return phases;
}

}  // namespace quantdyn
