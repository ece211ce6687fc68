// Hostile YAML ends quickly, in one line that names the place.
#include <boost/test/unit_test.hpp>

#include "framework/base/error.h"
#include "framework/config/config_node.h"
#include "tests/errors.h"

using namespace quantdyn;

namespace {

/// The message of the refusal; "" where the text is accepted.
std::string refusal_of(const std::string& yaml) {
  try {
    parse_yaml(yaml, "a.yaml");
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "";
}

/// "k0: 0", "k1: 1", ...
std::string keys(int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += fmt::format("k{}: {}\n", i, i);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(yaml_reader_test)

BOOST_AUTO_TEST_CASE(a_comma_that_begins_a_document_is_refused) {
  for (const std::string text : {",", "# a comment\n,", "---\n,", "a: 1\n...\n,", ", a"})
    BOOST_TEST(refusal_of(text).ends_with("accepted: exactly one YAML document"), text);
  BOOST_TEST(refusal_of("# a comment\n,").starts_with("a.yaml:2: "));
  BOOST_TEST(refusal_of("{a: 1} }") == "a.yaml:1: not valid YAML: illegal flow end");
}

BOOST_AUTO_TEST_CASE(a_tab_and_a_missing_space_are_named) {
  const std::string no_value = "not valid YAML: illegal map value; ";
  BOOST_TEST(refusal_of("a: 1\nb:\n\tc: 3\n") ==
             "a.yaml:3: " + no_value + "line 3 is indented with a tab; accepted: spaces");
  BOOST_TEST(refusal_of("name:x\nb:\n  c: 3\n") ==
             "a.yaml:2: " + no_value + "a space is missing after the ':' of 'name:x' in line 1");
  BOOST_TEST(refusal_of("a: 1\n   b: 2\n") ==
             "a.yaml:2: " + no_value +
                 "the line has a key where none can be; is it indented as the keys beside it?");
  BOOST_TEST(refusal_of("url: http://a\nlist: [a::b, 'x:y']\n") == "");
  const Options o = Options::from_text("train:\n  epochs:3\n", "a.yaml");
  BOOST_TEST(error_of<ConfigError>([&] { o.section("train", ""); }) ==
             "a.yaml:1: train: expected a mapping, found 'epochs:3'; is a space missing after the "
             "':'?");
}

BOOST_AUTO_TEST_CASE(a_second_document_is_named_by_its_line_and_not_read) {
  std::string endless = "a: 1\n";
  for (int i = 0; i < 100'000; ++i) endless += "--- [1\n";
  BOOST_TEST(refusal_of(endless).starts_with("a.yaml:2: the document has ended, but more follows"));
  BOOST_TEST(refusal_of("a: 1\n...\n") == "");
  BOOST_TEST(refusal_of("# only a comment\n") == "");
}

BOOST_AUTO_TEST_CASE(bytes_that_are_not_text_are_refused_with_their_line) {
  using namespace std::string_literals;
  const std::string accepted = "; accepted: UTF-8 without control characters";
  BOOST_TEST(refusal_of("a: 1\nb: \0c"s) == "a.yaml:2: not text: found \\u0000" + accepted);
  BOOST_TEST(refusal_of("\0\0\0"s) == "a.yaml:1: not text: found \\u0000" + accepted);
  BOOST_TEST(refusal_of("a: \x1b[31m") == "a.yaml:1: not text: found \\u001b" + accepted);
  BOOST_TEST(refusal_of("a: 1\nb: x\ry") ==
             "a.yaml:2: found \\r without \\n; accepted: line ends \\n or \\r\\n");
  BOOST_TEST(refusal_of("a: \x7f") == "a.yaml:1: not text: found \\u007f" + accepted);
  BOOST_TEST(refusal_of("a: \xe9t\xe9") == "a.yaml:1: not text: found \\xe9" + accepted);
  BOOST_TEST(refusal_of("\xff\xfe"
                        "a\0"s)
                 .starts_with("a.yaml:1: not text: found \\xff"));
  BOOST_TEST(refusal_of("\xef\xbb\xbf"
                        "a: \xc3\xa9t\xc3\xa9\r\n\tb: 1")
                 .find("not text") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(escapes_that_make_control_characters_are_refused) {
  for (const std::string text : {"a: \"\\0\"", "a: \"\\e[2J\"", "\"\\u202e\": 1"})
    BOOST_TEST(refusal_of(text).starts_with("a.yaml:1: a text holds \\u"), text);
  BOOST_TEST(refusal_of("a: \"line\\n\\tline\"") == "");
}

BOOST_AUTO_TEST_CASE(tags_are_refused) {
  BOOST_TEST(refusal_of("a: !!str 5") ==
             "a.yaml:1: the tag 'tag:yaml.org,2002:str' is not supported; accepted: values "
             "without tags");
  BOOST_TEST(refusal_of("a: !x [1]").starts_with("a.yaml:1: the tag '!x' is not supported"));
}

BOOST_AUTO_TEST_CASE(a_large_mapping_keeps_its_order_and_finds_every_key) {
  const ConfigNode::Pointer map = parse_yaml(keys(49'000), "a.yaml");
  BOOST_REQUIRE(map->entries.size() == 49'000u);
  for (int i = 0; i < 49'000; ++i) {
    const std::string key = fmt::format("k{}", i);
    if (map->entries[static_cast<size_t>(i)].first != key) BOOST_FAIL(key);
    if (map->find(key)->scalar != std::to_string(i)) BOOST_FAIL(key);
  }
  BOOST_TEST(!map->find("k49000"));
  BOOST_TEST(refusal_of(keys(40'000) + "k5: again") ==
             "a.yaml:40001: k5: repeated key, first given in line 6");
  map->erase_entries([](const std::string& key, const ConfigNode&) { return key == "k0"; });
  BOOST_TEST(!map->find("k0"));
  BOOST_TEST(map->find("k48999")->scalar == "48999");
}

BOOST_AUTO_TEST_CASE(a_mapping_of_more_than_100000_values_is_refused) {
  BOOST_TEST(refusal_of(keys(150'000))
                 .ends_with("more than 100000 values after aliases are "
                            "expanded"));
}

BOOST_AUTO_TEST_CASE(more_than_4_mib_are_refused) {
  BOOST_TEST(refusal_of("a: " + std::string(size_t{4} << 20, 'x')) ==
             "a.yaml: 4194307 bytes; accepted: at most 4194304");
}

BOOST_AUTO_TEST_CASE(aliases_are_copies_at_the_line_of_their_key) {
  const auto root = parse_yaml("a: &x {b: [1]}\nc: *x\n? &k key\n: 1\nd: *k\n", "a.yaml");
  BOOST_TEST(root->find("c")->line == 2);
  BOOST_TEST(root->find("c")->find("b")->items[0]->scalar == "1");
  BOOST_TEST(root->find("c") != root->find("a"));
  BOOST_TEST(root->find("d")->scalar == "key");
}

BOOST_AUTO_TEST_SUITE_END()
