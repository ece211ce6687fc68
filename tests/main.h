// What main() of a test program does: Boost's, then a line about what was skipped.
#pragma once

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

/// `module`: the name of the program's tests.
inline int main(const char* module, int argc, char* argv[]) {
  namespace framework = boost::unit_test::framework;
  static const char* name = module;
  const auto set_name = [] {
    framework::master_test_suite().p_name.value = name;
    return true;
  };
  Skips skips;
  framework::register_observer(skips);
  return skips.report(boost::unit_test::unit_test_main(set_name, argc, argv));
}

}  // namespace quantdyn::test
