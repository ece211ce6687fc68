#include "quant/training/quantization_training.h"

#include <algorithm>

#include "quant/folding/linear_pairs.h"
#include "quant/schemes/selection.h"

namespace quantdyn {
namespace {

/// Whether the unit's output has PACT's range, from zero to a clip.
bool is_positive(const Network& network, int unit) {
  const std::optional<Activation> activation = activation_of(network, unit);
  return activation && activation->values.low == 0;
}

Learning learning_of(const QuantizationTrainingSettings& settings, const Network& network,
                     int unit) {
  const bool is_pact = settings.outputs == Learning::pact;
  return is_pact && !is_positive(network, unit) ? Learning::straight_through : settings.outputs;
}

void check_learned(const Options& section, const char* key, Learning learning, const Scheme* scheme,
                   const std::string& node) {
  if (learning != Learning::straight_through && scheme && !scheme->quantizer->is_affine())
    section.refuse(key,
                   fmt::format("learns the range of affine quantizers; '{}' has another", node));
}

void check(const Options& section, const QuantizationTrainingSettings& out, const Network& network,
           int64_t epochs) {
  const Variant& variant = *out.variant;
  const auto refuse = [&](const char* key, const std::string& why) { section.refuse(key, why); };
  if (out.start_epoch >= epochs)
    refuse("start_epoch", fmt::format("{} of {} epochs are in float first; accepted: fewer",
                                      out.start_epoch, epochs));
  if (out.freeze_epoch < out.start_epoch || out.freeze_epoch > epochs)
    refuse("freeze_epoch", fmt::format("{}; accepted: from start_epoch, {}, to epochs, {}",
                                       out.freeze_epoch, out.start_epoch, epochs));
  if ((out.folding != Folding::none) != variant.fold)
    refuse("folding",
           fmt::format("the variant '{}' has fold: {}; accepted with it: {}", variant.name,
                       variant.fold, variant.fold ? "running, batch" : "none"));
  if (!variant.calibration.convergence.empty())
    refuse("variant", fmt::format("'{}' has calibration.convergence, but training moves its "
                                  "ranges; leave it out",
                                  variant.name));
  if (!variant.given.empty())
    refuse("variant",
           fmt::format("'{}' has given scales, which training would move", variant.name));
  if (variant.repairs.any())
    refuse("variant",
           fmt::format("'{}' has repairs, which would undo what is trained", variant.name));
  const auto has = [&](auto UnitSchemes::*part) {
    return std::ranges::any_of(variant.units,
                               [&](const UnitSchemes& u) { return u.*part != nullptr; });
  };
  if (out.weights != Learning::straight_through && !has(&UnitSchemes::weight))
    refuse("weights", fmt::format("learns steps, but '{}' quantizes no weights", variant.name));
  if (out.outputs != Learning::straight_through && !has(&UnitSchemes::output))
    refuse("activations",
           fmt::format("learns ranges, but '{}' quantizes no activations", variant.name));
  for (int unit = 0; unit < static_cast<int>(network.units().size()); ++unit) {
    const std::string& node = network.units()[unit].name;
    check_learned(section, "weights", out.weights, variant.units[unit].weight.get(), node);
    check_learned(section, "activations", learning_of(out, network, unit),
                  variant.units[unit].output.get(), node);
    const Scheme* const output = variant.units[unit].output.get();
    if (output && output->quantizer->needs_values())
      refuse("variant", fmt::format("the quantizer of the output of '{}' is fitted to its values, "
                                    "which change in training",
                                    node));
    const Unit& u = network.units()[unit];
    if (out.folding != Folding::none && u.norm >= 0 &&
        network.layer(u.leader)->convolution() == nullptr)
      refuse("folding", fmt::format("the batch norm of '{}' is not after a convolution", node));
  }
}

Tensor<float> weight_now(const Network& network, int unit, Folding folding) {
  const Linear<float>& linear = linear_of(network, unit);
  const int norm = network.units()[unit].norm;
  if (folding == Folding::none || norm < 0) return linear.weight->master;
  return fold(linear, *network.layer(norm)->channel_affine()).weight;
}

}  // namespace

QuantizationTrainingSettings QuantizationTrainingSettings::read(
    const Options& section, const std::vector<Variant>& variants, const Network& network,
    int64_t epochs) {
  QuantizationTrainingSettings out;
  std::vector<std::string> names;
  for (const Variant& variant : variants) names.push_back(variant.name);
  const std::string name =
      section.text("variant", Options::required, "the variant whose quantizers training uses");
  out.start_epoch =
      section.integer("start_epoch", 0, accept::at_least<int64_t>(0), "epochs in float first");
  out.freeze_epoch =
      section.integer("freeze_epoch", epochs, accept::at_least<int64_t>(0),
                      "after this epoch ranges and folded statistics stay as they are");
  out.folding = section.choice<Folding>(
      "folding", Folding::batch,
      {{"none", Folding::none}, {"running", Folding::running}, {"batch", Folding::batch}},
      "batch norms into weights: not at all (the variant has fold: false), with the running "
      "statistics, which stay, or with the batch's");
  out.weights = section.choice<Learning>(
      "weights", Learning::straight_through,
      {{"straight_through", Learning::straight_through}, {"lsq", Learning::lsq}},
      "ranges of weights: by the estimator in every step, or learned steps");
  out.outputs = section.choice<Learning>("activations", Learning::straight_through,
                                         {{"straight_through", Learning::straight_through},
                                          {"lsq", Learning::lsq},
                                          {"pact", Learning::pact}},
                                         "ranges of outputs: moving averages of each batch's ends, "
                                         "learned steps, or learned upper ends of activations "
                                         "that end at 0, such as relu");
  out.range_momentum = section.number("range_momentum", 0.01, accept::between(0.0, 1.0),
                                      "share of the batch in a moving range");
  out.clip_decay = section.number("clip_decay", 1e-4, accept::at_least(0.0),
                                  "pact: the loss gains this times the square of each upper end");
  section.finish();
  if (out.outputs == Learning::lsq)
    section.leave_out("range_momentum", "moves no range that is learned");
  if (out.outputs != Learning::pact) section.leave_out("clip_decay", "needs activations: pact");
  const auto found = std::ranges::find(names, name);
  if (found == names.end())
    section.refuse("variant",
                   fmt::format("no variant is called '{}'; accepted: {}", name,
                               names.empty() ? "none, `variants` is empty"
                                             : fmt::format("{}", fmt::join(names, ", "))));
  out.variant = &variants[static_cast<size_t>(found - names.begin())];
  check(section, out, network, epochs);
  return out;
}

QuantizationTraining::QuantizationTraining(const Network& network,
                                           const QuantizationTrainingSettings& settings,
                                           const std::map<int, std::vector<Range>>& outputs)
    : network_(network), settings_(settings) {
  for (int unit = 0; unit < static_cast<int>(network.units().size()); ++unit) {
    const UnitSchemes& schemes = settings.variant->units[unit];
    const std::string& name = network.units()[unit].name;
    if (schemes.weight)
      weights_[unit] =
          std::make_unique<WeightTraining>(schemes.weight, name + "/weight", settings.weights,
                                           weight_now(network, unit, settings.folding));
    if (!schemes.output) continue;
    const Shape& shape = network.nodes()[network.units()[unit].last].shape;
    const int64_t entries = schemes.output->quantizer->granularity().entries(shape.channels());
    outputs_[unit] = std::make_unique<TrainedRange>(
        schemes.output, name + "/output", shape.channels(), learning_of(settings, network, unit),
        outputs.at(unit), shape.elements() / entries);
  }
}

std::unique_ptr<QuantizationTraining> QuantizationTraining::to_load(
    const Network& network, const QuantizationTrainingSettings& settings) {
  std::map<int, std::vector<Range>> ranges;
  for (int unit = 0; unit < static_cast<int>(network.units().size()); ++unit)
    if (const auto& scheme = settings.variant->units[unit].output) {
      const int64_t channels = network.nodes()[network.units()[unit].last].shape.channels();
      ranges[unit].assign(static_cast<size_t>(scheme->quantizer->granularity().entries(channels)),
                          {0, 1});
    }
  return std::make_unique<QuantizationTraining>(network, settings, ranges);
}

QuantizedTraining QuantizationTraining::additions() {
  QuantizedTraining out;
  out.folding = settings_.folding;
  for (const auto& [unit, weight] : weights_) out.weights[unit] = weight.get();
  steps_.clear();
  for (const auto& [unit, range] : outputs_) {
    auto step = std::make_unique<OutputTraining>(network_.units()[unit].last, *range,
                                                 settings_.range_momentum);
    steps_.push_back(step.get());
    out.outputs[unit] = std::move(step);
  }
  return out;
}

std::vector<Parameter<float>*> QuantizationTraining::parameters() {
  std::vector<Parameter<float>*> out;
  const auto add = [&](TrainedRange& range) {
    if (!range.parameter().master.empty()) out.push_back(&range.parameter());
  };
  for (const auto& [unit, weight] : weights_) add(weight->range());
  for (const auto& [unit, range] : outputs_) add(*range);
  return out;
}

void QuantizationTraining::decay_clips() {
  for (const auto& [unit, range] : outputs_) {
    if (range->learning() != Learning::pact) continue;
    Parameter<float>& clip = range->parameter();
    for (int64_t i = 0; i < clip.master.elements(); ++i)
      clip.grad[i] += static_cast<float>(2 * settings_.clip_decay) * clip.master[i];
  }
}

void QuantizationTraining::follow_parameters() {
  for (const auto& [unit, weight] : weights_) weight->range().follow_parameter();
  for (OutputTraining* step : steps_) step->follow_parameter();
}

void QuantizationTraining::freeze() {
  for (OutputTraining* step : steps_) step->freeze();
}

TrainedRanges QuantizationTraining::ranges() const {
  TrainedRanges out;
  for (const auto& [unit, weight] : weights_)
    if (weight->range().learning() != Learning::straight_through)
      out[{unit, TensorRole::weight}] = weight->range().ranges();
  for (const auto& [unit, range] : outputs_) out[{unit, TensorRole::output}] = range->ranges();
  return out;
}

void QuantizationTraining::visit_state(StateVisitor state) {
  for (const auto& [unit, weight] : weights_)
    weight->visit_state(state.group(fmt::format("weights/{}", network_.units()[unit].name)));
  size_t step = 0;
  for (const auto& [unit, range] : outputs_)
    steps_.at(step++)->visit_state(
        state.group(fmt::format("outputs/{}", network_.units()[unit].name)));
}

void QuantizationTraining::save_code_changes(Frame& frame) {
  for (const auto& [unit, weight] : weights_) {
    weight->code_changes().save(frame, "weight", unit);
    weight->code_changes().start();
  }
}

}  // namespace quantdyn
