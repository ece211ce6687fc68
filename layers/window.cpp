#include "layers/window.h"

#include <algorithm>
#include <charconv>

namespace quantdyn {
namespace {

constexpr int64_t largest = 4096;  // keeps every product of sizes far from overflow

/// One number means both axes.
void spread(std::vector<int64_t>& sizes, const Options& options, const std::string& key) {
  if (sizes.size() == 1) sizes.push_back(sizes[0]);
  if (sizes.size() != 2)
    options.refuse(
        key, fmt::format("found {} numbers, accepted: one, or [height, width]", sizes.size()));
}

int64_t parse_pad(const std::string& word, const Options& options) {
  int64_t value = -1;
  const char* const end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, value);
  if (error != std::errc() || stop != end || value < 0 || value > largest)
    options.refuse("padding",
                   fmt::format("found '{}', accepted: same, valid, or one, two [h, w] or four "
                               "[top, bottom, left, right] whole numbers from 0 to {}",
                               word, largest));
  return value;
}

struct Span {
  int64_t out, before, after;
};

Span same(int64_t in, int64_t kernel, int64_t stride) {
  const int64_t out = (in + stride - 1) / stride;
  const int64_t total = std::max<int64_t>((out - 1) * stride + kernel - in, 0);
  return {out, total / 2, total - total / 2};
}

Span padded(int64_t in, int64_t kernel, int64_t stride, int64_t before, int64_t after) {
  const int64_t room = in + before + after - kernel;
  return {room < 0 ? 0 : room / stride + 1, before, after};
}

}  // namespace

Window::Window(const Options& options, std::optional<std::vector<int64_t>> kernel,
               std::optional<std::vector<int64_t>> stride, const std::string& padding)
    : kernel_(options.integers("kernel", std::move(kernel), accept::between<int64_t>(1, largest),
                               "window in pixels: one number or [height, width]")),
      stride_(options.integers("stride", stride ? std::move(stride) : kernel_,
                               accept::between<int64_t>(1, largest),
                               "step in pixels: one number or [height, width]")),
      padding_words_(options.texts("padding", {{padding}},
                                   "same (TensorFlow's rule), valid, or pixels: one number, "
                                   "[h, w] or [top, bottom, left, right]")) {}

void Window::check(const Options& options) {
  spread(kernel_, options, "kernel");
  spread(stride_, options, "stride");
  if (padding_words_ == std::vector<std::string>{"same"}) {
    padding_ = Padding::same;
    return;
  }
  if (padding_words_ == std::vector<std::string>{"valid"}) {
    padding_ = Padding::valid;
    return;
  }
  for (const std::string& word : padding_words_) pads_.push_back(parse_pad(word, options));
  if (pads_.size() == 1) pads_.assign(4, pads_[0]);
  if (pads_.size() == 2) pads_ = {pads_[0], pads_[0], pads_[1], pads_[1]};
  if (pads_.size() != 4)
    options.refuse("padding", fmt::format("found {} numbers, accepted: one, [h, w] or "
                                          "[top, bottom, left, right]",
                                          pads_.size()));
}

Convolution Window::over(const Shape& input, std::string_view kind) const {
  const auto along = [&](int axis) {
    const int64_t in = input[axis], kernel = kernel_[axis], stride = stride_[axis];
    switch (padding_) {
      case Padding::same:
        return same(in, kernel, stride);
      case Padding::valid:
        return padded(in, kernel, stride, 0, 0);
      case Padding::numbers:
        return padded(in, kernel, stride, pads_[2 * axis], pads_[2 * axis + 1]);
    }
    return Span{};
  };
  const Span h = along(0), w = along(1);
  if (h.out < 1 || w.out < 1)
    throw_error(
        "{}: the kernel [{}, {}] does not fit into the input {} padded to [{}, {}]; accepted: at "
        "most that size",
        kind, kernel_[0], kernel_[1], input.text(), input[0] + h.before + h.after,
        input[1] + w.before + w.after);
  return {.in_h = input[0],
          .in_w = input[1],
          .in_c = input[2],
          .out_h = h.out,
          .out_w = w.out,
          .out_c = input[2],
          .kernel_h = kernel_[0],
          .kernel_w = kernel_[1],
          .stride_h = stride_[0],
          .stride_w = stride_[1],
          .pad_top = h.before,
          .pad_bottom = h.after,
          .pad_left = w.before,
          .pad_right = w.after};
}

}  // namespace quantdyn
