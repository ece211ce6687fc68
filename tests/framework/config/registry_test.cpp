#include "framework/config/registry.h"

#include <boost/test/unit_test.hpp>

#include "tests/framework/config/parsed_options.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

struct Widget {
  int64_t size;
};

struct Gadget {};
std::unique_ptr<Gadget> make_gadget(const Options&) { return std::make_unique<Gadget>(); }

const std::string both_named =
    "two plugins are called 'a': \"the first\" and \"the second\"; accepted: a name of its own";

}  // namespace

BOOST_AUTO_TEST_SUITE(registry_test)

BOOST_AUTO_TEST_CASE(a_registry_makes_by_name_and_refuses_others) {
  const Registered<Widget> box{"box", "a box", [](const Options& o) {
                                 const int64_t size =
                                     o.integer("size", 2, accept::at_least<int64_t>(1), "edge");
                                 o.finish();
                                 return std::make_unique<Widget>(Widget{size});
                               }};
  BOOST_TEST(Registry<Widget>::instance()
                 .make(parse("w: {name: box, size: 4}").plugin("w", Options::required, ""))
                 ->size == 4);
  BOOST_TEST(error_of<ConfigError>([] {
               Registry<Widget>::instance().make(
                   parse("\nw: bax").plugin("w", Options::required, ""));
             }) == "a.yaml:2: name: unknown name 'bax'; accepted: box");
}

BOOST_AUTO_TEST_CASE(a_name_that_is_taken_is_refused_with_both_plugins) {
  Registry<Gadget> registry;
  registry.add("a", {"the first", make_gadget});
  BOOST_TEST(error_of<Error>([&] {
               registry.add("a", {"the second", make_gadget});
             }) == both_named);
  BOOST_TEST(registry.entries().at("a").summary == "the first");
  registry.add("b", {"the second", make_gadget});
  BOOST_TEST(registry.names() == "a, b");
}

BOOST_AUTO_TEST_CASE(what_registers_itself_notes_the_error_for_whoever_can_report_it) {
  const Registered<Gadget> first{"a", "the first", make_gadget};
  BOOST_CHECK_NO_THROW(check_registrations());
  const Registered<Gadget> second{"a", "the second", make_gadget};
  BOOST_TEST(error_of<Error>(check_registrations) == both_named);
  BOOST_CHECK_NO_THROW(check_registrations());
}

BOOST_AUTO_TEST_SUITE_END()
