#include "framework/config/config_set.h"

#include <boost/test/unit_test.hpp>

#include "tests/framework/config/parsed_options.h"

using namespace quantdyn;
using namespace quantdyn::test;

BOOST_AUTO_TEST_SUITE(config_set_test)

BOOST_AUTO_TEST_CASE(set_reaches_into_maps_and_lists) {
  const std::string yaml =
      "train:\n  epochs: 3\nvariants:\n  - name: a\n  - name: b\nsizes: [1, 2]\noptimizer: sgd\n";
  const Options o = parse(yaml, {"train.epochs=7", "variants.1.name=c", "sizes.0=9",
                                 "optimizer.rate=0.5", "new.key=x=y"});
  BOOST_TEST(epochs(o.section("train", "")) == 7);
  BOOST_TEST(o.list("variants", "")[1].text("name", Options::required, "") == "c");
  BOOST_TEST(o.integers("sizes", Options::required, accept::any<int64_t>(), "") ==
             (std::vector<int64_t>{9, 2}));
  const Options optimizer = o.plugin("optimizer", Options::required, "");
  BOOST_TEST(optimizer.plugin_name() == "sgd");
  BOOST_TEST(optimizer.number("rate", Options::required, accept::any<double>(), "") == 0.5);
  BOOST_TEST(o.section("new", "").text("key", Options::required, "") == "x=y");
  BOOST_TEST(
      parse(yaml, {"sizes=[4]"}).integers("sizes", Options::required, accept::any<int64_t>(), "") ==
      (std::vector<int64_t>{4}));
  BOOST_TEST(parse(yaml, {"optimizer.name=adam"})
                 .plugin("optimizer", Options::required, "")
                 .plugin_name() == "adam");
}

BOOST_AUTO_TEST_CASE(wrong_set_arguments_are_refused_by_their_own_name) {
  const std::string yaml = "sizes: [1, 2]\ntrain:\n  epochs: 3\n";
  const std::string form = ": expected key=value, as in --set train.epochs=3";
  for (const std::string set : {"train", "=3", "train.=3", "train..epochs=3", ".train=3", ""})
    BOOST_TEST(refusal_of(yaml, {set}) == "--set " + set + form);
  BOOST_TEST(refusal_of(yaml, {"sizes.2=3"}) ==
             "--set sizes.2=3: there is no entry 2; the list has 2");
  BOOST_TEST(refusal_of(yaml, {"sizes.x=3"}) ==
             "--set sizes.x=3: 'x' selects an entry of a list; accepted: its number, from 0");
  BOOST_TEST(error_of<ConfigError>([&] {
               epochs(parse(yaml, {"train.epochs=no"}).section("train", ""));
             }) == "--set train.epochs=no: epochs: expected a whole number at least 1, found 'no'");
  BOOST_TEST(error_of<ConfigError>([&] { epochs(parse(yaml, {"epochs="})); }) ==
             "--set epochs=: epochs: expected a whole number at least 1, found nothing");
  BOOST_TEST(error_of<ConfigError>([&] { parse("", {"typo=3"}).finish(); }) ==
             "--set typo=3: typo: unknown key; accepted here: none");
  BOOST_TEST(refusal_of(yaml, {"a=[1"}).starts_with("--set a=[1:"));
}

BOOST_AUTO_TEST_SUITE_END()
