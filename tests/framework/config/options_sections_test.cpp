// The keys of Options that hold mappings.
#include <boost/test/unit_test.hpp>

#include "tests/framework/config/parsed_options.h"

using namespace quantdyn;
using namespace quantdyn::test;

BOOST_AUTO_TEST_SUITE(options_sections_test)

BOOST_AUTO_TEST_CASE(plugins_are_a_list_of_bare_names_and_mappings) {
  const Options root = parse("o: [sgd, {name: adam, rate: 1}]");
  const auto both = root.plugins("o", {}, "");
  BOOST_TEST(both.size() == 2u);
  BOOST_TEST(both[0].plugin_name() == "sgd");
  BOOST_TEST(both[1].plugin_name() == "adam");
  BOOST_TEST(parse("").plugins("o", {"a", "b"}, "")[1].plugin_name() == "b");
  BOOST_TEST(parse("o: []").plugins("o", {"a"}, "").empty());
  BOOST_TEST(error_of<ConfigError>([] {
               parse("o: sgd").plugins("o", {}, "");
             }).find("expected a list") != std::string::npos);
  BOOST_TEST(error_of<ConfigError>([] {
               parse("o: [{rate: 1}]").plugins("o", {}, "");
             }).find("`name`") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_plugin_is_a_bare_name_or_a_mapping) {
  BOOST_TEST(parse("o: sgd").plugin("o", Options::required, "").plugin_name() == "sgd");
  const Options full =
      parse("o:\n  name: sgd\n  momentum: 0.9\n").plugin("o", Options::required, "");
  BOOST_TEST(full.plugin_name() == "sgd");
  BOOST_TEST(error_of<ConfigError>([&] { full.finish(); }) ==
             "a.yaml:3: momentum: unknown key; accepted here: name");
  BOOST_TEST(parse("").plugin("o", "adam", "").plugin_name() == "adam");
  BOOST_TEST(
      error_of<ConfigError>([] { parse("o: {rate: 1}").plugin("o", Options::required, ""); }) ==
      "a.yaml:1: o: expected a name, or a mapping with the key `name`, found a mapping");
  BOOST_TEST(error_of<ConfigError>([] { parse("o: [sgd]").plugin("o", Options::required, ""); }) ==
             "a.yaml:1: o: expected a name, or a mapping with the key `name`, found a list");
  BOOST_TEST(error_of<ConfigError>([] { parse("a: 1").plugin("o", Options::required, ""); }) ==
             "a.yaml:1: o: missing; expected a name, or a mapping with `name`");
}

BOOST_AUTO_TEST_SUITE_END()
