#include <boost/test/unit_test.hpp>
#include <cmath>

#include "tests/layers/gradient_check.h"

using namespace quantdyn;
using namespace quantdyn::testing;

BOOST_AUTO_TEST_SUITE(batch_norm)

BOOST_AUTO_TEST_CASE(gradients_match_differences) {
  BOOST_TEST(worst_gradient_error("{name: batch_norm}", {{7, 1, 3}}, 2) < 1e-6);
  BOOST_TEST(worst_gradient_error("{name: batch_norm}", {{1, 2, 17}}, 9) < 1e-6);
  BOOST_TEST(worst_gradient_error("{name: batch_norm, epsilon: 0.5}", {{1}}, 3) < 1e-6);
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_threads) {
  BOOST_TEST(same_bits_for_any_thread_count("{name: batch_norm}", {{3, 5, 7}}));
}

BOOST_AUTO_TEST_CASE(batch_and_running_statistics_by_hand) {
  // 1, 3, 5, 7: mean 4, biased variance 5, unbiased 20 / 3.
  Trial<double> trial("{name: batch_norm, epsilon: 0, momentum: 0.25}", {{2, 1, 1}}, 2);
  for (int64_t i = 0; i < 4; ++i) trial.x[0][i] = 1 + 2 * static_cast<double>(i);
  ChannelAffine<double>* role = trial.layer->channel_affine();
  role->gamma->master.fill(10);
  role->beta->master.fill(1);
  trial.forward();
  for (int64_t i = 0; i < 4; ++i)
    BOOST_TEST(trial.y[i] == 1 + 10 * (trial.x[0][i] - 4) / std::sqrt(5.0),
               boost::test_tools::tolerance(1e-12));
  const auto close = boost::test_tools::tolerance(1e-12);
  BOOST_TEST(role->mean->master[0] == 0.25 * 4, close);
  BOOST_TEST(role->variance->master[0] == 0.75 + 0.25 * 20 / 3, close);
}

BOOST_AUTO_TEST_CASE(evaluation_uses_running_statistics) {
  const std::vector<float> y =
      evaluated("{name: batch_norm, epsilon: 0}", {2}, {3, 5}, {{2, 4}, {1, -1}, {1, 1}, {4, 16}});
  const std::vector<float> expected{3, 3};  // 2 (3 - 1) / 2 + 1, 4 (5 - 1) / 4 - 1
  BOOST_TEST(y == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(variance_survives_a_large_mean) {
  Trial<float> trial("{name: batch_norm, epsilon: 0, momentum: 1}", {{64, 64, 1}}, 8);
  for (int64_t i = 0; i < trial.x[0].elements(); ++i)
    trial.x[0][i] = 1e5f + (i % 2 == 0 ? 0.5f : -0.5f);
  trial.forward();
  const double count = 8 * 64 * 64;
  BOOST_TEST(trial.layer->channel_affine()->variance->master[0] ==
                 static_cast<float>(0.25 * count / (count - 1)),
             boost::test_tools::tolerance(1e-6f));
}

BOOST_AUTO_TEST_CASE(running_statistics_are_not_trained) {
  const auto layer = make_layer<float>("{name: batch_norm}");
  const Shape input{4, 4, 3};
  layer->setup(std::span(&input, 1));
  const auto parameters = layer->parameters();
  BOOST_TEST(parameters.size() == 4u);
  BOOST_TEST((parameters[0]->trained && parameters[1]->trained));
  BOOST_TEST((!parameters[2]->trained && !parameters[3]->trained));
  BOOST_TEST(parameters[2]->name == "running_mean");
  BOOST_TEST(layer->channel_affine()->epsilon == 1e-5);
  BOOST_TEST(layer->channel_affine()->momentum == 0.1);
}

BOOST_AUTO_TEST_CASE(one_value_a_channel_cannot_train) {
  Trial<float> trial("{name: batch_norm}", {{1, 1, 3}}, 1);
  BOOST_CHECK_EXCEPTION(trial.forward(), Error, [](const Error& error) {
    return std::string(error.what()).find("one value per channel") != std::string::npos;
  });
}

BOOST_AUTO_TEST_CASE(nan_reaches_the_output) {
  Trial<float> trial("{name: batch_norm}", {{1, 2, 1}}, 2);
  trial.x[0][2] = std::nanf("");
  trial.forward();
  BOOST_TEST(std::isnan(trial.y[0]));
}

BOOST_AUTO_TEST_CASE(mistakes_are_refused) {
  BOOST_TEST(error_of("{name: batch_norm, momentum: 2}", {{3}}).find("momentum") !=
             std::string::npos);
  BOOST_TEST(error_of("{name: batch_norm}", {}).find("expected one") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
