#include "framework/config/options.h"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <functional>

#include "framework/config/registry.h"

using namespace quantdyn;

namespace {

Options parse(const std::string& yaml, const std::vector<std::string>& sets = {}) {
  return Options::from_text(yaml, "a.yaml", "/data", sets);
}

/// The message of the ConfigError that `act` throws; "" where it throws none.
std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "";
}
std::string refusal_of(const std::string& yaml, const std::vector<std::string>& sets = {}) {
  return refusal([&] { parse(yaml, sets); });
}

int64_t epochs(const Options& options) {
  return options.integer("epochs", 5, accept::at_least<int64_t>(1), "passes");
}

enum class Rounding { even, away };

}  // namespace

BOOST_AUTO_TEST_SUITE(options_test)

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
  BOOST_TEST(refusal([] { parse("files: {}").paths("files", ""); }).starts_with("a.yaml:1: "));
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
    return refusal([&] { epochs(parse("\nepochs: " + value)); });
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
  BOOST_TEST(refusal([] { parse("on: yes").flag("on", false, ""); }) ==
             "a.yaml:1: on: expected true or false, found 'yes'");
  BOOST_TEST(refusal([] { parse("title: [a]").text("title", "", ""); }) ==
             "a.yaml:1: title: expected text, found a list");
  BOOST_TEST(refusal([] { parse("names: {a: 1}").texts("names", Options::required, ""); }) ==
             "a.yaml:1: names: expected a list, found a mapping");
  BOOST_TEST(refusal([] { parse("train: 3").section("train", ""); }) ==
             "a.yaml:1: train: expected a mapping, found '3'");
  BOOST_TEST(refusal([] { parse("v: {a: 1}").list("v", ""); }) ==
             "a.yaml:1: v: expected a list, found a mapping");
  BOOST_TEST(refusal([] { parse("v:\n - a: 1\n - 7").list("v", ""); }) ==
             "a.yaml:3: v: expected a list of mappings, found '7' in it");
  BOOST_TEST(refusal([] {
               parse("m: up").choice<Rounding>("m", Rounding::even, {{"even", Rounding::even}}, "");
             }) == "a.yaml:1: m: unknown value 'up'; accepted: even");
}

BOOST_AUTO_TEST_CASE(numbers_that_yaml_dialects_read_differently_are_refused) {
  for (const std::string text :
       {"010", "-07", "0x10", "1_000", "+-5", "--5", "1e3", "9223372036854775808", "5 5"}) {
    BOOST_TEST_CONTEXT(text) {
      BOOST_TEST(refusal([&] {
                   parse("n: " + text).integer("n", Options::required, accept::any<int64_t>(), "");
                 }) == "a.yaml:1: n: expected a whole number, found '" + text + "'");
    }
  }
  for (const std::string text : {"00.5", ".nan", "nan", "inf", "0x1p3", "1e400", "1,5"}) {
    BOOST_TEST_CONTEXT(text) {
      BOOST_TEST(refusal([&] {
                   parse("n: " + text).number("n", Options::required, accept::any<double>(), "");
                 }) == "a.yaml:1: n: expected a number, found '" + text + "'");
    }
  }
  BOOST_TEST(refusal([&] {
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
    return refusal(
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
  BOOST_TEST(refusal([&] { parse("epochs: " + flood).integer("epochs", 1, {}, ""); }).size() < 400);
  BOOST_TEST(refusal([&] { parse("? " + flood + "\n: 1").finish(); }).size() < 400);
  BOOST_TEST(refusal([&] { parse("").plugin("o", flood, "").refuse(flood, "no"); }).size() < 400);
  BOOST_TEST(refusal_of("", {"a=[" + flood}).size() < 600);
  BOOST_TEST(refusal([&] { parse("n: \"a\\nb\"").integer("n", 1, {}, ""); }) ==
             "a.yaml:1: n: expected a whole number, found the quoted text 'a\\u000ab'");
}

BOOST_AUTO_TEST_CASE(a_list_of_what_is_accepted_is_never_empty) {
  BOOST_TEST(refusal([] { parse("x: $a").substitute(parse("")); }) ==
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
  BOOST_TEST(refusal([] {
               parse("p: 1").number("p", Options::required,
                                    {.low = 0, .high = 1, .high_excluded = true}, "");
             }) == "a.yaml:1: p: 1 is out of range; accepted: a number at least 0 and below 1");
}

BOOST_AUTO_TEST_CASE(a_missing_key_is_reported_at_its_parent) {
  const Options train = parse("seed: 1\ntrain:\n  rate: 0.1\n").section("train", "");
  BOOST_TEST(refusal([&] {
               train.integer("epochs", Options::required, accept::at_least<int64_t>(1), "");
             }) == "a.yaml:2: epochs: missing; expected a whole number at least 1");
  BOOST_TEST(refusal([&] { train.text("title", Options::required, ""); }) ==
             "a.yaml:2: title: missing; expected text");
}

BOOST_AUTO_TEST_CASE(keys_that_nobody_read_are_refused) {
  const Options o = parse("epochs: 3\nepoch: 4\n");
  epochs(o);
  BOOST_TEST(refusal([&] { o.finish(); }) == "a.yaml:2: epoch: unknown key; accepted here: epochs");
  BOOST_TEST(refusal([&] { parse("x: 1").finish(); }) ==
             "a.yaml:1: x: unknown key; accepted here: none");
  const Options nested = parse("a:\n  b: 1\n  c: 2\n").section("a", "");
  nested.integer("b", 1, accept::any<int64_t>(), "");
  nested.integer("d", 1, accept::any<int64_t>(), "");
  BOOST_TEST(refusal([&] { nested.finish(); }) == "a.yaml:3: c: unknown key; accepted here: b, d");
  const Options looked = parse("x: 1");
  BOOST_TEST(looked.has("x"));
  BOOST_TEST(refusal([&] { looked.finish(); }) != "");
}

BOOST_AUTO_TEST_CASE(documents_with_two_meanings_are_refused) {
  BOOST_TEST(refusal_of("a: 1\nb: 2\na: 3\n") ==
             "a.yaml:3: a: repeated key, first given in line 1");
  BOOST_TEST(refusal_of("t:\n  a: 1\n  a: 1\n") ==
             "a.yaml:3: a: repeated key, first given in line 2");
  BOOST_TEST(refusal_of("a: 1\n---\na: 2\n") ==
             "a.yaml:2: the document has ended, but more follows; accepted: exactly one YAML "
             "document");
  BOOST_TEST(refusal_of("x: &x {a: 1}\ny:\n  <<: *x\n") ==
             "a.yaml:3: <<: merge keys are not supported; write the keys out");
  BOOST_TEST(refusal_of("? [a, b]\n: 1\n") == "a.yaml:1: a key must be plain text");
  BOOST_TEST(refusal_of("- 1\n- 2\n") == "a.yaml:1: expected a mapping of keys, found a list");
  BOOST_TEST(refusal_of("just text") == "a.yaml:1: expected a mapping of keys, found 'just text'");
  BOOST_TEST(refusal_of("a: 1\nb: [1, 2\n").starts_with("a.yaml:3: not valid YAML: "));
  BOOST_TEST(refusal_of("a: 1\n\tb: 2\n").starts_with("a.yaml:2: not valid YAML: "));
}

BOOST_AUTO_TEST_CASE(alias_cycles_bombs_and_deep_nesting_are_refused) {
  BOOST_TEST(refusal_of("a: &X [1, *X]\n").find("an alias that holds itself") != std::string::npos);
  BOOST_TEST(refusal_of("a: &X {b: *X}\n").find("an alias that holds itself") != std::string::npos);
  std::string bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string below = fmt::format("*a{}", i - 1);
    bomb += fmt::format("a{0}: &a{0} [{1}, {1}, {1}, {1}, {1}, {1}, {1}, {1}]\n", i, below);
  }
  BOOST_TEST(refusal_of(bomb).find("more than 100000 values after aliases are expanded") !=
             std::string::npos);
  BOOST_TEST(refusal_of("a: " + std::string(200, '[') + std::string(200, ']'))
                 .find("nested deeper than 100 levels") != std::string::npos);
  BOOST_TEST(refusal_of("a: " + std::string(5000, '[') + std::string(5000, ']')) ==
             "a.yaml:1: nested deeper than 100 levels");
  const Options fine = parse("a: &X [1, 2]\nb: *X\n");
  BOOST_TEST(fine.integers("b", Options::required, accept::any<int64_t>(), "") ==
             (std::vector<int64_t>{1, 2}));
}

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
  BOOST_TEST(refusal([&] { epochs(parse(yaml, {"train.epochs=no"}).section("train", "")); }) ==
             "--set train.epochs=no: epochs: expected a whole number at least 1, found 'no'");
  BOOST_TEST(refusal([&] { epochs(parse(yaml, {"epochs="})); }) ==
             "--set epochs=: epochs: expected a whole number at least 1, found nothing");
  BOOST_TEST(refusal([&] { parse("", {"typo=3"}).finish(); }) ==
             "--set typo=3: typo: unknown key; accepted here: none");
  BOOST_TEST(refusal_of(yaml, {"a=[1"}).starts_with("--set a=[1:"));
}

BOOST_AUTO_TEST_CASE(plugins_are_a_list_of_bare_names_and_mappings) {
  const Options root = parse("o: [sgd, {name: adam, rate: 1}]");
  const auto both = root.plugins("o", {}, "");
  BOOST_TEST(both.size() == 2u);
  BOOST_TEST(both[0].plugin_name() == "sgd");
  BOOST_TEST(both[1].plugin_name() == "adam");
  BOOST_TEST(parse("").plugins("o", {"a", "b"}, "")[1].plugin_name() == "b");
  BOOST_TEST(parse("o: []").plugins("o", {"a"}, "").empty());
  BOOST_TEST(refusal([] { parse("o: sgd").plugins("o", {}, ""); }).find("expected a list") !=
             std::string::npos);
  BOOST_TEST(refusal([] { parse("o: [{rate: 1}]").plugins("o", {}, ""); }).find("`name`") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_plugin_is_a_bare_name_or_a_mapping) {
  BOOST_TEST(parse("o: sgd").plugin("o", Options::required, "").plugin_name() == "sgd");
  const Options full =
      parse("o:\n  name: sgd\n  momentum: 0.9\n").plugin("o", Options::required, "");
  BOOST_TEST(full.plugin_name() == "sgd");
  BOOST_TEST(refusal([&] { full.finish(); }) ==
             "a.yaml:3: momentum: unknown key; accepted here: name");
  BOOST_TEST(parse("").plugin("o", "adam", "").plugin_name() == "adam");
  BOOST_TEST(refusal([] { parse("o: {rate: 1}").plugin("o", Options::required, ""); }) ==
             "a.yaml:1: o: expected a name, or a mapping with the key `name`, found a mapping");
  BOOST_TEST(refusal([] { parse("o: [sgd]").plugin("o", Options::required, ""); }) ==
             "a.yaml:1: o: expected a name, or a mapping with the key `name`, found a list");
  BOOST_TEST(refusal([] { parse("a: 1").plugin("o", Options::required, ""); }) ==
             "a.yaml:1: o: missing; expected a name, or a mapping with `name`");
}

struct Widget {
  int64_t size;
};

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
  BOOST_TEST(refusal([] {
               Registry<Widget>::instance().make(
                   parse("\nw: bax").plugin("w", Options::required, ""));
             }) == "a.yaml:2: name: unknown name 'bax'; accepted: box");
}

BOOST_AUTO_TEST_CASE(the_resolved_document_holds_every_default_and_reads_back) {
  const std::string yaml = "# a comment\ntrain: {rate: 0.25}\ntitle: '007'\n";
  const Options o = parse(yaml, {"extra=1"});
  epochs(o.section("train", ""));
  o.section("train", "").number("rate", Options::required, accept::any<double>(), "");
  o.plugin("optimizer", "sgd", "").number("momentum", 1e-5, accept::any<double>(), "");
  o.numbers("limits", std::vector<double>{0.5, std::numeric_limits<double>::infinity()},
            accept::any<double>(), "");
  o.text("empty", "", "");
  BOOST_TEST(o.raw_yaml() == yaml);
  BOOST_TEST(o.resolved_yaml() ==
             "train:\n  rate: 0.25\n  epochs: 5\ntitle: \"007\"\nextra: 1\noptimizer:\n  name: "
             "sgd\n  momentum: 1e-05\n"
             "limits: [0.5, .inf]\nempty: \"\"\n");
  const Options again = parse(o.resolved_yaml());
  BOOST_TEST(
      again.section("train", "").integer("epochs", Options::required, accept::any<int64_t>(), "") ==
      5);
  BOOST_TEST(again.resolved_yaml() == o.resolved_yaml());
}

BOOST_AUTO_TEST_CASE(texts_that_look_like_something_else_read_back_as_texts) {
  const std::vector<std::string> texts{
      "yes",   "1e3", "007",      "null",      "~",  "",    " x ",   "a: b", "a #b", "- a",
      "[a",    "{a}", "&a",       "*a",        "!a", "'q'", "\"q\"", "a\\b", "%a",   "two\nlines",
      "\ttab", "a\n", "\n\nb\n ", "r\xc3\xa9", "<<", "$a",  ".inf",  ".nan", "?",    "a,b"};
  const auto read = [&](const Options& o, bool is_given) {
    for (size_t i = 0; i < texts.size(); ++i) {
      const std::string key = fmt::format("k{}", i);
      const std::optional<std::string> fallback = is_given ? std::nullopt : std::optional(texts[i]);
      BOOST_TEST(o.text(key, fallback, "") == texts[i]);
    }
    std::optional<std::vector<std::string>> all, none;
    if (!is_given) all = texts, none = std::vector<std::string>{};
    BOOST_TEST(o.texts("all", all, "") == texts);
    BOOST_TEST(o.texts("none", none, "").empty());
    o.finish();
  };
  const Options defaults = parse("");
  read(defaults, false);
  const Options again = parse(defaults.resolved_yaml());
  read(again, true);
  BOOST_TEST(again.resolved_yaml() == defaults.resolved_yaml());
  const Options in_line = parse("x: " + defaults.inline_yaml()).section("x", "");
  read(in_line, true);
  const Options keys = parse("'~': 1\n'': 2\n'a: b': 3\n'null': 4\n\"a\\nb\": 5\n");
  BOOST_TEST(parse(keys.resolved_yaml()).keys() == keys.keys());
}

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
  BOOST_TEST(refusal([&] { parameters.finish(); }) ==
             "a.yaml:3: unused: unknown key; accepted here: width, start");
  BOOST_TEST(refusal([&] { parse("\nx: $depth").substitute(parameters); }) ==
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
  BOOST_TEST(refusal([&] { other.finish(); }) ==
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
  BOOST_TEST(refusal([&] { joined.finish(); }) ==
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
  BOOST_TEST(refusal([&] { derived.finish(); }) ==
             "a.yaml:5: epsylon: unknown key; accepted here: channels, epsilon");
}

BOOST_AUTO_TEST_CASE(describing_records_every_key_and_ends_at_the_plugins_own_finish) {
  std::vector<OptionDescription> found;
  const Options o = Options::describing(found);
  bool acted = false;
  const auto factory = [&] {
    o.integer("bits", 8, accept::between<int64_t>(2, 16), "width of a code");
    const Options range = o.plugin("range", "minmax", "range estimator");
    range.number("percentile", Options::required, accept::over(0.0), "share that is kept");
    range.finish();  // a nested mapping's end is not the plugin's
    o.choice<Rounding>("rounding", std::nullopt,
                       {{"even", Rounding::even}, {"away", Rounding::away}}, "ties");
    o.texts("nodes", std::vector<std::string>{"a", "b"}, "which");
    o.finish();
    acted = true;
  };
  BOOST_CHECK_THROW(factory(), Options::DescriptionDone);
  BOOST_TEST(!acted);
  BOOST_REQUIRE(found.size() == 5u);
  BOOST_TEST((found[0].key == "bits" && found[0].default_value == "8" &&
              found[0].accepted == "from 2 to 16"));
  BOOST_TEST(found[0].help == "width of a code");
  BOOST_TEST((found[1].key == "range" && found[1].default_value == "minmax"));
  BOOST_TEST((found[2].key == "percentile" && found[2].default_value == "required"));
  BOOST_TEST((found[3].key == "rounding" && found[3].accepted == "even, away"));
  BOOST_TEST(found[4].default_value == "[a, b]");
}

BOOST_AUTO_TEST_CASE(files_are_read_and_missing_ones_named) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / "quantdyn_options_test";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "run.yaml") << "data: images\n";
  const Options o = Options::from_file(folder / "run.yaml");
  BOOST_TEST(o.path("data", Options::required, "") == folder / "images");
  BOOST_TEST(o.where("data") == (folder / "run.yaml").string() + ":1");
  BOOST_TEST(refusal([&] { Options::from_file(folder / "no.yaml"); }) ==
             (folder / "no.yaml").string() + ": no such file");
  BOOST_TEST(refusal([&] { Options::from_file(folder); }) ==
             folder.string() + ": a folder, not a file");
  std::filesystem::remove_all(folder);
}

BOOST_AUTO_TEST_SUITE_END()
