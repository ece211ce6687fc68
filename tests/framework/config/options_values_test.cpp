// The keys of Options that hold values.
#include <boost/test/unit_test.hpp>

#include "tests/framework/config/parsed_options.h"

using namespace quantdyn;
using namespace quantdyn::test;

BOOST_AUTO_TEST_SUITE(options_values_test)

BOOST_AUTO_TEST_CASE(every_type_reads_what_the_document_says) {
  const Options o = parse(
      "epochs: 3\nrate: 1e-3\nfused: false\ntitle: a b\nsizes: [1, 2]\nrates: 0.5\nnames: [x, "
      "'y']\nmode: away\n"
      "file: sub/../weights.h5\n");
  BOOST_TEST(epochs(o) == 3);
  BOOST_TEST(o.number("rate", Options::required, accept::over(0.0), "") == 1e-3);
  BOOST_TEST(!o.flag("fused", true, ""));
  BOOST_TEST(o.text("title", Options::required, "") == "a b");
  BOOST_TEST(o.integers("sizes", Options::required, accept::any<int64_t>(), "") ==
             (std::vector<int64_t>{1, 2}));
  BOOST_TEST(o.numbers("rates", Options::required, accept::any<double>(), "") ==
             (std::vector<double>{0.5}));
  BOOST_TEST(o.texts("names", Options::required, "") == (std::vector<std::string>{"x", "y"}));
  BOOST_TEST((o.choice<Rounding>("mode", Rounding::even,
                                 {{"even", Rounding::even}, {"away", Rounding::away}},
                                 "") == Rounding::away));
  BOOST_TEST(o.path("file", Options::required, "") == "/data/weights.h5");
  BOOST_CHECK_NO_THROW(o.finish());
}

BOOST_AUTO_TEST_CASE(a_list_of_paths_starts_at_the_documents_folder_and_has_no_default) {
  const Options given = parse("files: [a.so, ../b.so, /c.so]");
  BOOST_TEST((given.paths("files", "") ==
              std::vector<std::filesystem::path>{"/data/a.so", "/b.so", "/c.so"}));
  const Options absent = parse("{}");
  BOOST_TEST(absent.paths("files", "").empty());
  BOOST_TEST(absent.resolved_yaml().find("files") == std::string::npos);
  BOOST_TEST(error_of<ConfigError>([] {
               parse("files: {}").paths("files", "");
             }).starts_with("a.yaml:1: "));
}

BOOST_AUTO_TEST_CASE(an_absent_key_reads_as_its_default_and_is_not_present) {
  const Options o = parse("");
  BOOST_TEST(epochs(o) == 5);
  BOOST_TEST(o.number("rate", 0.1, accept::any<double>(), "") == 0.1);
  BOOST_TEST(o.flag("fused", true, ""));
  BOOST_TEST(o.path("file", "x.h5", "") == "/data/x.h5");
  BOOST_TEST(o.path("none", "", "").empty());
  BOOST_TEST(!o.has("epochs"));
  BOOST_TEST(o.keys().empty());
  BOOST_TEST(o.list("variants", "").empty());
  BOOST_TEST(o.section("train", "").keys().empty());
}

BOOST_AUTO_TEST_CASE(a_wrong_type_names_file_line_key_and_what_is_accepted) {
  const auto integer_of = [](const std::string& value) {
    return error_of<ConfigError>([&] { epochs(parse("\nepochs: " + value)); });
  };
  BOOST_TEST(integer_of("three") ==
             "a.yaml:2: epochs: expected a whole number at least 1, found 'three'");
  BOOST_TEST(integer_of("1.5") ==
             "a.yaml:2: epochs: expected a whole number at least 1, found '1.5'");
  BOOST_TEST(integer_of("'3'") ==
             "a.yaml:2: epochs: expected a whole number at least 1, found the quoted text '3'");
  BOOST_TEST(integer_of("[3]") ==
             "a.yaml:2: epochs: expected a whole number at least 1, found a list");
  BOOST_TEST(integer_of("{a: 3}") ==
             "a.yaml:2: epochs: expected a whole number at least 1, found a mapping");
  BOOST_TEST(integer_of("") ==
             "a.yaml:2: epochs: expected a whole number at least 1, found nothing");
  BOOST_TEST(integer_of("0") ==
             "a.yaml:2: epochs: 0 is out of range; accepted: a whole number at least 1");
  BOOST_TEST(error_of<ConfigError>([] { parse("on: yes").flag("on", false, ""); }) ==
             "a.yaml:1: on: expected true or false, found 'yes'");
  BOOST_TEST(error_of<ConfigError>([] { parse("title: [a]").text("title", "", ""); }) ==
             "a.yaml:1: title: expected text, found a list");
  BOOST_TEST(error_of<ConfigError>([] {
               parse("names: {a: 1}").texts("names", Options::required, "");
             }) == "a.yaml:1: names: expected a list, found a mapping");
  BOOST_TEST(error_of<ConfigError>([] { parse("train: 3").section("train", ""); }) ==
             "a.yaml:1: train: expected a mapping, found '3'");
  BOOST_TEST(error_of<ConfigError>([] { parse("v: {a: 1}").list("v", ""); }) ==
             "a.yaml:1: v: expected a list, found a mapping");
  BOOST_TEST(error_of<ConfigError>([] { parse("v:\n - a: 1\n - 7").list("v", ""); }) ==
             "a.yaml:3: v: expected a list of mappings, found '7' in it");
  BOOST_TEST(error_of<ConfigError>([] {
               parse("m: up").choice<Rounding>("m", Rounding::even, {{"even", Rounding::even}}, "");
             }) == "a.yaml:1: m: unknown value 'up'; accepted: even");
}

BOOST_AUTO_TEST_CASE(numbers_that_yaml_dialects_read_differently_are_refused) {
  for (const std::string text :
       {"010", "-07", "0x10", "1_000", "+-5", "--5", "1e3", "9223372036854775808", "5 5"}) {
    BOOST_TEST_CONTEXT(text) {
      BOOST_TEST(error_of<ConfigError>([&] {
                   parse("n: " + text).integer("n", Options::required, accept::any<int64_t>(), "");
                 }) == "a.yaml:1: n: expected a whole number, found '" + text + "'");
    }
  }
  for (const std::string text : {"00.5", ".nan", "nan", "inf", "0x1p3", "1e400", "1,5"}) {
    BOOST_TEST_CONTEXT(text) {
      BOOST_TEST(error_of<ConfigError>([&] {
                   parse("n: " + text).number("n", Options::required, accept::any<double>(), "");
                 }) == "a.yaml:1: n: expected a number, found '" + text + "'");
    }
  }
  BOOST_TEST(error_of<ConfigError>([&] {
               parse("n: .inf").number("n", Options::required, accept::any<double>(), "");
             }) == "a.yaml:1: n: .inf is out of range; accepted: a number");
  BOOST_TEST(parse("n: +5").integer("n", Options::required, accept::any<int64_t>(), "") == 5);
  BOOST_TEST(parse("n: 0").integer("n", Options::required, accept::any<int64_t>(), "") == 0);
  BOOST_TEST(parse("n: -0.5").number("n", Options::required, accept::any<double>(), "") == -0.5);
  BOOST_TEST(parse("n: 3").number("n", Options::required, accept::any<double>(), "") == 3);
  const Accepted<double> with_infinity{.low = 0, .high = std::numeric_limits<double>::infinity()};
  BOOST_TEST(parse("n: .inf").number("n", Options::required, with_infinity, "") ==
             with_infinity.high);
}

BOOST_AUTO_TEST_CASE(numbers_that_a_float_cannot_hold_are_refused) {
  const auto number_of = [](const std::string& text) {
    return error_of<ConfigError>(
        [&] { parse("n: " + text).number("n", Options::required, accept::any<double>(), ""); });
  };
  const std::string accepted = " as a 32-bit float; accepted: 0, or a size from 1.5e-45 to 3.4e38";
  BOOST_TEST(number_of("1e-60") == "a.yaml:1: n: 1e-60 is 0" + accepted);
  BOOST_TEST(number_of("-1e-60") == "a.yaml:1: n: -1e-60 is -0" + accepted);
  BOOST_TEST(number_of("1e39") == "a.yaml:1: n: 1e39 is inf" + accepted);
  for (const char* text : {"0", "-0.0", "1e-45", "3.4e38", "1e-40"})
    BOOST_TEST(number_of(text) == "");
}

BOOST_AUTO_TEST_CASE(long_values_and_keys_are_shortened_in_messages) {
  const std::string flood(200'000, 'x');
  BOOST_TEST(error_of<ConfigError>([&] {
               parse("epochs: " + flood).integer("epochs", 1, {}, "");
             }).size() < 400);
  BOOST_TEST(error_of<ConfigError>([&] { parse("? " + flood + "\n: 1").finish(); }).size() < 400);
  BOOST_TEST(error_of<ConfigError>([&] {
               parse("").plugin("o", flood, "").refuse(flood, "no");
             }).size() < 400);
  BOOST_TEST(refusal_of("", {"a=[" + flood}).size() < 600);
  BOOST_TEST(error_of<ConfigError>([&] { parse("n: \"a\\nb\"").integer("n", 1, {}, ""); }) ==
             "a.yaml:1: n: expected a whole number, found the quoted text 'a\\u000ab'");
}

BOOST_AUTO_TEST_CASE(a_list_of_what_is_accepted_is_never_empty) {
  BOOST_TEST(error_of<ConfigError>([] { parse("x: $a").substitute(parse("")); }) ==
             "a.yaml:1: $a: no such parameter; accepted: none");
}

BOOST_AUTO_TEST_CASE(ranges_say_what_they_accept) {
  BOOST_TEST(accept::between<int64_t>(2, 16).text() == "from 2 to 16");
  BOOST_TEST(accept::over(0.0).text() == "over 0");
  BOOST_TEST(accept::at_least<int64_t>(1).text() == "at least 1");
  BOOST_TEST((Accepted<double>{.low = 0, .high = 1, .high_excluded = true}).text() ==
             "at least 0 and below 1");
  BOOST_TEST(accept::any<double>().text() == "");
  BOOST_TEST(!accept::between(0.0, 1.0).contains(std::numeric_limits<double>::quiet_NaN()));
  BOOST_TEST(error_of<ConfigError>([] {
               parse("p: 1").number("p", Options::required,
                                    {.low = 0, .high = 1, .high_excluded = true}, "");
             }) == "a.yaml:1: p: 1 is out of range; accepted: a number at least 0 and below 1");
}

BOOST_AUTO_TEST_SUITE_END()
