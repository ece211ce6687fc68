// Training with a variant's quantizers: the section of the YAML, and the parts of a plan.
#include "quant/training/quantization_training.h"

#include <boost/test/unit_test.hpp>

#include "framework/run/training_plan.h"
#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

struct Setting {
  Network network;
  std::vector<Variant> variants;
  QuantizationTrainingSettings settings;

  Setting(const std::string& variant_entries, const std::string& section, int64_t epochs = 10,
          const std::string& activation = "relu")
      : network(small_network(activation)) {
    const Options root = Options::from_text("variants: [" + variant_entries + "]", "test.yaml");
    variants = read_variants(root.list("variants", ""), network, {1000, 1000});
    settings = QuantizationTrainingSettings::read(Options::from_text(section, "test.yaml"),
                                                  variants, network, epochs);
  }
  Setting(const Setting&) = delete;
};

const std::string int4 =
    "{name: int4, weights: {quantizer: {name: affine, bit_width: 4}}, activations: {quantizer: "
    "{name: affine, bit_width: 4}}}";

std::string error(const std::string& entries, const std::string& section, int64_t epochs = 10) {
  return error_of<ConfigError>([&] { Setting(entries, section, epochs); });
}

std::map<int, std::vector<Range>> unit_ranges(const Network& network) {
  std::map<int, std::vector<Range>> out;
  for (int unit = 0; unit < static_cast<int>(network.units().size()); ++unit) out[unit] = {{-2, 3}};
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(quantization_training)

BOOST_AUTO_TEST_CASE(the_section_is_read) {
  const Setting setting(int4,
                        "{variant: int4, start_epoch: 2, freeze_epoch: 7, folding: running, "
                        "weights: lsq, activations: pact, range_momentum: 0.1, clip_decay: 0.5}");
  BOOST_TEST(setting.settings.variant == setting.variants.data());
  BOOST_TEST(setting.settings.start_epoch == 2);
  BOOST_TEST(setting.settings.freeze_epoch == 7);
  BOOST_TEST((setting.settings.folding == Folding::running));
  BOOST_TEST((setting.settings.weights == Learning::lsq));
  BOOST_TEST((setting.settings.outputs == Learning::pact));
  BOOST_TEST(Setting(int4, "{variant: int4}").settings.freeze_epoch == 10);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_refused) {
  BOOST_TEST(contains(error(int4, "{variant: int8}"),
                      "variant: no variant is called 'int8'; accepted: int4"));
  BOOST_TEST(
      contains(error(int4, "{variant: int4}", 0), "start_epoch: 0 of 0 epochs are in float"));
  BOOST_TEST(contains(error(int4, "{variant: int4, start_epoch: 5, freeze_epoch: 4}"),
                      "freeze_epoch: 4; accepted: from start_epoch, 5, to epochs, 10"));
  BOOST_TEST(
      contains(error(int4, "{variant: int4, folding: none}"),
               "folding: the variant 'int4' has fold: true; accepted with it: running, batch"));
  BOOST_TEST(contains(error("{name: a, weights: {}, fold: false}", "{variant: a}"),
                      "has fold: false; accepted with it: none"));
  BOOST_TEST(contains(error("{name: a, weights: {}, repairs: {equalize: {}}}", "{variant: a}"),
                      "variant: 'a' has repairs"));
  BOOST_TEST(contains(
      error("{name: a, weights: {}, fold: false, repairs: {equalize: {}}}", "{variant: a}"),
      "repairs: work on a folded net"));
}

BOOST_AUTO_TEST_CASE(every_quantized_tensor_has_its_place_in_the_plan) {
  for (const char* folding : {"running", "batch"}) {
    Setting setting(int4, std::string("{variant: int4, weights: lsq, activations: lsq, "
                                      "folding: ") +
                              folding + "}");
    QuantizationTraining training(setting.network, setting.settings, unit_ranges(setting.network));
    QuantizedTraining additions = training.additions();
    BOOST_TEST(additions.weights.size() == 6);
    BOOST_TEST(additions.outputs.size() == setting.network.units().size());
    std::vector<Parameter<float>*> learned = training.parameters();
    BOOST_TEST(learned.size() == 6 + setting.network.units().size());
    TrainingPlan plan(setting.network, Fusing::fused, ConvolutionAlgorithm::direct, 16,
                      std::move(additions));
    const Tensor<float> images = images_of(setting.network);
    const View<const float> logits = plan.forward(images.view());
    std::copy_n(logits.data, logits.elements(), plan.logits_gradient().data);
    plan.backward();
    for (const Parameter<float>* parameter : learned) BOOST_TEST(parameter->grad[0] != 0);
    BOOST_TEST(training.ranges().size() == 6 + setting.network.units().size());
    for (const auto& named : setting.network.parameters())
      BOOST_TEST(named.parameter->effective.empty());  // lent to the step alone
  }
}

BOOST_AUTO_TEST_CASE(pact_learns_after_relu_and_decays_its_clips) {
  const Setting setting(int4, "{variant: int4, activations: pact, clip_decay: 0.25}");
  QuantizationTraining training(setting.network, setting.settings, unit_ranges(setting.network));
  const auto learned = training.parameters();
  BOOST_TEST(learned.size() == 5);  // conv1, sep2_dw, sep2_pw, res3_1 and the add
  for (const Parameter<float>* parameter : learned) {
    BOOST_TEST(parameter->name == "clip");
    BOOST_TEST(parameter->master[0] == 3);
  }
  training.decay_clips();
  BOOST_TEST(learned[0]->grad[0] == 1.5f);
  BOOST_TEST((training.ranges().at({1, TensorRole::output}) == std::vector<Range>{{0, 3}}));
  BOOST_TEST(!training.ranges().contains({1, TensorRole::weight}));
}

BOOST_AUTO_TEST_CASE(after_a_step_ranges_are_what_their_parameters_say) {
  const Setting setting(int4, "{variant: int4, weights: lsq, activations: lsq}");
  QuantizationTraining training(setting.network, setting.settings, unit_ranges(setting.network));
  const QuantizedTraining additions = training.additions();
  const TrainedRanges before = training.ranges();
  for (Parameter<float>* step : training.parameters())
    for (float& value : step->master.values()) value *= 2;
  training.follow_parameters();
  for (const auto& [place, ranges] : training.ranges())
    for (size_t entry = 0; entry < ranges.size(); ++entry) {
      const Range& old = before.at(place)[entry];
      BOOST_TEST(ranges[entry].low == 2 * old.low);
      BOOST_TEST(ranges[entry].high == 2 * old.high);
    }
  training.freeze();
  const std::vector<Range> frozen = training.ranges().at({1, TensorRole::output});
  for (Parameter<float>* step : training.parameters()) step->master.fill(1);
  training.follow_parameters();
  BOOST_TEST((training.ranges().at({1, TensorRole::output}) == frozen));
}

BOOST_AUTO_TEST_CASE(pact_learns_where_an_activation_ends_at_zero) {
  const auto learned = [](const std::string& activation) {
    const Setting setting(int4, "{variant: int4, activations: pact}", 10, activation);
    QuantizationTraining training(setting.network, setting.settings, unit_ranges(setting.network));
    return training.parameters().size();
  };
  BOOST_TEST(learned("relu6") == 5u);
  BOOST_TEST(learned("sigmoid") == 5u);
  BOOST_TEST(learned("leaky_relu") == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
