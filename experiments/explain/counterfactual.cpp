#include "experiments/explain/counterfactual.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <sstream>

#include "data/dataset.h"
#include "data/order.h"
#include "experiments/method/calibration.h"
#include "experiments/method/evaluation.h"
#include "experiments/method/quantized_twin.h"
#include "experiments/method/tracking.h"
#include "experiments/onnx/given_scales.h"
#include "experiments/run/computing.h"
#include "experiments/run/network_file.h"
#include "framework/config/plugin_library.h"
#include "quant/folding/linear_pairs.h"
#include "stats/errors/logits.h"

namespace quantdyn {

struct Counterfactual::Setting {
  std::unique_ptr<DatasetPair> data;
  Standardization standardization;
  FoldedNetwork folded;
  Variant variant;
  Fusing fusing;
  Simulation simulation;
  ImageSet test, calibration;
  Rng rng;
  Tensor<float> reference;  // logits of the net as trained
};

namespace {

Options recorded(const ResultReader& result, const std::filesystem::path& folder) {
  const std::string name = result.file().path().string() + ": /config/resolved";
  if (result.is_merged())
    throw_error<ConfigError>("{}: is merged and has no weights; --verify needs one run's result",
                             result.file().path().string());
  return Options::from_text(result.file().dataset("config/resolved").read_texts().at(0), name,
                            folder);
}

void load_plugins(const Options& document) {
  for (const std::filesystem::path& plugin : document.paths("plugins", "")) try {
      load_plugin_library(plugin);
    } catch (const ConfigError& e) {
      document.refuse("plugins", e.what());
    }
}

std::unique_ptr<DatasetPair> dataset_of(const Options& data,
                                        const std::filesystem::path& folder) try {
  return DatasetRegistry::instance().make(data.plugin("source", std::nullopt, ""));
} catch (const ConfigError& e) {
  throw_error<ConfigError>(
      "{}\n--verify needs the experiment's data; relative paths start at {}; another folder: "
      "--folder",
      e.what(), folder.string());
}

/// Refuses images that the result was not made with.
void check_same(const ResultReader& result, const std::string& split, const Dataset& found) {
  const std::string recorded =
      result.file().group("provenance").text(fmt::format("{}_sha256", split));
  const std::string now = found.sha256();
  if (now != recorded)
    throw_error<ConfigError>(
        "{}: --verify: the {} images of '{}' have the SHA-256 {}, those of the run had {}; "
        "accepted: the same images",
        result.file().path().string(), split, found.name(), now, recorded);
}

Variant find_variant(const Options& document, const std::string& name, const Network& network,
                     const DatasetPair& data) {
  if (const auto trained = document.section("train", "").section_if("quantization", ""))
    if (trained->text("variant", "", "") == name)
      document.refuse("train", fmt::format("variant '{}' was trained with its quantizers, so it "
                                           "cannot be made again without training; --verify needs "
                                           "another variant",
                                           name));
  for (Variant& variant : read_variants(document.list("variants", ""), network,
                                        {data.train->size(), data.test->size()}, onnx_scales_for))
    if (variant.name == name) return std::move(variant);
  document.refuse("variants", fmt::format("no variant '{}'", name));
}

/// A scheme with one key set: "estimator=mse".
std::shared_ptr<const Scheme> changed(const Scheme& scheme, const std::string& setting) {
  const std::vector<std::string> sets = {setting};
  return read_scheme(Options::from_text(scheme.text, "--verify", {}, sets));
}

void change(std::shared_ptr<const Scheme>& scheme, const std::string& setting) {
  if (scheme) scheme = changed(*scheme, setting);
}

void change_schemes(Variant& variant, const Repair& repair) {
  UnitSchemes& unit = variant.units[static_cast<size_t>(repair.layer)];
  const std::string& setting = repair.remedy.setting;
  if (repair.remedy.kind == Remedy::Kind::weight_scheme) change(unit.weight, setting);
  if (repair.remedy.kind == Remedy::Kind::output_scheme) change(unit.output, setting);
  if (repair.remedy.kind == Remedy::Kind::bit_width) {
    change(unit.weight, "quantizer.bit_width=" + setting);
    change(unit.output, "quantizer.bit_width=" + setting);
  }
}

/// Dead channels of the one layer alone: of a copy of the net without any, only its weight and bias
/// are taken.
void silence_dead_channels(FoldedNetwork& net, const Repair& repair) {
  FoldedNetwork whole = net.clone();
  Frame report = make_frame(net.network);
  DeadChannels::read(Options::from_text("{variance: " + repair.remedy.setting + "}", "--verify"))
      .apply(whole, report);
  Linear<float>&to = linear_of(net.network, repair.layer),
  &from = linear_of(whole.network, repair.layer);
  std::ranges::copy(from.weight->master.values(), to.weight->master.data());
  std::ranges::copy(from.bias->master.values(), to.bias->master.data());
}

}  // namespace

Counterfactual::Counterfactual(const ResultReader& result, const NetFacts& net, int64_t images,
                               const std::filesystem::path& folder) {
  const Options document = recorded(result, folder);
  load_plugins(document);
  const Options data = document.section("data", "");
  std::unique_ptr<DatasetPair> pair = dataset_of(data, folder);
  check_same(result, "train", *pair->train);
  check_same(result, "test", *pair->test);
  const Network network = network_of(result, net.of_float);
  Variant variant = find_variant(document, net.of_variant.variant, network, *pair);
  const Standardization standardization =
      StandardizationSettings(data.section("standardize", "")).make(*pair->train);
  const Rng rng(
      static_cast<uint64_t>(document.integer("seed", 0, accept::at_least<int64_t>(0), "")));
  const Computing computing = Computing::read(document.section("compute", ""));
  setting_ = std::make_unique<Setting>(
      Setting{.data = std::move(pair),
              .standardization = standardization,
              .folded = variant.fold ? fold_network(network) : unfolded(network),
              .variant = std::move(variant),
              .fusing = computing.fusing,
              .simulation = computing.simulation,
              .test = {},
              .calibration = {},
              .rng = rng,
              .reference = {}});
  Setting& s = *setting_;
  const int64_t size = s.data->test->size();
  s.test = {s.data->test.get(), &s.standardization,
            first_of_shuffle(rng.fork("probe"), size, std::min(images, size))};
  s.calibration = {s.data->train.get(), &s.standardization,
                   chosen_images(s.variant.calibration, *s.data->train, rng.fork("calibrate"))};
  Evaluator evaluator(network, s.fusing, ConvolutionAlgorithm::direct, Keep::logits);
  s.reference = logits_of(evaluator, s.test);
}

Counterfactual::~Counterfactual() = default;

int64_t Counterfactual::images() const {
  return static_cast<int64_t>(setting_->test.indices.size());
}

Measured Counterfactual::measure(std::span<const Repair> repairs) {
  const Setting& s = *setting_;
  Variant variant = s.variant;
  FoldedNetwork folded = s.folded.clone();
  for (const Repair& repair : repairs) {
    change_schemes(variant, repair);
    if (repair.remedy.kind == Remedy::Kind::dead_channels) silence_dead_channels(folded, repair);
  }
  Frame report = make_frame(folded.network);
  QuantizedTwin twin(folded, variant, s.fusing, s.simulation, report);
  twin.quantize(s.calibration, {}, s.rng.fork("variant").fork(variant.name), report,
                [](const std::string&, int64_t, int64_t, const std::string&) {});
  std::vector<int> corrected;
  for (const Repair& repair : repairs)
    if (repair.remedy.kind == Remedy::Kind::bias) corrected.push_back(repair.layer);
  std::ranges::sort(corrected);
  if (!corrected.empty()) twin.correct_biases(corrected, s.calibration, report);
  const Tensor<float> logits = logits_of(twin.evaluator(), s.test);
  const LogitsComparison comparison =
      compare_logits(s.reference.view(), logits.view(), labels_of(s.test));
  return {comparison.sqnr, comparison.quantized.accuracy};
}

void verify(Explanation& explanation, Counterfactual& counterfactual,
            const std::function<void(int64_t done, int64_t total)>& note) {
  int64_t total = 2, done = 0;
  for (const LayerCost& layer : explanation.layers) total += std::ssize(layer.causes);
  const auto measure = [&](std::span<const Repair> repairs) {
    note(done++, total);
    return counterfactual.measure(repairs);
  };
  explanation.counterfactual_images = counterfactual.images();
  explanation.unrepaired = measure({});
  std::vector<Repair> best;  // of every layer
  for (LayerCost& layer : explanation.layers) {
    for (Cause& cause : layer.causes) {
      if (!cause.finding.remedy) continue;
      const Repair repair{static_cast<int>(layer.layer), *cause.finding.remedy};
      const auto same = std::ranges::find_if(layer.causes, [&](const Cause& other) {
        return other.measured && other.finding.remedy->yaml == repair.remedy.yaml;
      });
      try {
        cause.measured = same != layer.causes.end() ? same->measured : measure({&repair, 1});
      } catch (const Error& e) {  // a quantizer that has no such option
        cause.not_measured = e.what();
      }
    }
    if (const Cause* const cause = best_cause(layer); cause && cause->measured)
      best.push_back({static_cast<int>(layer.layer), *cause->finding.remedy});
  }
  if (best.size() > 1) explanation.all_repaired = measure(best);
}

std::filesystem::path folder_of_experiment(const ResultReader& result) {
  const h5::Group provenance = result.file().group("provenance");
  if (provenance.has_attribute("config_folder")) return provenance.text("config_folder");
  std::istringstream words(result.file().text("command_line"));
  for (std::string word; words >> word;)
    if (word.ends_with(".yaml") || word.ends_with(".yml"))
      return std::filesystem::absolute(word).parent_path();
  return std::filesystem::current_path();
}

}  // namespace quantdyn
