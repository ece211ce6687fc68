#include "framework/base/state.h"

#include <boost/test/unit_test.hpp>

#include "tests/errors.h"

using namespace quantdyn;

namespace {

struct Part {
  int64_t step = 0;
  bool is_on = false;
  std::vector<float> values;
  std::vector<std::string> texts;
  Tensor<float> tensor{Shape{2, 3}};

  void visit_state(StateVisitor state) {
    state.visit("step", step);
    state.visit("is_on", is_on);
    StateVisitor inner = state.group("inner");
    inner.visit("values", values);
    inner.visit("texts", texts);
    inner.visit("tensor", tensor);
  }
};

State saved() {
  Part part{.step = 3, .is_on = true, .values = {0.5f, -1}, .texts = {"a\nb"}};
  part.tensor.fill(2);
  State out;
  part.visit_state(StateVisitor::saving(out).group("part"));
  return out;
}

std::string loading_error(const State& state) {
  return error_of([&] {
    Part part;
    part.visit_state(StateVisitor::loading(state).group("part"));
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(state_test)

BOOST_AUTO_TEST_CASE(one_function_saves_and_loads) {
  const State state = saved();
  BOOST_TEST(state.contains("part/inner/values"));
  Part part;
  part.visit_state(StateVisitor::loading(state).group("part"));
  BOOST_TEST(part.step == 3);
  BOOST_TEST(part.is_on);
  BOOST_TEST(part.values == (std::vector<float>{0.5f, -1}));
  BOOST_TEST(part.texts[0] == "a\nb");
  BOOST_TEST(part.tensor[5] == 2);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_named) {
  State state = saved();
  state.erase("part/step");
  BOOST_TEST(contains(loading_error(state), "'part/step' is missing"));
  state = saved();
  state["part/step"] = std::vector<double>{3};
  BOOST_TEST(contains(loading_error(state), "'part/step' has another type"));
  state = saved();
  state["part/inner/tensor"] = std::vector<float>(5);
  BOOST_TEST(contains(loading_error(state), "'part/inner/tensor' has 5 values; expected 6"));
}

BOOST_AUTO_TEST_CASE(a_name_is_saved_once) {
  State state;
  int64_t value = 0;
  StateVisitor visitor = StateVisitor::saving(state);
  visitor.visit("a", value);
  BOOST_TEST(contains(error_of([&] { visitor.visit("a", value); }), "'a' is saved twice"));
}

BOOST_AUTO_TEST_SUITE_END()
