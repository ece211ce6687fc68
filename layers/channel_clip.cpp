#include <algorithm>

#include "framework/graph/layer.h"
#include "layers/checks.h"
#include "layers/elementwise.h"

namespace quantdyn {
namespace {

/// y = min(max(x, low), high), x [...,C], low and high [C]: each channel has ends of its own. NaN
/// stays NaN. The slope at the ends is 0. The ends are no trained parameters: whoever scales the
/// channels of a net sets them (quant/repairs/equalization.h).
template <typename T>
class ChannelClip final : public Layer<T> {
 public:
  explicit ChannelClip(const Options& options)
      : first_low_(static_cast<T>(options.number("low", 0.0, accept::any<double>(),
                                                 "lower end of every channel at first"))),
        first_high_(static_cast<T>(options.number("high", 6.0, accept::any<double>(),
                                                  "upper end of every channel at first"))) {
    if (!(first_low_ < first_high_))
      options.refuse("high", fmt::format("found {}, which is not over low, {}; accepted: numbers "
                                         "over low",
                                         first_high_, first_low_));
    options.finish();
  }

  Shape setup(std::span<const Shape> inputs) override {
    const Shape& input = only_input(inputs, "channel_clip");
    low_ = end_of_channels("low", input.channels(), first_low_);
    high_ = end_of_channels("high", input.channels(), first_high_);
    role_ = {.low = &low_, .high = &high_};
    return input;
  }

  void evaluate(std::span<const View<const T>> x, View<T> y) const override {
    const int64_t channels = y.shape.channels();
    const T *const low = low_.read(), *const high = high_.read();
    for (int64_t first = 0; first < y.elements(); first += channels) {
      const T* const from = x[0].data + first;
      T* const to = y.data + first;
      for (int64_t c = 0; c < channels; ++c)
        to[c] = from[c] <= low[c] ? low[c] : from[c] >= high[c] ? high[c] : from[c];
    }
  }

  void backward(std::span<const View<const T>> x, View<const T>, View<const T> dy,
                std::span<const View<T>> dx) override {
    if (!dx[0]) return;
    const int64_t channels = dy.shape.channels();
    for_each_element(dy, [&, in = x[0].data, from = dy.data, to = dx[0].data](int64_t i) {
      const int64_t c = i % channels;
      to[i] += in[i] <= low_.read()[c] || in[i] >= high_.read()[c] ? 0 : from[i];
    });
  }

  std::vector<Parameter<T>*> parameters() override { return {&low_, &high_}; }
  ChannelEnds<T>* channel_ends() override { return &role_; }

  /// What holds for all channels: values from the lowest end to the highest; x between the highest
  /// lower and the lowest upper end stays.
  std::optional<Activation> activation() const override {
    if (low_.master.empty())
      return clip_to({static_cast<float>(first_low_), static_cast<float>(first_high_)});
    const auto low = std::ranges::minmax(low_.master.values());
    const auto high = std::ranges::minmax(high_.master.values());
    const Ends values{static_cast<float>(low.min), static_cast<float>(high.max)};
    const Ends identity{static_cast<float>(low.max), static_cast<float>(high.min)};
    if (values == identity) return clip_to(values);
    return Activation{.values = values, .identity = identity, .is_monotone = true};
  }

 private:
  static Parameter<T> end_of_channels(const char* name, int64_t channels, T value) {
    Parameter<T> out;
    out.name = name;
    out.master = Tensor<T>(Shape{channels});
    out.master.fill(value);
    out.trained = false;
    return out;
  }

  T first_low_, first_high_;
  Parameter<T> low_, high_;
  ChannelEnds<T> role_;
};

const RegisteredLayer<ChannelClip> channel_clip{
    "channel_clip", "activation: x limited to ends that each channel has of its own"};

}  // namespace
}  // namespace quantdyn
