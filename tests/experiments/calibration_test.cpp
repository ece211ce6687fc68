// Calibration names the node and the image where a value is not finite.
#include "experiments/calibration.h"

#include <boost/test/unit_test.hpp>
#include <limits>

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

BOOST_AUTO_TEST_SUITE_END()
