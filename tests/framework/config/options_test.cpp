#include "framework/config/options.h"

#include <boost/test/unit_test.hpp>
#include <fstream>

#include "tests/framework/config/parsed_options.h"

using namespace quantdyn;
using namespace quantdyn::test;

BOOST_AUTO_TEST_SUITE(options_test)

BOOST_AUTO_TEST_CASE(a_missing_key_is_reported_at_its_parent) {
  const Options train = parse("seed: 1\ntrain:\n  rate: 0.1\n").section("train", "");
  BOOST_TEST(error_of<ConfigError>([&] {
               train.integer("epochs", Options::required, accept::at_least<int64_t>(1), "");
             }) == "a.yaml:2: epochs: missing; expected a whole number at least 1");
  BOOST_TEST(error_of<ConfigError>([&] { train.text("title", Options::required, ""); }) ==
             "a.yaml:2: title: missing; expected text");
}

BOOST_AUTO_TEST_CASE(keys_that_nobody_read_are_refused) {
  const Options o = parse("epochs: 3\nepoch: 4\n");
  epochs(o);
  BOOST_TEST(error_of<ConfigError>([&] { o.finish(); }) ==
             "a.yaml:2: epoch: unknown key; accepted here: epochs");
  BOOST_TEST(error_of<ConfigError>([&] { parse("x: 1").finish(); }) ==
             "a.yaml:1: x: unknown key; accepted here: none");
  const Options nested = parse("a:\n  b: 1\n  c: 2\n").section("a", "");
  nested.integer("b", 1, accept::any<int64_t>(), "");
  nested.integer("d", 1, accept::any<int64_t>(), "");
  BOOST_TEST(error_of<ConfigError>([&] { nested.finish(); }) ==
             "a.yaml:3: c: unknown key; accepted here: b, d");
  const Options looked = parse("x: 1");
  BOOST_TEST(looked.has("x"));
  BOOST_TEST(error_of<ConfigError>([&] { looked.finish(); }) != "");
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
  BOOST_TEST(error_of<ConfigError>([&] { Options::from_file(folder / "no.yaml"); }) ==
             (folder / "no.yaml").string() + ": no such file");
  BOOST_TEST(error_of<ConfigError>([&] { Options::from_file(folder); }) ==
             folder.string() + ": a folder, not a file");
  std::filesystem::remove_all(folder);
}

BOOST_AUTO_TEST_SUITE_END()
