#include "layers/softmax_cross_entropy.h"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "framework/base/threads.h"
#include "tests/layers/gradient_check.h"

using namespace quantdyn;
using namespace quantdyn::testing;

BOOST_AUTO_TEST_SUITE(softmax_cross_entropy_loss)

namespace {
std::vector<int32_t> labels_of(int64_t images, int32_t classes) {
  std::vector<int32_t> labels;
  for (int64_t n = 0; n < images; ++n) labels.push_back(static_cast<int32_t>(n) % classes);
  return labels;
}

double loss_of(const std::vector<double>& logits, int32_t label, double smoothing = 0) {
  const View<const double> view(logits.data(), {1, static_cast<int64_t>(logits.size())});
  return softmax_cross_entropy(view, std::span(&label, 1), smoothing).mean_loss;
}

double worst_error(const Shape& shape, double smoothing) {
  auto logits = random_tensor<double>(shape, "logits", 3);
  const auto labels = labels_of(shape[0], static_cast<int32_t>(shape[1]));
  Tensor<double> gradient(shape);
  const auto loss = [&] {
    return softmax_cross_entropy<double>(logits.view(), labels, smoothing).mean_loss;
  };
  softmax_cross_entropy<double>(logits.view(), labels, smoothing, gradient.view());
  double worst = 0;
  for (int64_t i = 0; i < logits.elements(); ++i) {
    const double kept = logits[i], step = 1e-5;
    logits[i] = kept + step;
    const double above = loss();
    logits[i] = kept - step;
    const double numeric = (above - loss()) / (2 * step);
    logits[i] = kept;
    const double scale = std::max({std::abs(numeric), std::abs(gradient[i]), 0.01});
    worst = std::max(worst, std::abs(numeric - gradient[i]) / scale);
  }
  BOOST_TEST_MESSAGE("gradient of softmax_cross_entropy on "
                     << shape.text() << ", smoothing " << smoothing << ": worst relative error "
                     << worst);
  return worst;
}
}  // namespace

BOOST_AUTO_TEST_CASE(gradients_match_differences) {
  BOOST_TEST(worst_error({9, 10}, 0) < 1e-7);
  BOOST_TEST(worst_error({3, 17}, 0.1) < 1e-7);
  BOOST_TEST(worst_error({1, 2}, 0.5) < 1e-7);
}

BOOST_AUTO_TEST_CASE(values_by_hand) {
  const auto close = boost::test_tools::tolerance(1e-14);
  const double log4 = std::log(4.0);
  BOOST_TEST(loss_of({0, 0}, 1) == std::log(2.0), close);
  BOOST_TEST(loss_of({std::log(3.0), 0}, 0) == log4 - std::log(3.0), close);
  // Targets 0.8 + 0.1 and 0.1.
  BOOST_TEST(loss_of({std::log(3.0), 0}, 0, 0.2) == 0.9 * (log4 - std::log(3.0)) + 0.1 * log4,
             close);
}

BOOST_AUTO_TEST_CASE(large_logits_do_not_overflow) {
  BOOST_TEST(loss_of({1000, 0}, 1) == 1000);
  BOOST_TEST(loss_of({-1000, -1000}, 0) == std::log(2.0), boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(first_of_equal_logits_counts) {
  const std::vector<float> logits{1, 2, 2, 3, 3, 3};
  const std::vector<int32_t> labels{2, 0};
  BOOST_TEST(softmax_cross_entropy<float>({logits.data(), {2, 3}}, labels, 0).correct == 1);
}

BOOST_AUTO_TEST_CASE(nan_makes_the_loss_nan) {
  BOOST_TEST(std::isnan(loss_of({0, std::nan(""), 1}, 0)));
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_threads) {
  const Shape shape{43, 10};
  const auto logits = random_tensor<float>(shape, "logits");
  const auto labels = labels_of(43, 10);
  Tensor<float> one(shape), three(shape);
  const auto loss = [&](int workers, Tensor<float>& gradient) {
    set_worker_count(workers);
    const auto found = softmax_cross_entropy<float>(logits.view(), labels, 0.1, gradient.view());
    set_worker_count(1);
    return found.mean_loss;
  };
  BOOST_TEST(loss(1, one) == loss(3, three));
  BOOST_TEST(one.values() == three.values(), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(mistakes_are_refused) {
  const std::vector<float> logits(6);
  const View<const float> view(logits.data(), {2, 3});
  const std::vector<int32_t> outside{0, 3}, short_by_one{0}, good{0, 1};
  BOOST_CHECK_EXCEPTION(softmax_cross_entropy(view, outside, 0), Error, [](const Error& error) {
    return std::string(error.what()).find("label 3 of image 1, accepted: 0 to 2") !=
           std::string::npos;
  });
  BOOST_CHECK_THROW(softmax_cross_entropy(view, short_by_one, 0), Error);
  BOOST_CHECK_THROW(softmax_cross_entropy(view, good, 1), Error);
}

BOOST_AUTO_TEST_SUITE_END()
