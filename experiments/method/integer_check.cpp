#include "experiments/method/integer_check.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "experiments/method/tracking.h"
#include "framework/base/threads.h"
#include "quant/integer/integer_network.h"

namespace quantdyn {
namespace {

constexpr std::array roundings{FixedPointRounding::single, FixedPointRounding::twice};
constexpr std::array rounding_names{"single", "twice"};

/// Compares one unit's codes from two runs; any order of images gives the same.
struct Agreement {
  int64_t values = 0, equal = 0, largest = 0;

  void add(const std::vector<int32_t>& a, const std::vector<int32_t>& b) {
    for (size_t i = 0; i < a.size(); ++i) {
      const int64_t gap = std::abs(int64_t{a[i]} - b[i]);
      equal += gap == 0;
      largest = std::max(largest, gap);
    }
    values += static_cast<int64_t>(a.size());
  }
  void merge(const Agreement& other) {
    values += other.values;
    equal += other.equal;
    largest = std::max(largest, other.largest);
  }
};

struct UnitFindings {
  std::array<Agreement, 2> local, accumulated;  // by rounding
  int64_t largest_sum = 0;
};

/// The findings of one worker.
struct Findings {
  std::vector<UnitFindings> units;
  std::array<int64_t, 2> correct{}, agreeing{};  // images, by rounding
  int64_t images = 0, labelled = 0;

  void merge(const Findings& other) {
    for (size_t u = 0; u < units.size(); ++u) {
      for (size_t r = 0; r < roundings.size(); ++r) {
        units[u].local[r].merge(other.units[u].local[r]);
        units[u].accumulated[r].merge(other.units[u].accumulated[r]);
      }
      units[u].largest_sum = std::max(units[u].largest_sum, other.units[u].largest_sum);
    }
    for (size_t r = 0; r < roundings.size(); ++r) {
      correct[r] += other.correct[r];
      agreeing[r] += other.agreeing[r];
    }
    images += other.images;
    labelled += other.labelled;
  }
};

IntegerParts parts_of(const QuantizedTwin& twin) {
  IntegerParts out;
  for (const auto& [id, tensor] : twin.tensors()) {
    if (id.role == TensorRole::output)
      out.outputs[id.unit] = tensor.quantization.get();
    else
      out.weights[id.unit] = {tensor.quantization.get(), &tensor.codes, &twin.biases().at(id.unit)};
  }
  return out;
}

int64_t largest_of(const std::vector<int32_t>& codes) {
  return std::ranges::max_element(codes) - codes.begin();
}

/// One worker's codes of one image, simulated and in integers.
class Replay {
 public:
  Replay(const Network& network, const IntegerNetwork& integer) : integer_(integer) {
    for (const Unit& unit : network.units())
      simulated_.emplace_back(network.nodes()[unit.last].shape.elements());
    own_ = scratch_ = simulated_;
    found.units.resize(simulated_.size());
  }

  /// `net` has run the chunk; `image` is the image's place in it.
  void compare(const Evaluator& net, int64_t image, int worker, std::optional<int32_t> label) {
    for (int unit = 0; unit < integer_.units(); ++unit) {
      const View<const float> values = net.output(unit, worker).slice(image, 1);
      integer_.coding(unit).codes(whole_tile(values), simulated_[unit].data());
    }
    for (size_t r = 0; r < roundings.size(); ++r) run(r, label);
    ++found.images;
    found.labelled += label.has_value();
  }

  Findings found;

 private:
  void run(size_t r, std::optional<int32_t> label) {
    own_[0] = simulated_[0];
    for (int unit = 1; unit < integer_.units(); ++unit) {
      UnitFindings& of_unit = found.units[unit];
      int64_t unused = 0;
      integer_.unit(unit)->run(simulated_, scratch_[unit], roundings[r], of_unit.largest_sum);
      of_unit.local[r].add(scratch_[unit], simulated_[unit]);
      integer_.unit(unit)->run(own_, scratch_[unit], roundings[r], unused);
      of_unit.accumulated[r].add(scratch_[unit], simulated_[unit]);
      own_[unit] = scratch_[unit];
    }
    const int64_t best = largest_of(own_.back());
    found.correct[r] += best == label;
    found.agreeing[r] += best == largest_of(simulated_.back());
  }

  const IntegerNetwork& integer_;
  UnitCodes simulated_, own_, scratch_;
};

void save(const Agreement& agreement, const std::string& where, const std::string& input,
          const std::string& rounding, int unit, Frame& frame) {
  if (agreement.values == 0) return;
  frame.layer(
      "integer",
      {.name = where + "_difference_" + rounding,
       .units = "LSB",
       .long_name =
           "largest difference of output codes from the simulated net's, the unit reading " +
           input},
      unit, static_cast<double>(agreement.largest));
  frame.layer("integer",
              {.name = where + "_equal_" + rounding,
               .units = "1",
               .long_name = "share of output codes equal to the simulated net's"},
              unit, static_cast<double>(agreement.equal) / static_cast<double>(agreement.values));
}

void save(const Findings& all, Frame& frame) {
  for (int unit = 1; unit < static_cast<int>(all.units.size()); ++unit) {
    const UnitFindings& found = all.units[unit];
    for (size_t r = 0; r < roundings.size(); ++r) {
      save(found.local[r], "local", "simulated codes", rounding_names[r], unit, frame);
      save(found.accumulated[r], "accumulated", "the integer net's own codes", rounding_names[r],
           unit, frame);
    }
    if (found.largest_sum == 0) continue;  // no accumulator
    const auto largest = static_cast<double>(found.largest_sum);
    frame.layer("integer",
                {.name = "accumulator_largest",
                 .units = "1",
                 .long_name = "largest |sum| before it is requantized"},
                unit, largest);
    frame.layer("integer",
                {.name = "accumulator_headroom",
                 .units = "bit",
                 .long_name = "bits of int32 that the largest sum left free",
                 .formula = "31 - log2 max |sum|"},
                unit, 31 - std::log2(largest));
  }
  const auto images = static_cast<double>(all.images), labelled = static_cast<double>(all.labelled);
  for (size_t r = 0; r < roundings.size(); ++r) {
    const std::string rounding = rounding_names[r];
    frame.network({.name = "integer_accuracy_" + rounding,
                   .units = "1",
                   .long_name = "accuracy of the integer net"},
                  static_cast<double>(all.correct[r]) / labelled);
    frame.network({.name = "integer_agreement_" + rounding,
                   .units = "1",
                   .long_name = "share of images whose largest logit is the simulated net's"},
                  static_cast<double>(all.agreeing[r]) / images);
  }
}

}  // namespace

void save_integer_check(QuantizedTwin& twin, const ImageSet& images, Frame& frame,
                        const WorkNote& note) {
  const IntegerNetwork integer(twin.network(), parts_of(twin));
  std::vector<Replay> replays(static_cast<size_t>(worker_count()), Replay(twin.network(), integer));
  const std::vector<int32_t> labels = labels_of(images);
  for_image_batches(images, [&](View<const float> x, int64_t count, int64_t first_chunk) {
    note("integer check", first_chunk * images_per_chunk, std::ssize(images.indices), "images");
    parallel_chunks(count, [&](const Chunk& chunk) {
      const int64_t index = first_chunk + chunk.index;
      twin.evaluator().run_chunk(x.slice(chunk.first, images_per_chunk), chunk.images, index,
                                 chunk.worker);
      for (int64_t i = 0; i < chunk.images; ++i)
        replays[chunk.worker].compare(
            std::as_const(twin.evaluator()), i, chunk.worker,
            labels.empty() ? std::optional<int32_t>() : labels[index * images_per_chunk + i]);
    });
  });
  Findings all = std::move(replays[0].found);
  for (size_t worker = 1; worker < replays.size(); ++worker) all.merge(replays[worker].found);
  save(all, frame);
}

}  // namespace quantdyn
