#include "framework/config/asked_keys.h"

#include <boost/test/unit_test.hpp>

using namespace quantdyn;

namespace {

/// "train[epochs, optimizer]": names, those below them in brackets, "..." where any key is taken.
std::string text_of(const AskedKey& key) {
  std::string below = key.takes_any ? "..." : "";
  for (const AskedKey& each : key.keys) below += (below.empty() ? "" : ", ") + text_of(each);
  return key.about.key + (below.empty() ? "" : "[" + below + "]");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(asked_keys_test)

BOOST_AUTO_TEST_CASE(keys_are_those_that_were_asked_for_whether_there_or_not) {
  const ConfigNode::Pointer root = parse_yaml(
      "train: {epochs: 3, optimizer: {name: sgd, momentum: 0.9}}\nfree: {a: 1}\n"
      "list: [{name: a}, {bits: 4}]\nunread: 1\n",
      "a.yaml");
  const Options o = Options::from_tree(root);
  const Options train = o.section("train", "");
  train.integer("epochs", 1, accept::any<int64_t>(), "");
  train.number("rate", 0.1, accept::over(0.0), "");
  train.plugin("optimizer", "sgd", "").number("momentum", 0.0, accept::any<double>(), "");
  o.section_if("absent", "");
  o.section("free", "").keys();
  const std::vector<Options> list = o.list("list", "");
  list[0].text("name", "", "");
  list[1].integer("bits", 8, accept::any<int64_t>(), "");
  AskedKey asked = asked_keys(*root);
  BOOST_TEST(text_of(asked) ==
             "[train[epochs, rate, optimizer], absent, free[...], list[name, bits]]");
  BOOST_TEST(asked.keys[0].keys[1].about.bounds.low_excluded);
  BOOST_TEST(asked.keys[1].about.default_value == "left out");

  const ConfigNode::Pointer other = parse_yaml("train: {}", "b.yaml");
  Options::from_tree(other).section("train", "").flag("shuffle", true, "");
  merge_keys(asked, asked_keys(*other));
  BOOST_TEST(text_of(asked.keys[0]) == "train[epochs, rate, optimizer, shuffle]");
}

BOOST_AUTO_TEST_SUITE_END()
