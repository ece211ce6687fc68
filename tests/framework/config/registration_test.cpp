// How plugins get into their registries, from the program and from libraries that are loaded.
#include "framework/config/registration.h"

#include <boost/test/unit_test.hpp>

#include "framework/config/registry.h"
#include "tests/errors.h"

using namespace quantdyn;

namespace {

template <int number>
struct Thing {};

template <int number>
std::unique_ptr<Thing<number>> make(const Options&) {
  return std::make_unique<Thing<number>>();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(registration_test)

BOOST_AUTO_TEST_CASE(while_a_library_is_loaded_nothing_is_added) {
  const auto waiting = registrations_of([] { Registered<Thing<1>>("late", "a thing", make<1>); });
  BOOST_TEST(Registry<Thing<1>>::instance().entries().empty());
  BOOST_REQUIRE(waiting.size() == 1u);
  BOOST_TEST(waiting[0].name == "late");
  BOOST_TEST(waiting[0].built_for == library_abi);
  waiting[0].add();
  BOOST_TEST(Registry<Thing<1>>::instance().names() == "late");
}

BOOST_AUTO_TEST_CASE(after_a_library_that_throws_plugins_are_added_at_once_again) {
  BOOST_CHECK_THROW(registrations_of([] { throw Error("no such library"); }), Error);
  const Registered<Thing<2>> now{"now", "a thing", make<2>};
  BOOST_TEST(Registry<Thing<2>>::instance().names() == "now");
}

BOOST_AUTO_TEST_CASE(a_name_that_is_taken_is_an_error_that_names_both) {
  const Registered<Thing<3>> first{"twin", "the first", make<3>};
  const Registered<Thing<3>> second{"twin", "the second", make<3>};
  const std::string message = error_of([] { check_registrations(); });
  for (const char* part : {"twin", "the first", "the second"})
    BOOST_TEST(contains(message, part), message);
  check_registrations();  // forgotten
  const auto waiting = registrations_of([] { Registered<Thing<3>>("twin", "the third", make<3>); });
  BOOST_TEST(contains(error_of([&] { waiting[0].add(); }), "the third"));
}

BOOST_AUTO_TEST_CASE(plugins_taken_by_default_come_in_the_order_of_their_places) {
  const Registered<Thing<4>> c{"c", "", make<4>, 1}, a{"a", "", make<4>}, b{"b", "", make<4>, 2};
  BOOST_TEST(
      (Registry<Thing<4>>::instance().default_names() == std::vector<std::string>{"c", "b"}));
}

BOOST_AUTO_TEST_SUITE_END()
