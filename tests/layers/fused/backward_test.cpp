// Both gradients of a convolution at once, with the gradient of its results made on demand.
#include <boost/test/unit_test.hpp>
#include <memory>
#include <vector>

#include "layers/fused/convolution_kernel.h"
#include "tests/every_target.h"
#include "tests/layers/fused/random_values.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

Convolution square(int64_t size, int64_t channels, int64_t kernel, int64_t stride) {
  const int64_t pad = kernel / 2, out = (size + 2 * pad - kernel) / stride + 1;
  Convolution c;
  c.in_h = c.in_w = size, c.in_c = channels;
  c.out_h = c.out_w = out, c.out_c = channels;
  c.kernel_h = c.kernel_w = kernel, c.stride_h = c.stride_w = stride;
  c.pad_top = c.pad_bottom = c.pad_left = c.pad_right = pad;
  return c;
}

struct Gradients {
  std::vector<float> weight, input;
};

/// What a kernel and three images have in common.
struct Case {
  static constexpr int64_t images = 3;

  Convolution conv;
  std::unique_ptr<ConvolutionKernel> kernel;
  std::vector<float> x, dy, weight, scale, shift, scratch;
  ChannelMap map;

  explicit Case(std::unique_ptr<ConvolutionKernel> made)
      : conv(made->conv),
        kernel(std::move(made)),
        x(random_values(images * conv.in_h * conv.in_w * conv.in_c, 1)),
        dy(random_values(rows() * conv.out_c, 2)),
        weight(random_values(conv.fan_in() * conv.out_c, 3)),
        scale(random_values(conv.in_c, 4)),
        shift(random_values(conv.in_c, 5)),
        scratch(static_cast<size_t>(kernel->scratch_floats())),
        map{scale.data(), shift.data(), FusedActivation::relu} {
    kernel->prepare_backward(weight.data());
  }
  int64_t rows() const { return images * conv.out_h * conv.out_w; }
  Gradients start() const { return {std::vector<float>(weight.size()), x}; }

  Gradients one_after_the_other(const ChannelMap* input) {
    Gradients out = start();
    kernel->backward_weights({x.data(), input}, dy.data(), images, out.weight.data(),
                             scratch.data());
    kernel->backward_data(dy.data(), images, out.input.data(), Accumulate::yes, scratch.data());
    return out;
  }
  /// Rows that have not been made are NaN.
  Gradients at_once(const ChannelMap* input) {
    Gradients out = start();
    std::vector<float> made(dy.size(), std::numeric_limits<float>::quiet_NaN());
    int64_t next = 0;
    const auto make = [&](int64_t first, int64_t count, int64_t place) -> const float* {
      BOOST_TEST(first == next);
      next = first + count;
      BOOST_TEST(next <= rows());
      BOOST_TEST(place + count <= rows());
      std::copy_n(dy.data() + first * conv.out_c, count * conv.out_c,
                  made.data() + place * conv.out_c);
      return made.data() + place * conv.out_c;
    };
    kernel->backward({x.data(), input}, {make, {dy.data(), nullptr}, rows()}, images,
                     out.weight.data(), out.input.data(), Accumulate::yes, scratch.data());
    BOOST_TEST(next == rows());
    return out;
  }
};

void check(const Convolution& conv,
           const std::function<std::unique_ptr<ConvolutionKernel>(const Convolution&)>& make) {
  on_every_target([&](const std::string& target) {
    BOOST_TEST_CONTEXT(target << ", " << conv.in_h << "x" << conv.in_w << "x" << conv.in_c
                              << ", kernel " << conv.kernel_h << ", stride " << conv.stride_h) {
      Case one(make(conv));
      for (const ChannelMap* input :
           {static_cast<const ChannelMap*>(nullptr), static_cast<const ChannelMap*>(&one.map)}) {
        const Gradients expected = one.one_after_the_other(input), found = one.at_once(input);
        BOOST_TEST(bits(found.weight) == bits(expected.weight));
        BOOST_TEST(bits(found.input) == bits(expected.input));
      }
    }
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(backward_test)

BOOST_AUTO_TEST_CASE(depthwise_gradients_at_once_have_the_bits_of_one_after_the_other) {
  for (const int64_t stride : {1, 2, 3})
    for (const int64_t size : {1, 2, 7, 10})
      check(square(size, 19, 3, stride), make_depthwise_convolution);
  check(square(9, 4, 5, 2), make_depthwise_convolution);
  check(square(6, 17, 1, 2), make_depthwise_convolution);  // pixels that no tap reaches
}

BOOST_AUTO_TEST_CASE(bands_of_a_large_image_have_the_bits_of_the_whole) {
  for (const int64_t stride : {1, 2}) check(square(43, 33, 3, stride), make_depthwise_convolution);
}

BOOST_AUTO_TEST_CASE(pointwise_gradients_at_once_have_the_bits_of_one_after_the_other) {
  Convolution conv = square(9, 17, 1, 1);
  conv.out_c = 70;
  check(conv, make_direct_convolution);
}

BOOST_AUTO_TEST_CASE(other_convolutions_have_the_bits_of_one_after_the_other) {
  check(square(7, 5, 3, 2), make_direct_convolution);
}

BOOST_AUTO_TEST_SUITE_END()
