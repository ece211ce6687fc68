// Options made from others.
#include <boost/test/unit_test.hpp>

#include "tests/framework/config/parsed_options.h"

using namespace quantdyn;
using namespace quantdyn::test;

BOOST_AUTO_TEST_SUITE(options_trees_test)

BOOST_AUTO_TEST_CASE(parameters_replace_names_by_values_that_are_independent) {
  const Options o =
      parse("width: $width\nstart: $start\ntwice: $start\nquoted: '$width'\nlist: [1, $width]\n");
  const Options parameters = parse("width: 64\nstart: {name: he}\nunused: 1\n");
  o.substitute(parameters);
  BOOST_TEST(o.has("width"));
  BOOST_TEST(o.integer("width", Options::required, accept::any<int64_t>(), "") == 64);
  BOOST_TEST(o.integers("list", Options::required, accept::any<int64_t>(), "") ==
             (std::vector<int64_t>{1, 64}));
  BOOST_TEST(o.text("quoted", Options::required, "") == "$width");
  const Options start = o.plugin("start", Options::required, ""),
                twice = o.plugin("twice", Options::required, "");
  BOOST_TEST(start.number("gain", 1.0, accept::any<double>(), "") == 1.0);
  BOOST_TEST(twice.number("gain", 2.0, accept::any<double>(), "") ==
             2.0);  // not what the first one wrote
  BOOST_TEST(error_of<ConfigError>([&] { parameters.finish(); }) ==
             "a.yaml:3: unused: unknown key; accepted here: width, start");
  BOOST_TEST(error_of<ConfigError>([&] { parse("\nx: $depth").substitute(parameters); }) ==
             "a.yaml:2: $depth: no such parameter; accepted: width, start, unused");
}

BOOST_AUTO_TEST_CASE(a_parameter_by_default_counts_as_given_where_it_is_used) {
  const Options parameters = parse("");
  parameters.integer("width", 8, accept::any<int64_t>(), "");
  const Options o = parse("channels: $width");
  o.substitute(parameters);
  BOOST_TEST(o.has("channels"));
  BOOST_TEST(o.integer("channels", Options::required, accept::any<int64_t>(), "") == 8);
}

BOOST_AUTO_TEST_CASE(a_wrong_value_is_blamed_on_the_parameter_that_has_it) {
  const Options o = Options::from_text("nodes:\n  - {width: $width}\n", "net.yaml");
  o.substitute(parse("seed: 1\nwidth: wide"));
  const Options node = o.list("nodes", "").front();
  BOOST_TEST(error_of<ConfigError>(
                 [&] { node.number("width", Options::required, accept::over(0.0), ""); }) ==
             "a.yaml:2 ($width of net.yaml:2): width: expected a number over 0, found 'wide'");
}

BOOST_AUTO_TEST_CASE(a_parameter_that_names_itself_ends) {
  const Options o = parse("x: $a");
  o.substitute(parse("a: [$a, 1]"));
  BOOST_TEST(o.texts("x", Options::required, "") == (std::vector<std::string>{"$a", "1"}));
}

BOOST_AUTO_TEST_CASE(inherited_keys_fill_gaps_and_must_be_read) {
  const Options defaults = parse("bias: false\nstride: 2\ninitializer: {name: he}\n");
  const Options node = parse("stride: 1"), other = parse("");
  node.inherit(defaults);
  other.inherit(defaults);
  BOOST_TEST(node.integer("stride", Options::required, accept::any<int64_t>(), "") == 1);
  BOOST_TEST(!node.flag("bias", Options::required, ""));
  const Options initializer = node.plugin("initializer", Options::required, "");
  BOOST_TEST(initializer.plugin_name() == "he");
  BOOST_TEST(initializer.number("gain", 1.0, accept::any<double>(), "") == 1.0);
  BOOST_TEST(other.plugin("initializer", Options::required, "")
                 .number("gain", 2.0, accept::any<double>(), "") == 2.0);
  BOOST_CHECK_NO_THROW(node.finish());
  BOOST_CHECK_NO_THROW(defaults.finish());
  BOOST_TEST(error_of<ConfigError>([&] { other.finish(); }) ==
             "a.yaml:1: bias: unknown key; accepted here: initializer");
}

BOOST_AUTO_TEST_CASE(a_mapping_laid_over_another_joins_key_by_key) {
  const Options base =
      parse("estimator: minmax\nquantizer: {name: affine, bit_width: 4}\nkept: 1\n");
  const Options over = parse("quantizer: {bit_width: 8}\nestimator: {name: percentile, p: 99}\n");
  BOOST_TEST(base.integer("kept", Options::required, accept::any<int64_t>(), "") == 1);
  BOOST_TEST(base.integer("missing", 2, accept::any<int64_t>(), "") == 2);
  const Options joined = base.under(over);
  const Options quantizer = joined.plugin("quantizer", Options::required, "");
  BOOST_TEST(quantizer.plugin_name() == "affine");
  BOOST_TEST(quantizer.integer("bit_width", Options::required, accept::any<int64_t>(), "") == 8);
  const Options estimator = joined.plugin("estimator", Options::required, "");
  BOOST_TEST(estimator.plugin_name() == "percentile");
  BOOST_TEST(!joined.has("missing"));
  BOOST_CHECK_NO_THROW(over.finish());
  BOOST_TEST(error_of<ConfigError>([&] { joined.finish(); }) ==
             "a.yaml:3: kept: unknown key; accepted here: quantizer, estimator");
}

BOOST_AUTO_TEST_CASE(a_plugin_of_another_name_replaces_the_whole) {
  const Options base =
      parse("a: {name: affine, bit_width: 4}\nb: {name: affine, bit_width: 4}\nc: affine\n");
  const Options joined = base.under(parse("a: float\nb: affine\nc: {bit_width: 2}\n"));
  BOOST_TEST(joined.plugin("a", Options::required, "").keys() == std::vector<std::string>{"name"});
  BOOST_TEST(joined.plugin("b", Options::required, "")
                 .integer("bit_width", 8, accept::any<int64_t>(), "") == 4);
  const Options c = joined.plugin("c", Options::required, "");
  BOOST_TEST(c.plugin_name() == "affine");
  BOOST_TEST(c.integer("bit_width", 8, accept::any<int64_t>(), "") == 2);
}

BOOST_AUTO_TEST_CASE(a_derived_mapping_still_refuses_keys_that_nobody_reads) {
  const Options block = parse("\nkind: block\nnorm:\n  epsilon: 0.1\n  epsylon: 1\n");
  const Options norm = block.section("norm", "");
  const Options derived = norm.derive({{"channels", "64"}}, norm.keys());
  BOOST_TEST(derived.integer("channels", Options::required, accept::any<int64_t>(), "") == 64);
  BOOST_TEST(derived.number("epsilon", Options::required, accept::any<double>(), "") == 0.1);
  BOOST_CHECK_NO_THROW(norm.finish());
  BOOST_TEST(error_of<ConfigError>([&] { derived.finish(); }) ==
             "a.yaml:5: epsylon: unknown key; accepted here: channels, epsilon");
}

BOOST_AUTO_TEST_SUITE_END()
