#include "stats/errors/logits.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "framework/base/error.h"
#include "framework/base/threads.h"
#include "tests/stats/observe.h"

using namespace quantdyn;

namespace {

using Labels = std::vector<int32_t>;

/// Independent of the code under test: straight from the formulae, in long double.
struct Expected {
  long double cross_entropy = 0, qmse = 0, signal = 0, softmax_qmse = 0, qce = 0, kl = 0;

  Expected(const std::vector<float>& x, const std::vector<float>& q, const Labels& labels,
           size_t classes) {
    const size_t n = labels.size();
    for (size_t i = 0; i < n; ++i) {
      const auto p = softmax(&x[i * classes], classes), r = softmax(&q[i * classes], classes);
      cross_entropy -= std::log(r[labels[i]]) / n;
      for (size_t k = 0; k < classes; ++k) {
        const long double value = x[i * classes + k], difference = value - q[i * classes + k];
        qmse += difference * difference / (n * classes);
        signal += value * value / (n * classes);
        softmax_qmse += (p[k] - r[k]) * (p[k] - r[k]) / (n * classes);
        qce -= p[k] * std::log(r[k]) / n;
        kl += p[k] * std::log(p[k] / r[k]) / n;
      }
    }
  }
  static std::vector<long double> softmax(const float* logits, size_t classes) {
    long double sum = 0;
    std::vector<long double> out;
    for (size_t k = 0; k < classes; ++k) {
      out.push_back(std::exp(static_cast<long double>(logits[k])));
      sum += out.back();
    }
    for (long double& value : out) value /= sum;
    return out;
  }
};

LogitsComparison compare(const std::vector<float>& x, const std::vector<float>& q,
                         const Labels& labels) {
  const auto n = static_cast<int64_t>(labels.size());
  const Shape shape{n, static_cast<int64_t>(x.size()) / n};
  return compare_logits({x.data(), shape}, {q.data(), shape}, labels);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(logits_test)

BOOST_AUTO_TEST_CASE(metrics_of_two_images_are_those_computed_by_hand) {
  // Softmax (3/4, 1/4) twice; quantized (1/2, 1/2) twice.
  const float log3 = std::log(3.0f);
  const auto out = compare({log3, 0, 0, -log3}, {0, 0, 1, 1}, {0, 1});
  const auto near = boost::test_tools::tolerance(1e-7);
  BOOST_TEST(out.reference.accuracy == 0.5);
  BOOST_TEST(out.quantized.accuracy == 0.5);  // ties go to class 0
  BOOST_TEST(out.relative_accuracy_decrease == 0);
  BOOST_TEST(out.agreement == 1);
  BOOST_TEST(out.quantized.cross_entropy == std::log(2.0), near);
  BOOST_TEST(out.reference.cross_entropy == (std::log(4.0 / 3) + std::log(4.0)) / 2, near);
  BOOST_TEST(out.softmax_qmse == 0.0625, near);
  BOOST_TEST(out.qce == std::log(2.0), near);
  BOOST_TEST(out.kl == 0.75 * std::log(1.5) + 0.25 * std::log(0.5), near);
}

BOOST_AUTO_TEST_CASE(metrics_agree_with_long_double) {
  const size_t images = 1003, classes = 10;
  const auto x = random_values(images * classes, 0, 3);
  auto q = x;
  for (float& value : q) value = std::round(value * 2) / 2;
  Labels labels;
  for (size_t i = 0; i < images; ++i) labels.push_back(static_cast<int32_t>(i * 7 % classes));
  const Expected expected(x, q, labels, classes);
  const auto out = compare(x, q, labels);
  const auto near = boost::test_tools::tolerance(1e-12);
  BOOST_TEST(out.quantized.cross_entropy == static_cast<double>(expected.cross_entropy), near);
  BOOST_TEST(out.qmse == static_cast<double>(expected.qmse), near);
  BOOST_TEST(out.sqnr == static_cast<double>(10 * std::log10(expected.signal / expected.qmse)),
             near);
  BOOST_TEST(out.softmax_qmse == static_cast<double>(expected.softmax_qmse), near);
  BOOST_TEST(out.qce == static_cast<double>(expected.qce), near);
  BOOST_TEST(out.kl == static_cast<double>(expected.kl), near);
}

BOOST_AUTO_TEST_CASE(accuracy_decrease_is_relative_to_float) {
  const auto out = compare({2, 1, 1, 2, 2, 1, 1, 2}, {2, 1, 2, 1, 2, 1, 1, 2}, {0, 1, 0, 1});
  BOOST_TEST(out.reference.accuracy == 1);
  BOOST_TEST(out.quantized.accuracy == 0.75);
  BOOST_TEST(out.relative_accuracy_decrease == 0.25);
  BOOST_TEST(out.agreement == 0.75);
}

BOOST_AUTO_TEST_CASE(equal_logits_have_no_error_however_large) {
  const std::vector<float> x{1000, -1000, 0, 3e38f, 1, 2};
  const auto out = compare(x, x, {0, 0});
  BOOST_TEST(out.qmse == 0);
  BOOST_TEST(out.sqnr == HUGE_VAL);
  BOOST_TEST(out.softmax_qmse == 0);
  BOOST_TEST(out.kl == 0);
  BOOST_TEST(out.agreement == 1);
  BOOST_TEST(out.quantized.cross_entropy == 0);
}

BOOST_AUTO_TEST_CASE(results_do_not_depend_on_the_number_of_workers) {
  const auto x = random_values(1001 * 10), q = random_values(1001 * 10, 0.1f);
  const Labels labels(1001, 3);
  std::vector<Frame> frames;
  for (int workers : {1, 2, 3}) {
    set_worker_count(workers);
    frames.emplace_back(std::vector<int64_t>{0});
    save(compare(x, q, labels), frames.back());
  }
  set_worker_count(1);
  BOOST_TEST(same_bits(frames[0], frames[1]));
  BOOST_TEST(same_bits(frames[0], frames[2]));
}

BOOST_AUTO_TEST_CASE(logits_that_are_not_finite_are_counted_and_seen) {
  for (float bad : {NAN, HUGE_VALF, -HUGE_VALF}) {
    const auto out = compare({2, 1, 2, 1, 2, 1}, {2, 1, bad, 1, 2, 1}, {0, 0, 0});
    BOOST_TEST(out.nonfinite_images == 1u);
    BOOST_TEST(out.reference.nonfinite_images == 0u);
    BOOST_TEST(out.quantized.nonfinite_images == 1u);
    BOOST_TEST(out.quantized.accuracy == 2.0 / 3);
    BOOST_TEST(out.agreement == 2.0 / 3);
    BOOST_TEST(std::isnan(out.quantized.cross_entropy));
    BOOST_TEST(!std::isfinite(out.qmse));
    BOOST_TEST(std::isnan(out.kl));
    BOOST_TEST(std::isfinite(out.reference.cross_entropy));
  }
}

BOOST_AUTO_TEST_CASE(without_labels_there_is_no_accuracy_but_all_else) {
  const std::vector<float> x{2, 1, 2, 1}, q{2, 1, 1, 2};
  const auto out = compare_logits({x.data(), {2, 2}}, {q.data(), {2, 2}}, {});
  const auto labelled = compare(x, q, {0, 0});
  for (const double none : {out.reference.accuracy, out.quantized.accuracy,
                            out.quantized.cross_entropy, out.relative_accuracy_decrease})
    BOOST_TEST(std::isnan(none));
  BOOST_TEST(out.agreement == 0.5);
  BOOST_TEST(out.kl == labelled.kl);
  BOOST_TEST(out.sqnr == labelled.sqnr);
  BOOST_TEST(std::isnan(classify({x.data(), {2, 2}}, {}).accuracy));
}

BOOST_AUTO_TEST_CASE(a_comparison_saves_the_quantized_run_beside_its_errors) {
  Frame frame({0}), plain({0});
  const std::vector<float> x{2, 1, 2, 1}, q{2, 1, 1, 2};
  save(compare(x, q, {0, 0}), frame);
  save(classify({x.data(), {2, 2}}, Labels{0, 0}), plain);
  BOOST_TEST(frame.arrays().size() == 10u);
  BOOST_TEST(plain.arrays().size() == 3u);
  BOOST_TEST(doubles(plain, "networkwise/accuracy")[0] == 1);
  BOOST_TEST(doubles(frame, "networkwise/accuracy")[0] == 0.5);
  BOOST_TEST(doubles(frame, "networkwise/logits_qmse")[0] == 0.5);
  BOOST_TEST(doubles(frame, "networkwise/relative_accuracy_decrease")[0] == 0.5);
}

BOOST_AUTO_TEST_CASE(misuse_is_refused) {
  const std::vector<float> x(6);
  BOOST_CHECK_THROW(classify({x.data(), {3, 2}}, Labels{0, 1}), Error);
  BOOST_CHECK_THROW(classify({x.data(), {3, 2}}, Labels{0, 1, 2}), Error);
  BOOST_CHECK_THROW(classify({x.data(), {3, 2}}, Labels{0, -1, 1}), Error);
  BOOST_CHECK_THROW(classify({x.data(), {0, 2}}, Labels{}), Error);
  BOOST_CHECK_THROW(classify({x.data(), {6}}, Labels(6)), Error);
  BOOST_CHECK_THROW(compare_logits({x.data(), {3, 2}}, {x.data(), {2, 2}}, Labels(3)), Error);
}

BOOST_AUTO_TEST_SUITE_END()
