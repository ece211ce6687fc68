#include "experiments/method/tracking_settings.h"

#include <algorithm>

#include "framework/base/threads.h"

namespace quantdyn {
namespace {

/// A count of images that statistics see: whole chunks, at most as many as the split has.
int64_t read_images(const Options& section, const std::string& key, int64_t most, int64_t available,
                    const std::string& split, std::string_view help) {
  const int64_t out = section.integer(
      key, std::clamp<int64_t>(available / images_per_chunk * images_per_chunk, 8, most),
      accept::at_least<int64_t>(8), help);
  if (out % images_per_chunk != 0) section.refuse(key, "expected a multiple of 8");
  if (out > available)
    section.refuse(key, fmt::format("{} asked for, the {} set has {}", out, split, available));
  return out;
}

/// Moments of training, none of them past its end.
std::vector<int64_t> read_times(const Options& section, const std::string& key,
                                std::vector<int64_t> fallback, int64_t last,
                                std::string_view help) {
  std::vector<int64_t> out =
      section.integers(key, std::move(fallback), accept::at_least<int64_t>(0), help);
  for (int64_t time : out)
    if (time > last)
      section.refuse(key, fmt::format("{} is past the end of training; accepted: 0 to {}, which "
                                      "always has a snapshot",
                                      time, last));
  return out;
}

}  // namespace

GradientSettings GradientSettings::read(const Options& section, int64_t train_images) {
  GradientSettings out{};
  out.images =
      read_images(section, "images", 128, train_images, "training",
                  "training images, one batch; the gradients are those of its mean loss; a "
                  "multiple of 8");
  out.channel_histograms = section.flag("channel_histograms", false,
                                        "histograms of gradients by channel, not only by layer");
  section.finish();
  return out;
}

TrackingSettings TrackingSettings::read(const Options& section, const TrackedRun& run) {
  TrackingSettings out;
  out.steps_per_epoch = run.steps_per_epoch;
  out.last_step = run.epochs * run.steps_per_epoch;
  out.probe_images = read_images(section, "probe_images", 512, run.test_images, "test",
                                 "test images whose distributions are tracked; a multiple of 8");
  out.epochs = read_times(section, "epochs", {0}, run.epochs,
                          "epochs with a snapshot; 0: at initialization; the last always has one");
  out.every = section.integer("every", 0, accept::at_least<int64_t>(0),
                              "a snapshot every n epochs; 0: only those listed");
  out.steps = read_times(section, "steps", {}, out.last_step,
                         "training steps with a snapshot, counted over all epochs");
  out.every_steps = section.integer("every_steps", 0, accept::at_least<int64_t>(0),
                                    "a snapshot every n steps; 0: only those listed");
  out.weights = section.choice<SavedWeights>(
      "weights", SavedWeights::listed,
      {{"all", SavedWeights::all},
       {"listed", SavedWeights::listed},
       {"last", SavedWeights::last},
       {"none", SavedWeights::none}},
      "snapshots that keep the weights; listed: those in `epochs`, and the last");
  out.quantize = section.texts("quantize", std::vector<std::string>{},
                               "variants that every snapshot is quantized for, as if training "
                               "ended there; the last is quantized for all variants");
  out.statistics = read_statistics(section);
  if (const auto gradients =
          section.section_if("gradients", "gradients of weights and activations")) {
    if (!run.has_labels)
      section.refuse("gradients", "the images have no labels; expected a dataset with labels");
    out.gradients = GradientSettings::read(*gradients, run.train_images);
  }
  if (const auto tensors = section.section_if("tensors", "raw tensors of chosen nodes"))
    out.tensors = RawTensorSettings::read(
        *tensors, run.network, {out.probe_images, out.gradients ? out.gradients->images : 0});
  section.finish();
  return out;
}

bool TrackingSettings::is_listed_epoch(int64_t step) const {
  if (step == last_step) return true;
  return step % steps_per_epoch == 0 &&
         std::ranges::find(epochs, step / steps_per_epoch) != epochs.end();
}

bool TrackingSettings::has_snapshot(int64_t step) const {
  if (is_listed_epoch(step) || std::ranges::find(steps, step) != steps.end()) return true;
  if (every_steps > 0 && step % every_steps == 0) return true;
  return every > 0 && step % steps_per_epoch == 0 && step / steps_per_epoch % every == 0;
}

bool TrackingSettings::saves_weights(int64_t step) const {
  switch (weights) {
    case SavedWeights::all:
      return true;
    case SavedWeights::listed:
      return is_listed_epoch(step);
    case SavedWeights::last:
      return step == last_step;
    case SavedWeights::none:
      return false;
  }
  return false;
}

const RawTensorSettings* TrackingSettings::tensors_of(int64_t step) const {
  const bool has_them =
      tensors && (tensors->snapshots == RawTensorSettings::Snapshots::all || step == last_step);
  return has_them ? &*tensors : nullptr;
}

}  // namespace quantdyn
