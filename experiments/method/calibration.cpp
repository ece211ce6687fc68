#include "experiments/method/calibration.h"

#include <cmath>
#include <limits>
#include <mutex>
#include <numeric>
#include <optional>

#include "data/order.h"
#include "framework/base/threads.h"

namespace quantdyn {

namespace {

/// The first images of a shuffle, up to an equal number of each class.
std::vector<int64_t> balanced_images(const Dataset& training, int64_t count, const Rng& rng) {
  const int64_t classes = training.classes();
  if (classes == 0)
    throw_error<ConfigError>(
        "calibration: choice: balanced needs labels, but {} has none; accepted: shuffle, first",
        training.name());
  std::vector<int64_t> room(static_cast<size_t>(classes), count / classes);
  for (int64_t c = 0; c < count % classes; ++c) ++room[c];
  std::vector<int64_t> out;
  for (int64_t image : first_of_shuffle(rng, training.size(), training.size())) {
    if (static_cast<int64_t>(out.size()) == count) break;
    int64_t& left = room[training.label(image)];
    if (left == 0) continue;
    --left;
    out.push_back(image);
  }
  for (int64_t c = 0; c < classes; ++c)
    if (room[c] > 0)
      throw_error<ConfigError>(
          "calibration: class {} of {} has {} images too few for {} balanced ones", c,
          training.name(), room[c], count);
  return out;
}

}  // namespace

std::vector<int64_t> chosen_images(const CalibrationChoice& choice, const Dataset& training,
                                   const Rng& rng) {
  using Order = CalibrationChoice::Order;
  if (choice.order == Order::first) {
    std::vector<int64_t> out(static_cast<size_t>(choice.images));
    std::iota(out.begin(), out.end(), 0);
    return out;
  }
  const Rng stream = choice.seed == 0 ? rng : rng.fork(static_cast<uint64_t>(choice.seed));
  return choice.order == Order::balanced ? balanced_images(training, choice.images, stream)
                                         : first_of_shuffle(stream, training.size(), choice.images);
}

ImageBatches batches_of(const ImageSet& images) {
  return {static_cast<int64_t>(images.indices.size()),
          [&images](const ImageBatches::Work& work) { for_image_batches(images, work); }};
}

namespace {

/// Finds the first image with a value that is not finite at a tap.
class FiniteCheck final : public Observer {
 public:
  explicit FiniteCheck(int64_t rows_per_image) : rows_per_image_(rows_per_image) {}

  void add(const Tile& tile) override {
    for (int64_t row = 0; row < tile.rows; ++row)
      for (int64_t c = 0; c < tile.channels; ++c) {
        if (std::isfinite(tile.values[row * tile.row_stride + c])) continue;
        const int64_t in_chunk = (tile.first_row + row) / rows_per_image_;
        const std::scoped_lock lock(mutex_);
        first_ = std::min(first_, tile.chunk * images_per_chunk + in_chunk);
      }
  }
  void end_chunk(int64_t, int) override {}
  /// Its place among the images; none: all are finite.
  std::optional<int64_t> first() const {
    return first_ == nowhere ? std::nullopt : std::optional(first_);
  }

 private:
  static constexpr int64_t nowhere = std::numeric_limits<int64_t>::max();
  int64_t rows_per_image_;
  std::mutex mutex_;
  int64_t first_ = nowhere;
};

/// Throws if a node's output has a value that is not finite, naming the first such node and its
/// image.
void require_finite(Evaluator& net, const ImageSet& images) {
  const Network& network = net.network();
  std::vector<std::unique_ptr<FiniteCheck>> checks;
  net.clear_taps();
  for (int unit = 0; unit < static_cast<int>(network.units().size()); ++unit) {
    checks.push_back(
        std::make_unique<FiniteCheck>(network.nodes()[network.units()[unit].last].shape.rows()));
    net.tap(unit, TapKind::output).before.push_back(checks.back().get());
  }
  batches_of(images).run(net);
  net.clear_taps();
  for (size_t unit = 0; unit < checks.size(); ++unit)
    if (const auto place = checks[unit]->first())
      throw_error(
          "calibration: the output of '{}' is NaN or infinite for image {} of {} (number {} of the "
          "calibration images); ranges need finite values",
          network.units()[unit].name, images.indices[*place], images.dataset->name(), *place);
}

}  // namespace

KnownRanges::Key KnownRanges::key(const ImageSet& images, int unit, int64_t channels,
                                  const Scheme& scheme) {
  const Granularity granularity = scheme.quantizer->granularity();
  int64_t of_entry = 1;
  while (of_entry < channels && granularity.entry_of(of_entry) == 0) ++of_entry;
  return {images.indices, unit, of_entry, scheme.ranges_text};
}

const std::vector<Range>* KnownRanges::find(const ImageSet& images, int unit, int64_t channels,
                                            const Scheme& scheme) const {
  const auto found = ranges_.find(key(images, unit, channels, scheme));
  return found == ranges_.end() ? nullptr : &found->second;
}

void KnownRanges::add(const ImageSet& images, int unit, int64_t channels, const Scheme& scheme,
                      std::vector<Range> ranges) {
  ranges_.insert_or_assign(key(images, unit, channels, scheme), std::move(ranges));
}

std::map<int, QuantizedTensor> calibrate(Evaluator& net, const Variant& variant,
                                         const ImageSet& images, KnownRanges* known) try {
  const Network& network = net.network();
  std::map<int, QuantizedTensor> out;
  std::map<int, std::unique_ptr<SchemeObserver>> waiting, done;
  for (int unit = 0; unit < static_cast<int>(network.units().size()); ++unit) {
    const Scheme* const scheme = variant.units[unit].output.get();
    if (scheme == nullptr) continue;
    const std::string tensor = network.units()[unit].name + "/output";
    const int64_t channels = network.nodes()[network.units()[unit].last].shape.channels();
    const std::vector<Range>* const ranges = known && !scheme->quantizer->needs_values()
                                                 ? known->find(images, unit, channels, *scheme)
                                                 : nullptr;
    if (ranges)
      out[unit] = quantize_output(*scheme, tensor, channels, *ranges);
    else
      waiting[unit] = std::make_unique<SchemeObserver>(*scheme, tensor, channels);
  }
  while (!waiting.empty()) {
    for (const auto& [unit, observer] : waiting)
      net.tap(unit, TapKind::output).before.push_back(observer.get());
    batches_of(images).run(net);
    for (auto observer = waiting.begin(); observer != waiting.end();) {
      std::erase(net.tap(observer->first, TapKind::output).before,
                 static_cast<Observer*>(observer->second.get()));
      const auto here = observer++;
      if (!here->second->wants_another_pass()) done.insert(waiting.extract(here));
    }
  }
  for (const auto& [unit, observer] : done) {
    out[unit] = observer->quantize();
    const int64_t channels = network.nodes()[network.units()[unit].last].shape.channels();
    if (known) known->add(images, unit, channels, *variant.units[unit].output, out[unit].ranges);
  }
  return out;
} catch (const Error&) {
  require_finite(net, images);  // gives a better message if that is the cause
  throw;
}

Convergence converging_ranges(Evaluator& net, const Variant& variant, const ImageSet& images,
                              const WorkNote& note) {
  Convergence out{variant.calibration.convergence, {}};
  const auto total = static_cast<int64_t>(out.images.size());
  for (int64_t i = 0; i < total; ++i) {
    note("convergence of ranges", i, total, "calibrations");
    const ImageSet first{images.dataset,
                         images.standardization,
                         {images.indices.begin(), images.indices.begin() + out.images[i]}};
    for (auto& [unit, tensor] : calibrate(net, variant, first))
      out.ranges[unit].push_back(std::move(tensor.ranges));
  }
  return out;
}

}  // namespace quantdyn
