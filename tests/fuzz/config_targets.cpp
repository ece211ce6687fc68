#include <string>
#include <vector>

#include "framework/config/config_node.h"
#include "framework/config/config_set.h"
#include "framework/config/options.h"
#include "framework/graph/network.h"
#include "tests/fuzz/targets.h"

namespace quantdyn::test {
namespace {

std::string text_of(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

/// What every kind of reader makes of the keys.
void read_keys(const Options& options) {
  options.integer("i", 1, accept::at_least<int64_t>(0), "");
  options.number("n", 1.0, accept::between(-1.0, 1e30), "");
  options.flag("f", true, "");
  options.path("d", "", "");
  options.texts("t", std::vector<std::string>{}, "");
  options.integers("is", std::vector<int64_t>{1}, accept::any<int64_t>(), "");
  for (const Options& entry : options.list("l", "")) entry.plugin("p", "x", "").plugin_name();
  options.section("a", "").inherit(options.section("s", ""));
  options.resolved_yaml();
  options.finish();
}

}  // namespace

void fuzz_options(Bytes text) {
  std::string yaml = text_of(text);
  std::vector<std::string> sets;
  constexpr std::string_view mark = "\n--set ";
  for (size_t at = yaml.rfind(mark); at != std::string::npos; at = yaml.rfind(mark)) {
    sets.push_back(yaml.substr(at + mark.size()));
    yaml.resize(at);
  }
  expect_error_at_most([&] {
    const ConfigNode::Pointer root = parse_yaml(yaml, "fuzz.yaml");
    emit_yaml(*root);
    for (const std::string& set : sets) apply_set(root, set);
    read_keys(Options::from_tree(root));
  });
}

void fuzz_network(Bytes yaml) {
  expect_error_at_most([&] {
    const NetworkDefaults defaults{{8, 8, 3}, 10};
    const Options document =
        read_network(as_file(yaml), Options::from_text("{}", "fuzz.yaml"), defaults);
    Network::from_options(document);
    document.finish();
  });
}

}  // namespace quantdyn::test
