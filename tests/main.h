// main() of a test program: Boost's, then a line about what was skipped. To be included once, after
// BOOST_TEST_MODULE is defined.
#pragma once

#define BOOST_TEST_NO_MAIN
#include <boost/test/tree/observer.hpp>
#include <boost/test/unit_test.hpp>
#include <iostream>
#include <string>
#include <vector>

namespace quantdyn::test {

/// Gathers what is skipped for a reason, not what the command line leaves out.
class Skips final : public boost::unit_test::test_observer {
 public:
  using Unit = boost::unit_test::test_unit;

  void test_unit_start(const Unit& unit) override { cases_run_ += unit.p_type == type_of_case; }
  void test_unit_skipped(const Unit& unit, boost::unit_test::const_string reason) override {
    if (unit.p_type == type_of_case && unit.is_enabled())
      skipped_.push_back("  " + unit.full_name() + ": " +
                         std::string(reason.begin(), reason.end()));
  }
  /// Prints the list; returns the exit code, 77 (which Meson shows as SKIP) where nothing ran.
  int report(int exit_code) const {
    if (skipped_.empty()) return exit_code;
    std::cout << skipped_.size() << " cases skipped:\n";
    for (const std::string& line : skipped_) std::cout << line << "\n";
    return cases_run_ == 0 ? 77 : exit_code;
  }

 private:
  static constexpr auto type_of_case = boost::unit_test::TUT_CASE;

  int64_t cases_run_ = 0;
  std::vector<std::string> skipped_;
};

}  // namespace quantdyn::test

int main(int argc, char* argv[]) {
  quantdyn::test::Skips skips;
  boost::unit_test::framework::register_observer(skips);
  const int exit_code = boost::unit_test::unit_test_main(&init_unit_test, argc, argv);
  return skips.report(exit_code);
}
