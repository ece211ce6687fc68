#include "framework/learning/optimizer.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <string>

using namespace quantdyn;

BOOST_AUTO_TEST_SUITE(optimizers)

namespace {
Parameter<float> make_parameter(const std::string& name, float value) {
  Parameter<float> out;
  out.name = name;
  out.master = out.grad = Tensor<float>(Shape{1});
  out.master.fill(value);
  return out;
}

std::unique_ptr<Optimizer> make(const std::string& yaml) {
  return Registry<Optimizer>::instance().make(Options::from_text(yaml, "test.yaml"));
}

/// Where a parameter that starts at 1 is after each of three steps at rate 0.1.
std::vector<double> path(const std::string& yaml, const std::string& name = "weight") {
  const std::vector<float> gradients{1, 2, -1};
  const auto optimizer = make(yaml);
  Parameter<float> parameter = make_parameter(name, 1);
  Parameter<float>* const all[] = {&parameter};
  std::vector<double> out;
  for (float gradient : gradients) {
    parameter.grad.fill(gradient);
    optimizer->step(all, 0.1);
    out.push_back(static_cast<double>(parameter.master[0]));
  }
  return out;
}

void check_path(const std::string& yaml, const std::vector<double>& expected) {
  const std::vector<double> found = path(yaml);
  for (size_t i = 0; i < expected.size(); ++i)
    BOOST_TEST(found[i] == expected[i], boost::test_tools::tolerance(1e-6));
}
}  // namespace

BOOST_AUTO_TEST_CASE(sgd_by_hand) {
  check_path("{name: sgd, momentum: 0}", {0.9, 0.7, 0.8});
  // v = 1, 2.5, 0.25.
  check_path("{name: sgd, momentum: 0.5}", {0.9, 0.65, 0.625});
  // g + v / 2 = 1.5, 3.25, -0.875.
  check_path("{name: sgd, momentum: 0.5, nesterov: true}", {0.85, 0.525, 0.6125});
}

BOOST_AUTO_TEST_CASE(sgd_weight_decay_by_hand) {
  // g + p / 2 = 1.5, 2.425, -0.73375 and v = 1.5, 3.175, 0.85375.
  check_path("{name: sgd, momentum: 0.5, weight_decay: 0.5}", {0.85, 0.5325, 0.447125});
  // p shrinks by 0.95 before each step of v = 1, 2.5, 0.25.
  check_path("{name: sgd, momentum: 0.5, weight_decay: 0.5, decay: decoupled}",
             {0.85, 0.5575, 0.504625});
}

BOOST_AUTO_TEST_CASE(adam_by_hand) {
  const double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, gradients[] = {1, 2, -1};
  std::vector<double> plain, decoupled;
  double p = 1, q = 1, m = 0, v = 0;
  for (int t = 1; t <= 3; ++t) {
    const double g = gradients[t - 1];
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    const double step =
        0.1 * m / (1 - std::pow(beta1, t)) / (std::sqrt(v / (1 - std::pow(beta2, t))) + epsilon);
    plain.push_back(p -= step);
    decoupled.push_back(q += -0.1 * 0.5 * q - step);
  }
  BOOST_TEST(plain[0] == 0.9, boost::test_tools::tolerance(1e-6));  // the first step is the rate
  check_path("{name: adam}", plain);
  check_path("{name: adam, weight_decay: 0.5, decay: decoupled}", decoupled);
}

BOOST_AUTO_TEST_CASE(adam_options_are_used) {
  const std::vector<double> plain = path("name: adam");
  for (const char* options : {"beta1: 0.5", "beta2: 0.5", "epsilon: 1", "weight_decay: 1"})
    BOOST_TEST(path(fmt::format("{{name: adam, {}}}", options)).back() != plain.back());
}

BOOST_AUTO_TEST_CASE(norm_and_bias_decay_unless_told_not_to) {
  const std::string yaml = "{name: sgd, weight_decay: 0.5, decay_norm_and_bias: ";
  const std::vector<double> without = path("{name: sgd}");
  BOOST_TEST(path(yaml + "true}", "gamma") == path(yaml + "true}", "weight"));
  for (const char* name : {"gamma", "beta", "bias"})
    BOOST_TEST(path(yaml + "false}", name) == without);
  BOOST_TEST(path(yaml + "false}", "weight") == path(yaml + "true}", "weight"));
}

BOOST_AUTO_TEST_CASE(running_statistics_stay) {
  Parameter<float> trained = make_parameter("weight", 1), running = make_parameter("mean", 1);
  running.trained = false;
  running.grad = {};
  trained.grad.fill(1);
  Parameter<float>* const all[] = {&running, &trained};
  for (const char* name : {"sgd", "adam"}) {
    const float before = trained.master[0];
    make(fmt::format("{{name: {}, weight_decay: 1}}", name))->step(all, 0.1);
    BOOST_TEST(running.master[0] == 1);
    BOOST_TEST(trained.master[0] < before);
  }
}

BOOST_AUTO_TEST_CASE(each_parameter_has_its_own_state) {
  const auto optimizer = make("{name: sgd, momentum: 0.5}");
  Parameter<float> a = make_parameter("weight", 0), b = make_parameter("weight", 0);
  Parameter<float>* const all[] = {&a, &b};
  a.grad.fill(1);
  optimizer->step(all, 1);
  a.grad.fill(0);
  optimizer->step(all, 1);
  BOOST_TEST(a.master[0] == -1.5f);
  BOOST_TEST(b.master[0] == 0);
}

BOOST_AUTO_TEST_CASE(mistakes_are_refused) {
  for (const char* yaml :
       {"{name: sgd, momentum: 1}", "{name: sgd, momentum: 0, nesterov: true}",
        "{name: sgd, weight_decay: -1}", "{name: sgd, decay: l2}", "{name: adam, beta2: 1}",
        "{name: adam, epsilon: 0}", "{name: adam, momentum: 0.9}"})
    BOOST_CHECK_THROW(make(yaml), ConfigError);
}

BOOST_AUTO_TEST_CASE(every_optimizer_goes_on_from_its_state_with_the_same_bits) {
  for (const auto& [name, entry] : Registry<Optimizer>::instance().entries()) {
    const auto go = [](Optimizer& optimizer, Parameter<float>& parameter, int first, int end) {
      Parameter<float>* const all[] = {&parameter};
      for (int step = first; step < end; ++step) {
        parameter.grad.fill(static_cast<float>(step % 3) - 0.7f);
        optimizer.step(all, 0.1);
      }
    };
    Parameter<float> whole = make_parameter("weight", 1), parts = make_parameter("weight", 1);
    go(*make("{name: " + name + "}"), whole, 0, 7);
    State state;
    Parameter<float>* const all[] = {&parts};
    {
      const auto first = make("{name: " + name + "}");
      go(*first, parts, 0, 3);
      first->visit_state(StateVisitor::saving(state), all);
    }
    const auto second = make("{name: " + name + "}");
    second->visit_state(StateVisitor::loading(state), all);
    go(*second, parts, 3, 7);
    BOOST_TEST(parts.master[0] == whole.master[0], name);
  }
}

BOOST_AUTO_TEST_SUITE_END()
