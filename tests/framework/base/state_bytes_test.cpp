#include "framework/base/state_bytes.h"

#include <boost/test/unit_test.hpp>

using namespace quantdyn;

BOOST_AUTO_TEST_SUITE(state_bytes_test)

BOOST_AUTO_TEST_CASE(a_state_returns_from_bytes) {
  State state;
  state["a/b"] = std::vector<float>{1.5f, -0.0f};
  state["counts"] = std::vector<int64_t>{};
  state["names"] = std::vector<std::string>{"", "x y"};
  const std::vector<std::byte> bytes = bytes_of(state);
  BOOST_TEST((state_of(bytes) == state));
  for (size_t length = 1; length < bytes.size(); ++length) try {
      BOOST_TEST(state_of(std::span(bytes).first(length)).size() < state.size());
    } catch (const Error& e) {
      BOOST_TEST(std::string(e.what()).find("are missing at the end") != std::string::npos);
    }
}

BOOST_AUTO_TEST_SUITE_END()
