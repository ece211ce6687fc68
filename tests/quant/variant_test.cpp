// Reading `variants:` and refusing what cannot be.
#include "quant/variant.h"

#include <boost/test/unit_test.hpp>

#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

std::vector<Variant> read(const std::string& yaml) {
  const Options root = Options::from_text(yaml, "test.yaml");
  return read_variants(root.list("variants", ""));
}
std::string error(const std::string& yaml) {
  return error_of<ConfigError>([&] { read(yaml); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(variants)

BOOST_AUTO_TEST_CASE(schemes_places_and_calibration_are_read) {
  const auto variants = read(R"(
variants:
  - name: int8
    weights: {estimator: minmax, quantizer: {name: affine, bit_width: 4, granularity: per_channel}}
    activations:
      estimator: {name: percentile, p: 99.9}
      quantizer: affine
      places: {input: false, add_inputs: false}
    calibration: {images: 64}
  - name: weights only
    weights: {quantizer: affine}
)");
  BOOST_TEST(variants.size() == 2);
  const Variant& first = variants[0];
  BOOST_TEST(first.name == "int8");
  BOOST_TEST(first.weights->quantizer->bit_width() == 4);
  BOOST_TEST((first.weights->quantizer->granularity() == Granularity::per_channel()));
  BOOST_TEST(first.activations->quantizer->bit_width() == 8);
  BOOST_TEST(first.calibration_images == 64);
  BOOST_TEST(!first.quantizes({Place::input}));
  BOOST_TEST(first.quantizes({Place::logits}));
  BOOST_TEST(!first.quantizes({Place::add_input}));
  BOOST_TEST(first.quantizes({Place::add_input, Place::block_output}));
  BOOST_TEST(!first.quantizes({}));
  BOOST_TEST(!variants[1].activations.has_value());
  BOOST_TEST(!variants[1].quantizes({Place::logits}));
  BOOST_TEST(variants[1].calibration_images == 0);
}

BOOST_AUTO_TEST_CASE(defaults_are_every_place_and_512_images) {
  const auto variants = read("variants: [{name: a, activations: {}}]");
  for (const Place place : {Place::input, Place::block_output, Place::add_input, Place::add_output,
                            Place::pool_output, Place::logits})
    BOOST_TEST(variants[0].quantizes({place}));
  BOOST_TEST(variants[0].calibration_images == 512);
  BOOST_TEST(!variants[0].weights.has_value());
}

BOOST_AUTO_TEST_CASE(each_place_has_its_key) {
  const std::pair<const char*, Place> keys[] = {{"input", Place::input},
                                                {"block_outputs", Place::block_output},
                                                {"add_inputs", Place::add_input},
                                                {"add_outputs", Place::add_output},
                                                {"pool_outputs", Place::pool_output},
                                                {"logits", Place::logits}};
  for (const auto& [key, place] : keys) {
    const auto variants =
        read(std::string("variants: [{name: a, activations: {places: {") + key + ": false}}}]");
    BOOST_TEST(!variants[0].quantizes({place}), key);
    for (const auto& [other_key, other] : keys)
      if (other != place) BOOST_TEST(variants[0].quantizes({other}), other_key);
  }
}

BOOST_AUTO_TEST_CASE(names_must_be_unique_and_fit_the_file) {
  BOOST_TEST(contains(error("variants:\n - {name: a, weights: {}}\n - {name: a, weights: {}}\n"),
                      "test.yaml:3: name: 'a' names an earlier variant too"));
  for (const char* name : {"float32", "a/b", "''", ".hidden", "\"a\\tb\""})
    BOOST_TEST(contains(error(std::string("variants: [{name: ") + name + ", weights: {}}]"),
                        "cannot name a variant"));
  BOOST_TEST(contains(error("variants: [{weights: {}}]"), "test.yaml:1: name: missing"));
}

BOOST_AUTO_TEST_CASE(variant_that_quantizes_nothing_is_refused) {
  BOOST_TEST(contains(error("variants: [{name: a}]"), "variant 'a' quantizes nothing"));
  BOOST_TEST(contains(
      error("variants: [{name: a, activations: {places: {input: false, block_outputs: false, "
            "add_inputs: false, add_outputs: false, pool_outputs: false, logits: false}}}]"),
      "places: all are false"));
  BOOST_TEST(contains(error("variants: [{name: a, weights: {}, calibration: {images: 8}}]"),
                      "calibration: nothing is calibrated"));
}

BOOST_AUTO_TEST_CASE(bad_keys_and_values_are_refused_with_their_line) {
  BOOST_TEST(contains(error("variants:\n - name: a\n   weights:\n     quantiser: affine\n"),
                      "test.yaml:4: quantiser: unknown key"));
  BOOST_TEST(contains(error("variants:\n - name: a\n   weights: {}\n   bias: int32\n"),
                      "test.yaml:4: bias: unknown key"));
  BOOST_TEST(
      contains(error("variants:\n - name: a\n   activations: {}\n   calibration: {images: 0}\n"),
               "test.yaml:4: images: 0 is out of range; accepted: a whole number at least 1"));
  BOOST_TEST(
      contains(error("variants:\n - name: a\n   weights:\n     quantizer:\n       name: affine\n"
                     "       bit_width: 99\n"),
               "test.yaml:6: bit_width: 99 is out of range"));
  BOOST_TEST(contains(error("variants: [{name: a, weights: {quantizer: log}}]"),
                      "unknown name 'log'; accepted: affine"));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
