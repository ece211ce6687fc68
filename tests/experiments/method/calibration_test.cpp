// Calibration names the node and the image where a value is not finite.
#include "experiments/method/calibration.h"

#include <boost/test/unit_test.hpp>
#include <limits>

#include "data/order.h"
#include "tests/quant/helpers.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

/// Thirty images for small_network(); one of them holds an infinity.
class Spoiled final : public Dataset {
 public:
  explicit Spoiled(int64_t bad) : bad_(bad) {}
  int64_t size() const override { return 30; }
  Shape sample_shape() const override { return {8, 8, 3}; }
  int64_t classes() const override { return 4; }
  int64_t get(int64_t i, float* x) const override {
    for (int64_t k = 0; k < 8 * 8 * 3; ++k)
      x[k] = static_cast<float>(Rng(static_cast<uint64_t>(i)).normal(static_cast<uint64_t>(k)));
    if (i == bad_) x[100] = std::numeric_limits<float>::infinity();
    return i % 4;
  }
  std::string name() const override { return "spoiled"; }
  std::string sha256() const override { return ""; }

 private:
  int64_t bad_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(calibration_test)

BOOST_AUTO_TEST_CASE(a_value_that_is_not_finite_is_named_by_node_and_image) {
  const Network network = small_network();
  const Standardization as_is{{0, 0, 0}, {1, 1, 1}};
  const Variant all = variant("{name: a, activations: {}}");
  Evaluator net(network, Fusing::fused, ConvolutionAlgorithm::direct, Keep::logits);
  std::vector<int64_t> indices;
  for (int64_t i = 29; i >= 0; --i) indices.push_back(i);
  const Spoiled good(-1), bad(11);
  BOOST_TEST(calibrate(net, all, {&good, &as_is, indices}).size() == network.units().size());
  BOOST_TEST(
      error_of<Error>([&] {
        calibrate(net, all, {&bad, &as_is, indices});
      }) ==
      "calibration: the output of 'input' is NaN or infinite for image 11 of spoiled (number "
      "18 of the calibration images); ranges need finite values");
  const Variant late = variant("{name: a, overrides: [{nodes: logits, activations: {}}]}");
  BOOST_TEST(contains(error_of<Error>([&] {
                        calibrate(net, late, {&bad, &as_is, indices});
                      }),
                      "'input' is NaN or infinite for image 11"));
  const ImageSet numbered{&good, &as_is, {3, 6, 9}};
  BOOST_TEST(labels_of(numbered) == (std::vector<int32_t>{3, 2, 1}));
}

BOOST_AUTO_TEST_CASE(ranges_are_shared_by_schemes_that_differ_only_in_levels_that_do_not_matter) {
  const Network network = small_network();
  const Standardization as_is{{0, 0, 0}, {1, 1, 1}};
  const Spoiled images(-1);
  const ImageSet some{&images, &as_is, {0, 1, 2}};
  Evaluator net(network, Fusing::fused, ConvolutionAlgorithm::direct, Keep::logits);
  const auto with = [](const std::string& activations) {
    return variant("{name: a, activations: {" + activations + "}}");
  };
  const int unit = 1;
  const int64_t channels = network.nodes()[network.units()[unit].last].shape.channels();
  const auto is_known = [&](const std::string& first, const std::string& second) {
    KnownRanges known;
    calibrate(net, with(first), some, &known);
    return known.find(some, unit, channels, *with(second).units[unit].output) != nullptr;
  };
  const std::string minmax = "estimator: minmax, quantizer: {name: affine, ";
  BOOST_TEST(is_known(minmax + "bit_width: 8}", minmax + "bit_width: 4, symmetric: true}"));
  BOOST_TEST(is_known("estimator: moving_average",
                      "estimator: moving_average, quantizer: {name: affine, bit_width: 4}"));
  BOOST_TEST(!is_known(minmax + "bit_width: 8}", "estimator: sigma"));
  BOOST_TEST(!is_known("estimator: {name: sigma, k: 2}", "estimator: {name: sigma, k: 3}"));
  BOOST_TEST(
      !is_known("estimator: mse", "estimator: mse, quantizer: {name: affine, bit_width: 4}"));
  const std::string grouped = minmax + "profile: none, granularity: per_group, group_size: ";
  BOOST_TEST(is_known(grouped + "3}", grouped + "3, bit_width: 4}"));
  BOOST_TEST(!is_known(grouped + "3}", grouped + "4}"));
  BOOST_TEST(!is_known(grouped + "3}", minmax + "bit_width: 8}"));
}

BOOST_AUTO_TEST_CASE(images_are_chosen_as_the_variant_says) {
  const Spoiled data(-1);  // image i is of class i modulo 4
  using Order = CalibrationChoice::Order;
  const auto chosen = [&](int64_t count, Order order, int64_t seed) {
    return chosen_images({count, order, seed, {}}, data, Rng(1));
  };
  BOOST_TEST(chosen(12, Order::shuffle, 0) == first_of_shuffle(Rng(1), 30, 12));
  BOOST_TEST(chosen(12, Order::shuffle, 1) != chosen(12, Order::shuffle, 0));
  BOOST_TEST(chosen(3, Order::first, 0) == (std::vector<int64_t>{0, 1, 2}));
  const std::vector<int64_t> balanced = chosen(14, Order::balanced, 0);
  std::vector<int64_t> of_class(4);
  for (int64_t image : balanced) ++of_class[image % 4];
  BOOST_TEST(of_class == (std::vector<int64_t>{4, 4, 3, 3}));
  BOOST_TEST(balanced != chosen(14, Order::balanced, 5));
  // In the shuffle's order: what it leaves out is what its class has no room for.
  std::vector<int64_t> rest = balanced;
  for (int64_t image : first_of_shuffle(Rng(1), 30, 30))
    if (!rest.empty() && rest.front() == image) rest.erase(rest.begin());
  BOOST_TEST(rest.empty());
  // Classes 0 and 1 have 8 images, the others 7.
  BOOST_TEST(error_of<Error>([&] { chosen(30, Order::balanced, 0); }) == "");
  BOOST_TEST(chosen(29, Order::balanced, 0).size() == 29);
}

BOOST_AUTO_TEST_CASE(a_balanced_choice_needs_labels_and_enough_of_each) {
  class Lopsided final : public Dataset {
   public:
    explicit Lopsided(int64_t classes) : classes_(classes) {}
    int64_t size() const override { return 30; }
    Shape sample_shape() const override { return {1}; }
    int64_t classes() const override { return classes_; }
    int64_t get(int64_t i, float*) const override { return i < 27 ? 0 : 1; }
    std::string name() const override { return "lopsided"; }
    std::string sha256() const override { return ""; }

   private:
    int64_t classes_;
  };
  const auto refusal = [](int64_t classes) {
    return error_of<ConfigError>([&] {
      chosen_images({10, CalibrationChoice::Order::balanced, 0, {}}, Lopsided(classes), Rng(1));
    });
  };
  BOOST_TEST(refusal(2) ==
             "calibration: class 1 of lopsided has 2 images too few for 10 balanced ones");
  BOOST_TEST(refusal(0) ==
             "calibration: choice: balanced needs labels, but lopsided has none; accepted: "
             "shuffle, first");
}

BOOST_AUTO_TEST_SUITE_END()
