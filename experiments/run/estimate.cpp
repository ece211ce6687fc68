#include "experiments/run/estimate.h"

#include <algorithm>
#include <bit>
#include <set>

#include "data/image_set.h"
#include "experiments/method/gradients.h"
#include "framework/base/machine.h"
#include "framework/base/threads.h"
#include "framework/run/layerwise_run.h"
#include "framework/run/training_plan.h"
#include "stats/tracking/tracker.h"

namespace quantdyn {
namespace {

constexpr int64_t of_float = sizeof(float), of_number = sizeof(double);

/// Ends the making of a plan as soon as the size of its memory is known.
struct Planned {
  int64_t floats;
};

LayoutRule only_planned() {
  return [](std::span<const Lifetime> arrays) -> Layout { throw Planned{lay_out(arrays).floats}; };
}

template <typename Make>
int64_t planned_bytes(const Make& make) try {
  make();
  return 0;
} catch (const Planned& planned) {
  return planned.floats * of_float;
}

int64_t training_bytes(Network& network, Fusing fusing, ConvolutionAlgorithm algorithm,
                       int64_t batch) {
  return planned_bytes(
      [&] { TrainingPlan(network, fusing, algorithm, batch, {}, only_planned()); });
}

/// Of all workers.
int64_t evaluation_bytes(const Network& network, Fusing fusing, Keep keep) {
  return worker_count() * planned_bytes([&] {
           Evaluator(network, fusing, ConvolutionAlgorithm::direct, keep, only_planned());
         });
}

/// Numbers of one tensor in a frame, by channel and by layer.
struct NumbersOf {
  int64_t of_channel = 0, of_layer = 0;  // numbers
  int64_t counts = 0;                    // of_channel's that count, mostly zeros
  int64_t arrays = 0;
};

NumbersOf numbers_of(const StatisticKinds& kinds, const TensorTraits& traits) {
  Frame frame({0, 1});
  Tracker(traits, 1, kinds).finish(frame, "any", 0);
  NumbersOf out;
  for (const auto& [path, array] : frame.arrays()) {
    ++out.arrays;
    if (array.scope == Frame::Scope::layer) out.of_layer += array.per_entry;
    if (array.scope != Frame::Scope::channel) continue;
    out.of_channel += array.per_entry;
    if (array.per_entry > 1 && std::holds_alternative<std::vector<uint64_t>>(array.values))
      out.counts += array.per_entry;
  }
  return out;
}

/// The sizes that everything follows from.
struct Sizes {
  int64_t weights = 0;     // floats of all parameters
  int64_t parameters = 0;  // arrays
  int64_t channels = 0, normed_channels = 0, units = 0;
  int64_t outputs = 0;  // floats of all units for an image
  int64_t input = 0;    // floats of an image
  int64_t largest = 0;  // input and output of a unit for an image

  explicit Sizes(const Network& network) {
    for (const auto& named : network.parameters()) {
      weights += named.parameter->master.elements();
      parameters += named.parameter->master.empty() ? 0 : 1;
    }
    input = network.input_shape().elements();
    for (const Unit& unit : network.units()) {
      const Shape& shape = network.nodes()[unit.last].shape;
      ++units;
      channels += shape.channels();
      outputs += shape.elements();
      for (const int source : network.nodes()[unit.leader].inputs)
        largest = std::max(largest, network.nodes()[source].shape.elements() + shape.elements());
      if (unit.norm >= 0) normed_channels += shape.channels();
    }
  }
};

/// Scales, distances and errors, which are computed from the statistics of a tensor.
constexpr int64_t derived_numbers = 20;
/// Bytes that the file format adds for an array, measured.
constexpr int64_t of_array = 2600;

/// Numbers of a snapshot.
struct SnapshotSize {
  int64_t counts = 0, others = 0, arrays = 0;

  void add(const NumbersOf& tensor, const Sizes& net) {
    counts += tensor.counts * net.channels;
    others += (tensor.of_channel - tensor.counts + derived_numbers) * net.channels +
              tensor.of_layer * net.units;
    arrays += tensor.arrays + 2 * derived_numbers;
  }
  int64_t in_memory() const { return (counts + others) * of_number; }
  /// Compressed.
  int64_t data_on_disk() const {
    constexpr double of_count = 0.2, of_other = 2.3;  // bytes, measured
    return static_cast<int64_t>(of_count * static_cast<double>(counts) +
                                of_other * static_cast<double>(others));
  }
  /// What the file format adds for arrays, whose snapshots a result holds together.
  int64_t format_on_disk() const { return of_array * arrays; }
};

/// Sums that a tree over `parts` holds at a time.
int64_t subtrees_of(int64_t parts) { return std::bit_width(static_cast<uint64_t>(parts)); }

bool corrects_layer_by_layer(const Variant& variant) {
  return variant.repairs.bias_correction || variant.repairs.adaround;
}

class Estimator {
 public:
  explicit Estimator(const Experiment& experiment) : e_(experiment), net_(*e_.network) {
    const NumbersOf tensor = numbers_of(e_.track.statistics, TensorTraits{1});
    const bool has_norms = net_.normed_channels > 0;
    for (int i = 0; i < (has_norms ? 5 : 3); ++i) float_.add(tensor, net_);  // weight ... output
    for (int i = 0; i < 4; ++i) variant_.add(tensor, net_);
    has_counts_ = tensor.counts > 0 || std::ranges::any_of(e_.track.statistics, [](const auto& k) {
                    return k.derive || k.refine;
                  });
    if (const auto& gradients = e_.track.gradients) {
      const NumbersOf gradient =
          numbers_of(e_.track.statistics, gradient_traits(1, gradients->channel_histograms));
      for (int i = 0; i < (has_norms ? 4 : 2); ++i) float_.add(gradient, net_);
    }
  }

  Estimate run() {
    Estimate out;
    out.memory.push_back({"program, data and net", resident_memory(), "fewer images: data.source"});
    add_chunks(out);
    add_snapshots(out);
    add_work(out);
    add_disk(out);
    return out;
  }

 private:
  int64_t weight_bytes() const { return net_.weights * of_float; }

  /// Raw tensors of one image.
  int64_t tensor_bytes() const {
    if (!e_.track.tensors) return 0;
    int64_t floats = 0;
    for (const Unit& unit : e_.network->units())
      if (std::ranges::find(e_.track.tensors->nodes, unit.name) != e_.track.tensors->nodes.end())
        floats += e_.network->nodes()[unit.last].shape.elements();
    return floats * of_float * static_cast<int64_t>(e_.track.tensors->tensors.size());
  }

  /// Of datasets larger than the memory they may take: none is there yet.
  void add_chunks(Estimate& out) const {
    const Dataset &train = *e_.data->train, &test = *e_.data->test;
    const auto bytes = [](const Dataset& split) {
      return split.chunks_kept() == Dataset::all_chunks ? 0 : split.bytes_in_memory();
    };
    out.memory.push_back({"chunks of files that are larger than memory_mib",
                          bytes(train) + bytes(test), "a smaller memory_mib of the dataset"});
  }

  /// One in the making, one being written, one that waits.
  void add_snapshots(Estimate& out) const {
    const int64_t largest =
        std::max(float_.in_memory(), e_.variants.empty() ? 0 : variant_.in_memory());
    const int64_t held = std::min<int64_t>(3, float_count() + variant_count());
    out.memory.push_back({"snapshots on their way to the disk", held * (largest + weight_bytes()),
                          "fewer track.statistics"});
    if (e_.track.tensors)
      out.memory.push_back({"raw tensors on their way to the disk",
                            tensor_bytes() * images_per_chunk * worker_count(),
                            "fewer track.tensors.nodes"});
    if (e_.train.epochs > 0)  // one that waits, one being written
      out.memory.push_back({"checkpoints on their way to the disk",
                            2 * (weight_bytes() + optimizer_bytes()), "a smaller net"});
  }

  std::vector<Need> training() const {
    if (e_.train.epochs == 0) return {};
    const LoaderSettings& loader = e_.train.loader;
    const int64_t batch = loader.images_at_once();
    int64_t bytes =
        training_bytes(*e_.network, e_.computing.fusing, e_.computing.algorithm, batch) +
        optimizer_bytes() + 4 * batch * net_.input * of_float;
    if (e_.quantization.variant) bytes += 2 * batch * net_.outputs * of_float;
    std::vector<Need> out{{fmt::format("training in batches of {}", batch), bytes,
                           "a smaller train.batch_size or train.micro_batch"}};
    if (const int64_t count = loader.batch_size / batch; count > 1)
      out.push_back({fmt::format("gradients of {} micro batches", count),
                     subtrees_of(count) * weight_bytes(), "a larger train.micro_batch"});
    return out;
  }
  /// At most two arrays for a parameter (adam).
  int64_t optimizer_bytes() const { return 2 * weight_bytes(); }

  /// Counts by channel and bin, of every worker while values come in, then of all together.
  int64_t statistics_bytes(int64_t taps) const {
    constexpr int64_t of_count = sizeof(uint16_t) + sizeof(uint32_t), of_moments = 600;
    const int64_t bins = LogBins{}.size(), mapped = 3 * bins;  // of conv and norm together
    int64_t of_channel = taps * of_moments;
    if (has_counts_) of_channel += of_count * (taps == 3 ? mapped : taps * bins);
    const int64_t joined = has_counts_ ? taps * bins * of_count : 0;
    return net_.channels * (worker_count() * of_channel + joined);
  }
  Need statistics(int64_t taps) const {
    return {fmt::format("statistics of {} channels with {} threads", net_.channels, worker_count()),
            statistics_bytes(taps), "fewer --threads or track.statistics"};
  }
  Need evaluation(int64_t bytes) const {
    const int64_t images = 4 * evaluation_batch() * net_.input * of_float;
    return {fmt::format("evaluation with {} threads", worker_count()), bytes + images,
            "fewer --threads"};
  }
  int64_t prediction_bytes() const {
    return e_.data->test->size() * e_.network->output_shape().elements() * of_float;
  }

  std::vector<Need> float_snapshot() const {
    std::vector<Need> out{
        statistics(net_.normed_channels > 0 ? 3 : 1),
        evaluation(evaluation_bytes(*e_.network, e_.computing.fusing, Keep::logits) +
                   prediction_bytes() + 2 * weight_bytes())};
    if (const auto& gradients = e_.track.gradients)
      out.push_back({fmt::format("gradients of {} images", gradients->images),
                     training_bytes(*e_.network, Fusing::unfused, ConvolutionAlgorithm::direct,
                                    gradients->images) +
                         gradients->images * net_.input * of_float + 2 * weight_bytes(),
                     "fewer track.gradients.images"});
    return out;
  }

  /// Codes by channel of both twins (CodeStatistics): of weights by one worker, of outputs by all.
  int64_t code_bytes(const Variant& variant) const {
    constexpr int64_t of_code = 32;
    int64_t out = 0;
    for (size_t unit = 0; unit < variant.units.size(); ++unit) {
      const auto& [weight, output] = variant.units[unit];
      const int64_t channels = e_.network->nodes()[e_.network->units()[unit].last].shape.channels();
      const auto bytes = [&](const Scheme* scheme) {
        const int bits = scheme ? scheme->quantizer->bit_width() : 0;
        return 0 < bits && bits <= 8 ? (of_code << bits) * channels : 0;
      };
      out += bytes(weight.get()) + worker_count() * bytes(output.get());
    }
    return out;
  }

  std::vector<Need> variant(const Variant& variant) const {
    // Nets are copied with gradients. Beside the twins a third evaluator and codes of a chunk, or
    // with sensitivity four more.
    const int64_t clones = 4, evaluators = variant.sensitivity_images > 0 ? 5 : 4;
    std::vector<Need> out{
        statistics(2),
        evaluation(evaluators * evaluation_bytes(*e_.network, e_.computing.fusing, Keep::all) +
                   3 * prediction_bytes()),
        {"quantized twins", clones * 2 * weight_bytes() + 3 * weight_bytes() + code_bytes(variant),
         "fewer --threads"}};
    if (corrects_layer_by_layer(variant)) {
      const int64_t images = variant.calibration.images;
      // AdaRound keeps both nets' outputs, and what goes into a layer and should come out.
      const int64_t runs = variant.repairs.adaround ? 2 : 1;
      out.push_back({fmt::format("outputs for {} calibration images of '{}'", images, variant.name),
                     (runs * std::min(LayerwiseRun::floats_kept, images * net_.outputs / 2) +
                      (variant.repairs.adaround ? images * net_.largest : 0)) *
                         of_float,
                     "fewer calibration.images"});
    }
    return out;
  }

  /// What is there at the same time: training with a snapshot, or a variant.
  void add_work(Estimate& out) const {
    std::vector<std::vector<Need>> moments{training()};
    std::ranges::copy(float_snapshot(), std::back_inserter(moments.front()));
    const std::vector<const Variant*> during = in_training();
    for (const Variant& v : e_.variants) {
      moments.push_back(variant(v));
      if (std::ranges::find(during, &v) != during.end())
        std::ranges::copy(training(), std::back_inserter(moments.back()));
    }
    std::ranges::copy(*std::ranges::max_element(moments, {}, total),
                      std::back_inserter(out.memory));
  }

  int64_t float_count() const { return snapshot_count(e_.track); }
  std::vector<const Variant*> in_training() const { return e_.variants_in_training(true); }
  int64_t variant_count() const {
    return std::ssize(e_.variants) + (float_count() - 1) * std::ssize(in_training());
  }
  int64_t weight_copies() const {
    const auto variants = std::ssize(e_.variants);
    switch (e_.track.weights) {
      case SavedWeights::none:
        return 0;
      case SavedWeights::last:
        return 1 + variants;
      case SavedWeights::listed:
        return 1 + variants +
               std::min<int64_t>(float_count() - 1, std::ssize(e_.track.epochs)) *
                   (1 + std::ssize(in_training()));
      case SavedWeights::all:
        return float_count() + variant_count();
    }
    return 0;
  }

  void add_disk(Estimate& out) const {
    constexpr double of_weight = 3.6;  // bytes, compressed, measured
    constexpr int64_t of_code = 1;
    const int64_t data =
        float_count() * float_.data_on_disk() + variant_count() * variant_.data_on_disk();
    const int64_t format =
        float_count() * float_.format_on_disk() + variant_count() * variant_.format_on_disk();
    const int64_t format_of_result = 2 * float_.format_on_disk();
    const int64_t weights =
        weight_copies() * (static_cast<int64_t>(of_weight * static_cast<double>(net_.weights)) +
                           of_array * net_.parameters);
    const int64_t quantized =
        variant_count() * (of_code * net_.weights + of_array * 13 * net_.units);
    const bool all =
        e_.track.tensors && e_.track.tensors->snapshots == RawTensorSettings::Snapshots::all;
    const int64_t images = e_.track.tensors ? e_.track.tensors->images : 0;
    const int64_t tensors = images * tensor_bytes() *
                            (all ? float_count() + variant_count() : 1 + std::ssize(e_.variants));
    // Everything is in a snapshot's file and again in the result, which shares raw tensors.
    out.disk = {{"statistics", 2 * data + format + format_of_result,
                 "fewer snapshots (track) or track.statistics"},
                {"weights", 2 * weights, "track.weights: last"},
                {"codes", 2 * quantized, "fewer variants"},
                {"raw tensors", tensors, "fewer track.tensors.images"}};
    if (e_.train.epochs > 0)  // two are kept while the next one is written
      out.disk.push_back(
          {"checkpoints", 3 * (weight_bytes() + optimizer_bytes()), "a smaller net"});
    out.largest_file = data + format_of_result + weights + quantized + tensors;
  }

  const Experiment& e_;
  Sizes net_;
  SnapshotSize float_, variant_;
  bool has_counts_ = false;
};

}  // namespace

int64_t total(const std::vector<Need>& needs) {
  int64_t out = 0;
  for (const Need& need : needs) out += need.bytes;
  return out;
}

int64_t snapshot_count(const TrackingSettings& track) {
  constexpr int64_t most_counted = 1 << 20;
  const int64_t last = track.last_step, epoch = track.steps_per_epoch;
  if (last <= most_counted) {
    int64_t out = 0;
    for (int64_t step = 0; step <= last; ++step) out += track.has_snapshot(step) ? 1 : 0;
    return out;
  }
  int64_t out = 1 + std::ssize(track.epochs) + std::ssize(track.steps);  // some may coincide
  if (track.every > 0) out += last / (track.every * epoch);
  if (track.every_steps > 0) out += last / track.every_steps;
  return out;
}

Estimate estimate(const Experiment& experiment) { return Estimator(experiment).run(); }

}  // namespace quantdyn
