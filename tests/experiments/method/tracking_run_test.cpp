// Runs of the program with each option of the section `track`: training goes on to the same bits,
// and every option changes the file.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <functional>

#include "experiments/method/tracking_settings.h"
#include "experiments/results/result_reader.h"
#include "tests/experiments/program.h"
#include "tests/quant/helpers.h"

using namespace quantdyn;
using namespace quantdyn::test;
namespace fs = std::filesystem;

namespace {

struct TrackedRuns : Workplace {
  fs::path result(const std::string& output, std::vector<std::string> sets) const {
    std::vector<std::string> arguments{"--force", "--threads", "2"};
    for (std::string& set : sets) {
      arguments.emplace_back("--set");
      arguments.push_back("track." + std::move(set));
    }
    const Outcome outcome = run_tiny(output, arguments);
    BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
    return path / output / "result.h5";
  }
};

std::vector<std::pair<int64_t, int64_t>> times(const ResultReader& result) {
  std::vector<std::pair<int64_t, int64_t>> out;
  for (const SnapshotLabel& s : result.snapshots())
    if (s.variant == float_variant) out.emplace_back(s.epoch, s.step);
  return out;
}

std::vector<std::string> groups_below(const ResultReader& result, const std::string& group) {
  if (!result.file().has(group)) return {};
  return result.file().group(group).names();
}

/// NaN equals NaN.
bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return !a.empty() && a.size() == b.size() &&
         std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

/// All options of the section: its own ("", "every") and those below it ("tensors", "images").
std::vector<std::pair<std::string, std::string>> options() {
  const Network network = small_network();
  std::vector<std::pair<std::string, std::string>> out;
  const auto describe = [&](const std::string& section, const auto& read) {
    std::vector<OptionDescription> described;
    try {
      read(Options::describing(described));
    } catch (const Options::DescriptionDone&) {
    }
    for (const OptionDescription& option : described) out.emplace_back(section, option.key);
  };
  const TrackedRun run{100, 64, 1, 10, true, network};
  describe("", [&](const Options& section) { TrackingSettings::read(section, run); });
  describe("gradients", [&](const Options& section) { GradientSettings::read(section, 100); });
  describe("tensors", [&](const Options& section) {
    RawTensorSettings::read(section, network, {64, 64});
  });
  BOOST_TEST(out.size() == 17u);  // with `exact` of the statistic quantiles
  return out;
}

const std::string chosen_tensors =
    "tensors={nodes: [conv1, sep2_dw], tensors: [output, conv_gradient], images: 3}";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(tracking_run_test, TrackedRuns)

BOOST_AUTO_TEST_CASE(training_has_the_same_bits_with_and_without_snapshots_on_its_way) {
  const ResultReader plain(result("plain", {}));
  const ResultReader tracked(
      result("tracked", {"steps=[1, 2, 4, 8]", "every_steps=3", "gradients={}", chosen_tensors}));
  const std::vector<std::pair<int64_t, int64_t>> expected = {
      {0, 0}, {0, 1}, {0, 2}, {0, 3}, {0, 4}, {0, 6}, {1, 8}, {1, 9}, {1, 12}, {1, 15}, {2, 16}};
  BOOST_TEST((times(tracked) == expected));
  for (const char* column : {"training/loss", "training/accuracy", "training/learning_rate"})
    BOOST_TEST(plain.file().dataset(column).read<double>() ==
               tracked.file().dataset(column).read<double>());
  for (const std::string& node :
       groups_below(plain, fmt::format("weights/{}", plain.last().index))) {
    const std::string one = fmt::format("weights/{}/{}", plain.last().index, node);
    const std::string other = fmt::format("weights/{}/{}", tracked.last().index, node);
    for (const std::string& name : plain.file().group(one).names())
      BOOST_TEST(plain.file().dataset(one + "/" + name).read<float>() ==
                     tracked.file().dataset(other + "/" + name).read<float>(),
                 node << "/" << name);
  }
  for (const char* array : {"layerwise/output/mean", "layerwise/norm/std"})
    for (const char* variant : {"float32", "int8", "int4"})
      BOOST_TEST(same_bits(plain.row(array, plain.last(variant)),
                           tracked.row(array, tracked.last(variant))),
                 array << " of " << variant);
}

BOOST_AUTO_TEST_CASE(a_snapshot_within_an_epoch_is_not_the_one_after_it) {
  const ResultReader tracked(result("tracked", {"epochs=[]", "steps=[3, 9]", "weights=all"}));
  BOOST_TEST(tracked.at_epoch(2).step == 16);
  BOOST_TEST(contains(error_of([&] { tracked.at_epoch(1); }),
                      "no snapshot of float32 at epoch 1; there are: float32 at epoch 0 step 3, "
                      "float32 at epoch 1 step 9, float32 at epoch 2"));
  const ResultReader snapshot(path / "tracked/snapshots/snapshot-0001.h5");
  BOOST_TEST(snapshot.last().step == 9);
  BOOST_TEST(!snapshot.parameter(snapshot.last(), "logits", "bias", {10}).empty());
}

BOOST_AUTO_TEST_CASE(every_option_changes_what_is_in_the_file) {
  const auto bytes_of = [&](const std::vector<std::string>& sets) {
    const ResultReader result_of(result("out", sets));
    // Labels, names of arrays and some of their values say enough.
    std::string out;
    for (const SnapshotLabel& s : result_of.snapshots())
      out += std::to_string(s.epoch) + " " + std::to_string(s.step) + " " + s.variant + ", ";
    const std::function<void(const h5::Group&)> walk = [&](const h5::Group& group) {
      for (const std::string& name : group.names()) {
        out += name + " ";
        if (group.is_group(name)) {
          walk(group.group(name));
        } else if (const h5::Dataset array = group.dataset(name);
                   array.content() == h5::Content::floats) {
          double sum = 0;
          for (double value : array.read<double>())
            if (std::isfinite(value)) sum += value;
          out += std::to_string(array.elements()) + " " + std::to_string(sum) + ", ";
        }
      }
    };
    for (const char* group : {"layerwise", "channelwise", "weights", "tensors"})
      if (result_of.file().has(group)) walk(result_of.file().group(group));
    return out;
  };
  const std::string tensors = "tensors={nodes: [conv1]", gradients = "gradients={images: 16";
  const std::vector<std::pair<std::string, std::string>> flips = {
      {"probe_images=32", "probe_images=16"},
      {"epochs=[0]", "epochs=[0, 1]"},
      {"every=0", "every=1"},
      {"steps=[]", "steps=[3]"},
      {"every_steps=0", "every_steps=7"},
      {"quantize=[]", "quantize=[int8]"},
      {"weights=listed", "weights=last"},
      {"weights=last", "weights=none"},
      {"statistics=[moments]", "statistics=[histogram]"},
      {"statistics=[quantiles]", "statistics=[{name: quantiles, exact: true}]"},
      {"statistics=[moments]", gradients + "}"},
      {gradients + "}", "gradients={images: 24}"},
      {gradients + "}", gradients + ", channel_histograms: true}"},
      {"statistics=[moments]", tensors + "}"},
      {tensors + "}", "tensors={nodes: [sep2_dw]}"},
      {tensors + "}", tensors + ", images: 2}"},
      {tensors + "}", tensors + ", tensors: [norm]}"},
      {tensors + "}", tensors + ", snapshots: last}"}};
  for (const auto& option : options()) {  // lambdas of Clang 14 capture no structured bindings
    const std::string &section = option.first, &key = option.second;
    const bool is_flipped = std::ranges::any_of(flips, [&](const auto& flip) {
      return section.empty()
                 ? flip.second.starts_with(key + "=") || contains(flip.second, key + ": true")
                 : flip.second.starts_with(section + "={") && contains(flip.second, key + ": ");
    });
    BOOST_TEST(is_flipped, "no flip for the option " << section << " " << key);
  }
  for (const auto& flip : flips) {
    const std::string &one = flip.first, &other = flip.second;
    const bool sets_statistics = contains(one + other, "statistics");
    const auto sets = [&](const std::string& set) {
      std::vector<std::string> out{set};
      if (!sets_statistics || contains(set, "gradients") || contains(set, "tensors"))
        out.emplace_back(contains(one + other, "channel_hist") ? "statistics=[histogram]"
                                                               : "statistics=[moments]");
      return out;
    };
    BOOST_TEST(bytes_of(sets(one)) != bytes_of(sets(other)), one << " and " << other);
  }
}

BOOST_AUTO_TEST_CASE(a_variant_trained_with_is_quantized_at_steps_too) {
  const Outcome outcome = run_tiny(
      "qat",
      {"--set", "train.quantization={variant: int8, folding: batch}", "--set", "track.steps=[5]"});
  BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
  const ResultReader result(path / "qat/result.h5");
  std::vector<int64_t> steps;
  for (const SnapshotLabel& s : result.snapshots())
    if (s.variant == "int8") steps.push_back(s.step);
  BOOST_TEST(steps == (std::vector<int64_t>{5, 16}));
}

BOOST_AUTO_TEST_SUITE_END()
