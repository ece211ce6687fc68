#include "experiments/reference/reference.h"

#include <boost/test/unit_test.hpp>

#include "experiments/reference/json_schema.h"
#include "experiments/reference/reference_text.h"
#include "experiments/reference/starting_point.h"
#include "experiments/run/experiment.h"
#include "framework/config/config_node.h"
#include "tests/errors.h"
#include "tests/experiments/program.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

namespace fs = std::filesystem;

std::vector<std::string> keys_of(const Described* described) {
  std::vector<std::string> out;
  BOOST_REQUIRE(described != nullptr);
  for (const OptionDescription& option : described->options) out.push_back(option.key);
  return out;
}

bool has(const std::vector<std::string>& words, const std::string& word) {
  return std::ranges::find(words, word) != words.end();
}

/// The keys of all mappings of a YAML document that the reference does not know.
void find_unknown(const std::vector<Described>& all, const ConfigNode& node,
                  const std::string& place, std::vector<std::string>& out) {
  const Described* const about = find_described(all, "experiment", place);
  if (about == nullptr || about->takes_any) return;
  const std::vector<std::string> known = keys_of(about);
  for (const auto& [key, value] : node.entries) {
    if (!has(known, key)) out.push_back(place_below(place, key));
    find_unknown(all, *value, place_below(place, key), out);
    if (place.empty() && key == "sweep") continue;  // a list of members, which set any key
    for (const ConfigNode::Pointer& item : value->items)
      find_unknown(all, *item, place_below(place, key), out);
  }
}

/// A line of a starting point as if its comment mark were not there: "  seed: 0".
std::string uncommented(const std::string& line) {
  const size_t mark = line.find("# ");
  return line.substr(0, mark) + line.substr(mark + 2);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(reference_test, Workplace)

BOOST_AUTO_TEST_CASE(every_section_has_the_keys_that_its_reader_asks_for) {
  const std::vector<Described> all = reference();
  const std::vector<std::pair<const char*, std::vector<std::string>>> expected = {
      {"", {"name", "seed", "network", "weights", "variants", "sweep", "checkpoint"}},
      {"network", {"file"}},
      {"data.standardize", {"mode", "factor", "mean", "deviation"}},
      {"train", {"epochs", "batch_size", "micro_batch", "optimizer", "schedule", "quantization"}},
      {"train.quantization", {"variant", "folding", "clip_decay"}},
      {"track", {"quantize", "statistics", "gradients", "tensors"}},
      {"track.tensors", {"nodes", "snapshots"}},
      {"variants", {"name", "from", "bit_widths", "overrides", "bias"}},
      {"variants.weights", {"estimator", "quantizer"}},
      {"variants.activations.places", {"add_inputs", "logits"}},
      {"variants.overrides", {"nodes", "kinds", "optional", "bit_width"}},
      {"variants.overrides.activations", {"estimator", "quantizer"}},
      {"variants.calibration", {"images", "convergence"}},
      {"variants.repairs", {"equalize", "adaround", "recalibrate"}},
      {"variants.repairs.adaround", {"iterations"}},
      {"variants.sensitivity", {"images"}},
      {"compute", {"fuse", "simulation"}},
      {"sweep", {"grid", "exclude", "include"}}};
  for (const auto& [place, keys] : expected) {
    const std::vector<std::string> found = keys_of(find_described(all, "experiment", place));
    for (const std::string& key : keys) BOOST_TEST(has(found, key), place << ": no " << key);
  }
  for (const char* macro : {"block", "separable", "residual", "inverted_residual"})
    BOOST_TEST(has(keys_of(find_described(all, "macro", macro)), "channels"), macro);
  BOOST_TEST(find_described(all, "experiment", "network")->takes_any);
  BOOST_TEST(!find_described(all, "experiment", "train")->takes_any);
  BOOST_TEST(!find_described(all, "experiment", "")->takes_any);
  for (const Described& one : all)
    for (const OptionDescription& option : one.options) {
      BOOST_TEST(!option.help.empty(), one.kind << " " << one.name << ": " << option.key);
      if (option.is_plugin())
        BOOST_TEST((plugin_kind(option) == "activation" ||
                    std::ranges::count(all, plugin_kind(option), &Described::kind) > 0),
                   option.key);
    }
}

BOOST_AUTO_TEST_CASE(the_experiments_that_come_with_the_program_have_no_other_keys) {
  const std::vector<Described> all = reference();
  const fs::path source = fs::path(QUANTDYN_SOURCE_NETWORKS).parent_path();
  int files = 0;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(source)) {
    const std::string text = entry.path().extension() == ".yaml" ? text_of(entry.path()) : "";
    if (text.find("\ndata:") == std::string::npos) continue;
    std::vector<std::string> unknown;
    find_unknown(all, *parse_yaml(text, entry.path().string()), "", unknown);
    for (const std::string& key : unknown) BOOST_ERROR(entry.path() << ": " << key);
    ++files;
  }
  BOOST_TEST(files > 10);
  std::vector<std::string> unknown;
  find_unknown(all, *parse_yaml("train: {epoch: 3}\nvariants: [{repairs: {equalise: {}}}]", "a"),
               "", unknown);
  BOOST_TEST(unknown == (std::vector<std::string>{"train.epoch", "variants.repairs.equalise"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(list_finds_sections_macros_plugins_and_words) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"track", "probe_images"},
      {"train.quantization", "start_epoch"},
      {"equalize", "  variants.repairs.equalize: make channel ranges"},
      {"block", "  block: "},
      {"affine", "bit_width"},
      {"lsq", "  train.quantization: "},
      {"momentum", "  sgd: "}};
  for (const auto& [name, words] : cases)
    BOOST_TEST(contains(reference_text(name), words), name << ": " << reference_text(name));
  const std::string narrow = reference_text("track.gradients", 100);
  std::istringstream lines(narrow);
  for (std::string line; std::getline(lines, line);) BOOST_TEST(line.size() <= 100u, line);
  BOOST_TEST(std::ranges::count(narrow, '\n') >
             std::ranges::count(reference_text("track.gradients"), '\n'));
  BOOST_TEST(contains(narrow, "training images, one batch;"));
  BOOST_TEST(error_of<ConfigError>([] { reference_text("equalise"); }) ==
             "nothing is called 'equalise'; the nearest: equalize; `quantdyn list` prints all");
  BOOST_TEST(error_of<ConfigError>([] { reference_text("xyzzy"); }) ==
             "nothing is called 'xyzzy'; `quantdyn list` prints all");
}

BOOST_AUTO_TEST_CASE(a_new_experiment_runs_and_its_comments_are_the_defaults) {
  std::string text = starting_point("experiment");
  const std::string all_images = "source: {name: synthetic}";
  BOOST_REQUIRE(contains(text, all_images));
  text.replace(text.find(all_images), all_images.size(),
               "source: {name: synthetic, train_images: 512, test_images: 512}");
  text.replace(text.find("dws.yaml"), 8, "networks/dws.yaml");
  const std::string resolved =
      Experiment::read(write("new.yaml", text), {}).document.resolved_yaml();
  std::istringstream in(text);
  int tried = 0;
  for (std::string line; std::getline(in, line);) {
    const size_t mark = line.find_first_not_of(' ');
    if (mark == std::string::npos || line.substr(mark, 2) != "# ") continue;
    if (line.find(' ', mark + 2) < line.find(':')) continue;  // the head of the file
    if (contains(line, ": ...") || line[line.find(':') + 2] == ' ') continue;
    // A default that follows the name, and one that is not written out.
    if (contains(line, "NAME") || contains(line, "plugins: []")) continue;
    std::string whole = text;
    whole.replace(whole.find(line), line.size(), uncommented(line));
    std::string given;
    const std::string refusal = error_of<ConfigError>(
        [&] { given = Experiment::read(write("one.yaml", whole), {}).document.resolved_yaml(); });
    if (contains(refusal, "leave it out")) continue;  // a key that does something only with another
    BOOST_TEST(refusal == "", line);
    BOOST_TEST(given.size() == resolved.size(), line << "\n" << given);
    ++tried;
  }
  BOOST_TEST(tried >= 12);
}

BOOST_AUTO_TEST_CASE(a_new_network_is_one) {
  write("net.yaml", starting_point("network"));
  const Outcome outcome = run({"inspect", "net.yaml", "--set", "width=0.5"});
  BOOST_TEST(outcome.exit_code == 0, outcome.err);
  BOOST_TEST(contains(outcome.out, "sep3_dw"));
}

BOOST_AUTO_TEST_CASE(the_schema_knows_types_ranges_and_plugins) {
  const std::string experiment = json_schema(reference(), "experiment");
  for (const char* words : {"\"$schema\"", "\"experiment.variants.repairs.adaround\"",
                            "\"range_estimator\"", "\"exclusiveMinimum\"", "\"percentile\""})
    BOOST_TEST(contains(experiment, words), words);
  BOOST_TEST(contains(json_schema(reference(), "network"), "\"inverted_residual\""));
}

BOOST_AUTO_TEST_SUITE_END()
