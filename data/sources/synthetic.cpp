#include <algorithm>
#include <array>
#include <cmath>

#include "data/sources/shapes.h"
#include "data/sources/stored_dataset.h"
#include "framework/base/rng.h"
#include "framework/base/threads.h"

namespace quantdyn {
namespace {

constexpr int side = 32, channels = 3, pixels = side * side * channels;

struct Difficulty {
  double noise;
  int64_t clutter;
  double spread;
};

/// Draws in order from one image's stream. Only exact arithmetic from here on (no sine, no log):
/// the images, and so their SHA-256, are the same on every machine.
class Draws {
 public:
  explicit Draws(Rng rng) : rng_(rng) {}

  float between(double low, double high) {
    return static_cast<float>(low + (high - low) * rng_.uniform(next_++));
  }
  uint64_t below(uint64_t n) { return rng_.below(next_++, n); }
  /// A unit vector in any direction: a point of the disc, drawn until it is in, made length 1.
  std::array<float, 2> direction() {
    for (;;) {
      const float x = between(-1, 1), y = between(-1, 1), square = x * x + y * y;
      if (square > 1 || square < 0.01f) continue;
      const float length = std::sqrt(square);
      return {x / length, y / length};
    }
  }

 private:
  Rng rng_;
  uint64_t next_ = 0;
};

using Colour = std::array<float, channels>;

/// A colour that waves along one direction: amplitude in grey levels, frequency in waves per pixel.
class Paint {
 public:
  Paint(Draws& draws, const Colour& colour, float amplitude, float frequency)
      : colour_(colour), amplitude_(amplitude), along_(draws.direction()) {
    for (float& step : along_) step *= frequency;
    phase_ = draws.between(100, 101);  // large enough to keep the argument below positive
  }

  Colour at(int x, int y) const {
    const float waves =
        phase_ + along_[0] * static_cast<float>(x) + along_[1] * static_cast<float>(y);
    const float turn = 2 * (waves - static_cast<float>(static_cast<int>(waves))) - 1;  // -1 to 1
    const float wave = 4 * turn * (1 - std::fabs(turn));  // two parabolas, nearly a sine
    Colour out = colour_;
    for (float& value : out) value += amplitude_ * wave;
    return out;
  }

 private:
  Colour colour_;
  float amplitude_;
  std::array<float, 2> along_;
  float phase_;
};

/// A colour of the wheel, 0 to 1 (periodic): each channel -1 to 1 in straight lines.
Colour hue(float turn) {
  Colour out;
  for (int c = 0; c < channels; ++c) {
    const float shifted = turn + 1 + static_cast<float>(c) / channels;
    const float part = shifted - static_cast<float>(static_cast<int>(shifted));  // 0 to 1
    out[static_cast<size_t>(c)] = 4 * std::fabs(part - 0.5f) - 1;
  }
  return out;
}

/// A colour of the given hue, lighter or darker than `ground` by 25 to 90 grey levels.
Colour contrasting(Draws& draws, float ground, float turn) {
  const float sign = draws.below(2) == 0 ? -1.0f : 1.0f;
  const float grey = ground + sign * draws.between(25, 90), saturation = draws.between(15, 70);
  Colour colour = hue(turn);
  for (float& value : colour) value = grey + saturation * value;
  return colour;
}

struct Place {
  float x, y, radius;  ///< pixels
};

using Canvas = std::array<float, pixels>;

/// Draws a silhouette, turned and stretched at random, with edges smoothed over one pixel.
void draw(Draws& draws, Canvas& canvas, Silhouette shape, const Place& place, const Paint& paint) {
  const auto [cosine, sine] = draws.direction();
  const float stretch = draws.between(0.8, 1.25);
  const float per_u = 1 / (place.radius * stretch), per_v = stretch / place.radius;
  const int reach = static_cast<int>(1.8f * place.radius) + 1;
  const int centre_x = static_cast<int>(place.x), centre_y = static_cast<int>(place.y);
  for (int y = std::max(0, centre_y - reach); y < std::min(side, centre_y + reach + 1); ++y) {
    for (int x = std::max(0, centre_x - reach); x < std::min(side, centre_x + reach + 1); ++x) {
      const float dx = static_cast<float>(x) - place.x, dy = static_cast<float>(y) - place.y;
      const float outside =
          shape((cosine * dx + sine * dy) * per_u, (cosine * dy - sine * dx) * per_v);
      const float cover = std::clamp(0.5f - outside * place.radius, 0.0f, 1.0f);
      if (cover == 0) continue;
      const auto colour = paint.at(x, y);
      float* pixel = canvas.data() + (y * side + x) * channels;
      for (int c = 0; c < channels; ++c) pixel[c] += cover * (colour[c] - pixel[c]);
    }
  }
}

/// Adds noise of the given deviation in grey levels: the sum of four random bytes, nearly normal.
void add_noise(const Rng& rng, double deviation, Canvas& canvas) {
  const double unit = std::sqrt(4 * (256.0 * 256.0 - 1) / 12);
  const auto scale = static_cast<float>(deviation / unit);
  for (size_t k = 0; k < canvas.size(); k += 4) {
    const auto words = rng.words(k / 4);
    for (size_t j = 0; j < 4; ++j) {
      const uint32_t w = words[j];
      const uint32_t sum = (w & 255) + (w >> 8 & 255) + (w >> 16 & 255) + (w >> 24);
      canvas[k + j] += scale * (static_cast<float>(sum) - 510);
    }
  }
}

/// The background: a grey, a weak tint, weak waves.
Paint make_ground(Draws& draws, float grey) {
  Colour colour;
  for (float& value : colour) value = grey + draws.between(-15, 15);
  const float amplitude = draws.between(0, 15);
  return Paint(draws, colour, amplitude, draws.between(0.03, 0.4));
}

/// The paint of a class: colours and waves about the class's own, which overlap with its
/// neighbours'. The two orders of the classes differ, so that neighbours in one are apart in the
/// other.
Paint class_paint(Draws& draws, float ground, int label, double spread) {
  const double colour_rank = 0.1 * label, wave_rank = 0.1 * (label * 3 % silhouette_count);
  const float turn = 1 + draws.between(colour_rank - spread, colour_rank + spread);
  const Colour colour = contrasting(draws, ground, turn);
  const float rank = draws.between(wave_rank - spread, wave_rank + spread);
  const float frequency = 0.05f + 0.4f * std::fabs(rank);
  const float amplitude = draws.between(10, 50);
  return Paint(draws, colour, amplitude, frequency);
}

/// One image of class `label`: small shapes of any class scattered on a ground, one large shape of
/// the class, noise.
void render(const Rng& rng, int label, const Difficulty& difficulty, uint8_t* out) {
  Draws draws(rng.fork("scene"));
  const float grey = draws.between(60, 195);
  const Paint ground = make_ground(draws, grey);
  Canvas canvas;
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      std::ranges::copy(ground.at(x, y), canvas.data() + (y * side + x) * channels);
  for (int64_t i = 0; i < difficulty.clutter; ++i) {
    const Silhouette shape = silhouettes[draws.below(silhouette_count)];
    const Place place{draws.between(0, side), draws.between(0, side), draws.between(2, 5)};
    const Colour colour = contrasting(draws, grey, draws.between(0, 1));
    draw(draws, canvas, shape, place, Paint(draws, colour, 0, 0));
  }
  const float radius = draws.between(8, 14);
  const double margin = 0.8 * radius;
  const Place place{draws.between(margin, side - margin), draws.between(margin, side - margin),
                    radius};
  const Paint paint = class_paint(draws, grey, label, difficulty.spread);
  draw(draws, canvas, silhouettes[static_cast<size_t>(label)], place, paint);
  add_noise(rng.fork("noise"), difficulty.noise, canvas);
  for (size_t k = 0; k < canvas.size(); ++k)
    // NOLINTNEXTLINE(bugprone-incorrect-roundings): never negative; images keep their bits.
    out[k] = static_cast<uint8_t>(std::clamp(canvas[k], 0.0f, 255.0f) + 0.5f);
}

/// Renders a whole split; image i depends on the seed, the split's name and i alone.
std::unique_ptr<Dataset> make_split(const std::string& split, int64_t images, int64_t seed,
                                    const Difficulty& difficulty) {
  StoredDataset<uint8_t>::Content content;
  content.name = "synthetic " + split;
  content.sample_shape = {side, side, channels};
  content.classes = silhouette_count;
  content.pixels.resize(static_cast<size_t>(images * pixels));
  content.labels.resize(static_cast<size_t>(images));
  const Rng rng = Rng(static_cast<uint64_t>(seed)).fork("synthetic").fork(split);
  parallel_for(images, [&](int64_t i, int) {
    const int label = static_cast<int>(i % silhouette_count);
    content.labels[static_cast<size_t>(i)] = label;
    render(rng.fork(static_cast<uint64_t>(i)), label, difficulty,
           content.pixels.data() + i * pixels);
  });
  return std::make_unique<StoredDataset<uint8_t>>(std::move(content));
}

std::unique_ptr<DatasetPair> make_synthetic(const Options& options) {
  const auto images = accept::between<int64_t>(1, 1 << 20);
  const int64_t train =
      options.integer("train_images", 20000, images, "images in the training split");
  const int64_t test = options.integer("test_images", 4000, images, "images in the test split");
  const int64_t seed = options.integer("seed", 0, accept::at_least<int64_t>(0),
                                       "of the images; independent of the run's seed");
  const double noise = options.number("noise", 12, accept::between(0.0, 255.0),
                                      "standard deviation of the noise in grey levels (of 255)");
  const int64_t clutter =
      options.integer("clutter", 3, accept::between<int64_t>(0, 64),
                      "small shapes of any class scattered over the background");
  const double spread = options.number(
      "spread", 0.15, accept::between(0.0, 1.0),
      "half the width of a class's range of colours and wave lengths; classes are 0.1 apart");
  options.finish();
  auto pair = std::make_unique<DatasetPair>();
  pair->train = make_split("train", train, seed, {noise, clutter, spread});
  pair->test = make_split("test", test, seed, {noise, clutter, spread});
  return pair;
}

const Registered<DatasetPair> synthetic{
    "synthetic", "drawn shapes, no file needed: 32 x 32 colour images in 10 classes",
    make_synthetic};

}  // namespace
}  // namespace quantdyn
