// Bias correction: afterwards no channel's mean is shifted; analytically by hand.
#include "quant/repairs/bias_correction.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <map>

#include "quant/folding/linear_pairs.h"
#include "quant/schemes/selection.h"
#include "stats/statistics/channel_spreads.h"
#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

BiasCorrection read(const std::string& yaml, const Network& network) {
  return BiasCorrection::read(Options::from_text(yaml, "test.yaml"), network);
}

/// A folded net and a copy with 3-bit weights, on 16 images.
struct Twins {
  FoldedNetwork folded = fold_network(small_network());
  Network quantized = folded.network.clone();
  Tensor<float> images = images_of(quantized);
  std::vector<int> units = units_with_weight(quantized);
  ImageBatches batches{16, [this](const ImageBatches::Work& work) { work(images.view(), 16, 0); }};
  Frame report = frame_of(quantized);

  Twins() {
    const auto coarse = scheme("{quantizer: {name: affine, bit_width: 3}}");
    for (int unit : units) quantize_weight(*coarse, "w", *linear_of(quantized, unit).weight);
  }
  std::vector<double> means(const Network& network, int unit) {
    Evaluator net(network, Fusing::fused, ConvolutionAlgorithm::direct, Keep::logits);
    SpreadObserver observer(network.nodes()[network.units()[unit].last].shape.channels());
    net.tap(unit, TapKind::norm).after.push_back(&observer);
    batches.run(net);
    std::vector<double> out;
    for (const Spread& channel : observer.spreads()) out.push_back(channel.mean);
    return out;
  }
  void correct(const std::string& yaml) {
    Evaluator reference(folded.network, Fusing::fused, ConvolutionAlgorithm::direct, Keep::logits);
    Evaluator net(quantized, Fusing::fused, ConvolutionAlgorithm::direct, Keep::all);
    read(yaml, small_network()).apply(units, folded, reference, quantized, net, batches, report);
  }
};

double largest_gap(const std::vector<double>& a, const std::vector<double>& b) {
  double out = 0;
  for (size_t i = 0; i < a.size(); ++i) out = std::max(out, std::abs(a[i] - b[i]));
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bias_correction)

BOOST_AUTO_TEST_CASE(empirical_correction_leaves_no_shift_in_any_layer) {
  Twins twins;
  std::map<int, double> before;
  for (int unit : twins.units)
    before[unit] =
        largest_gap(twins.means(twins.quantized, unit), twins.means(twins.folded.network, unit));
  const float bias = linear_of(twins.quantized, 1).bias->master[0];
  twins.correct("{method: empirical}");
  for (int unit : twins.units) {
    const double after =
        largest_gap(twins.means(twins.quantized, unit), twins.means(twins.folded.network, unit));
    BOOST_TEST(after < 1e-5);
    BOOST_TEST(before[unit] > 1e-2);
  }
  BOOST_TEST(linear_of(twins.quantized, 1).bias->master[0] ==
             static_cast<float>(bias + channel_report(twins.report, "bias_correction", 1)[0]));
}

BOOST_AUTO_TEST_CASE(analytic_correction_is_the_weights_error_times_the_expected_input) {
  Twins twins;
  const int unit = unit_of(twins.quantized, "sep2_pw");
  const auto moments = output_moments(twins.folded, {{0, 0, 0}, {0, 0, 0}});
  const auto& mean = moments[unit_of(twins.quantized, "sep2_dw")].mean;
  const Linear<float>& linear = linear_of(twins.quantized, unit);  // [1,1,8,12]
  double expected = 0;
  for (int64_t c = 0; c < 8; ++c)
    expected -=
        (linear.weight->effective[c * 12 + 5] - linear.weight->master[c * 12 + 5]) * mean[c];
  twins.correct("{method: analytic}");
  BOOST_TEST(channel_report(twins.report, "bias_correction", unit)[5] == expected,
             boost::test_tools::tolerance(1e-5));
}

BOOST_AUTO_TEST_CASE(analytic_correction_needs_norms) {
  const Network bare = network_of(
      "{input: [4, 4, 1], nodes: [{conv2d: {name: a, channels: 2, kernel: 1}}, {conv2d: {name: b, "
      "channels: 2, kernel: 1}}, {flatten: {name: logits}}]}");
  BOOST_TEST(
      contains(error_of<ConfigError>([&] { read("{method: analytic}", bare); }),
               "does not know the distribution of the input of 'b': 'a' (conv2d) has no batch "
               "norm; accepted: empirical"));
  BOOST_TEST((read("{}", bare).method == BiasCorrection::Method::empirical));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
