// Merging results of several seeds: means and intervals against values computed by hand, what is
// refused, and that the merged file is read like any other.
#include "experiments/results/merge_results.h"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "experiments/commands/compare_results.h"
#include "experiments/commands/inspect_result.h"
#include "experiments/results/result_reader.h"
#include "framework/base/hash.h"
#include "tests/experiments/program.h"
#include "tests/experiments/results/fabricated_runs.h"

using namespace quantdyn;
using namespace quantdyn::test;
namespace fs = std::filesystem;

namespace {

struct Runs : OutputFolder {
  fs::path a = fabricated::write_seed(path / "a", 7, 1),
           b = fabricated::write_seed(path / "b", 8, 2),
           c = fabricated::write_seed(path / "c", 9, 6);
  fs::path merged = path / "m.h5";

  std::string merge(const std::vector<fs::path>& results, bool force = false) const {
    return merge_results({results, merged, "quantdyn merge", force});
  }
  std::string refusal(const std::vector<fs::path>& results) const {
    return error_of<ConfigError>([&] { merge(results); });
  }
};

const auto close_to = boost::test_tools::tolerance(1e-10);

}  // namespace

BOOST_AUTO_TEST_SUITE(merge_results_test)

BOOST_AUTO_TEST_CASE(intervals_are_those_of_students_table) {
  // t_{0.975} with 2 and with 1 degrees of freedom: 4.30265272974946, 12.7062047361747.
  BOOST_TEST(interval_95(std::vector<double>{1, 2, 6}) == 4.30265272974946 * std::sqrt(7.0 / 3),
             close_to);
  BOOST_TEST(interval_95(std::vector<double>{1, 3}) == 12.7062047361747, close_to);
  BOOST_TEST(interval_95(std::vector<double>{5, 5, 5}) == 0);
  BOOST_TEST(std::isnan(interval_95(std::vector<double>{1, NAN, 2})));
  BOOST_TEST(std::isnan(interval_95(std::vector<double>{INFINITY, INFINITY})));
}

BOOST_FIXTURE_TEST_CASE(numbers_become_means_with_intervals_and_counts_are_summed, Runs) {
  const std::string told = merge({a, b, c});
  BOOST_TEST(contains(told, "m.h5: 3 runs, 3 snapshots"));
  // 4 nodes of 3 snapshots, NaN in the first run.
  BOOST_TEST(contains(told, "12 values are NaN in some runs and not in others"));
  const ResultReader result(merged);
  const SnapshotLabel& last = result.last("int8");
  const auto at = [&](const std::string& array) { return result.row(array, last); };
  const double interval = 4.30265272974946 * std::sqrt(7.0 / 3);
  BOOST_TEST(at("networkwise/loss") == std::vector<double>{3});
  BOOST_TEST(at("networkwise/loss_interval").at(0) == interval, close_to);
  BOOST_TEST(at("networkwise/loss_runs") == (std::vector<double>{1, 2, 6}));
  BOOST_TEST(at("layerwise/output/spread") == (std::vector<double>{3, 6, 9, 12}));
  BOOST_TEST(at("layerwise/output/spread_interval").at(3) == 4 * interval, close_to);
  BOOST_TEST(at("layerwise/output/spread_runs") ==
             (std::vector<double>{1, 2, 6, 2, 4, 12, 3, 6, 18, 4, 8, 24}));
  BOOST_TEST(at("layerwise/output/mean").at(1) == 201);
  BOOST_TEST(std::isnan(at("layerwise/output/mean").at(3)));  // NaN in every run
  BOOST_TEST(std::isnan(at("layerwise/output/partly").at(0)));
  BOOST_TEST(at("layerwise/output/local_sqnr").at(3) == INFINITY);
  BOOST_TEST(std::isnan(at("layerwise/output/local_sqnr_interval").at(3)));
  BOOST_TEST(result.file().dataset("layerwise/output/count").read<uint64_t>().at(1) ==
             15'000'000'003u);
  BOOST_TEST(!result.file().has("layerwise/output/count_interval"));
  BOOST_TEST(result.file().dataset("training/loss").read<double>() == std::vector<double>{3});
  BOOST_TEST(result.file().dataset("training/loss_interval").read<double>().at(0) == interval,
             close_to);
  BOOST_TEST(result.axes("layerwise/output/spread_runs") ==
             (std::vector<std::string>{"layer", "run"}));
}

BOOST_FIXTURE_TEST_CASE(the_file_says_what_was_merged, Runs) {
  merge({a, b, c});
  const h5::File file = h5::File::open(merged);
  BOOST_TEST(file.text("status") == "merged");
  BOOST_TEST(file.numbers("merged_seeds") == (std::vector<double>{7, 8, 9}));
  BOOST_TEST(file.texts("merged_sha256") ==
             (std::vector<std::string>{sha256_of_file(a), sha256_of_file(b), sha256_of_file(c)}));
  BOOST_TEST(file.dataset("run_seed").read<double>() == (std::vector<double>{7, 8, 9}));
  BOOST_TEST(file.group("provenance").text("experiment") == "made-up");
  BOOST_TEST(!file.group("provenance").has_attribute("luck"));  // not the same in all
  BOOST_TEST(!file.has("channelwise"));
  BOOST_TEST(!file.has("weights"));
  BOOST_TEST(!file.has("quantization"));
  BOOST_TEST(contains(file.dataset("networkwise/loss_interval").text("formula"), "t_{0.975, n-1}"));
  BOOST_TEST(file.dataset("networkwise/loss_interval").text("units") == "nat");
  BOOST_TEST(text_of(merged.string() + ".sha256") == sha256_of_file(merged) + "  m.h5\n");
}

BOOST_FIXTURE_TEST_CASE(inspect_and_compare_read_it, Runs) {
  merge({a, b, c});
  const std::string text = inspect_result(merged);
  for (const std::string part : {"status        merged", "seed          7, 8, 9", "3 +-6.6"})
    BOOST_TEST(contains(text, part), part << " is missing in\n" << text);
  BOOST_TEST(contains(inspect_result(merged, {{}, "dw2", {}}), "spread_interval"));
  const std::string compared = compare_results({a, merged, {}, {}});
  BOOST_TEST(contains(compared, "seed 7, 8, 9, 4 nodes, 3 snapshots, merged"), compared);
  BOOST_TEST(!contains(compared, "equal to the last bit"));
}

BOOST_FIXTURE_TEST_CASE(what_is_no_other_seed_of_the_experiment_is_refused, Runs) {
  BOOST_TEST(contains(refusal({a}), "expected at least two results, found 1"));
  BOOST_TEST(
      contains(refusal({a, b, fabricated::write_seed(path / "d", 8, 3)}), "both have the seed 8"));
  RunFacts facts = fabricated::facts();
  facts.resolved_yaml = "seed: 7\nepochs: 2\n";
  BOOST_TEST(contains(refusal({a, fabricated::write_seed(path / "e", 8, 3, facts)}),
                      "their configs differ: epochs: 1 against 2"));
  facts = fabricated::facts();
  facts.resolved_yaml = "seed: 7\nname: other\noutput: x\nepochs: 1\n";
  BOOST_TEST(refusal({a, fabricated::write_seed(path / "f", 8, 3, facts)}) == "");
  fs::remove(merged);
  facts = fabricated::facts();
  facts.network[1].kind = "dense";
  BOOST_TEST(contains(refusal({a, fabricated::write_seed(path / "g", 8, 3, facts)}),
                      "node dw2 (conv2d of conv1, output [8, 8, 2], 27 parameters, 2 channels) "
                      "against node dw2 (dense of"));
  facts = fabricated::facts();
  facts.axes[0].labels[0].values[1] = -2;
  BOOST_TEST(contains(refusal({a, fabricated::write_seed(path / "h", 8, 3, facts)}),
                      "the values of the label bin_lower of the axis bin differ"));
  facts = fabricated::facts();
  facts.provenance.emplace_back("plugins", "libmine.so 0123\nlibsame.so 4567");
  const fs::path old = fabricated::write_seed(path / "i", 8, 3, facts);
  facts.provenance.back().second = std::string("libmine.so 89ab\nlibsame.so 4567");
  const fs::path changed = fabricated::write_seed(path / "j", 9, 3, facts);
  BOOST_TEST(contains(refusal({old, changed}),
                      "their configs differ: plugin libmine.so: 0123 against 89ab; accepted"));
  BOOST_TEST(contains(refusal({a, old}), "plugin libmine.so: - against 0123, plugin libsame.so"));
  BOOST_TEST(contains(compare_results({old, changed, {}, {}}), "plugin libmine.so"));
  fabricated::write(path / "plain");
  BOOST_TEST(contains(refusal({b, path / "plain/result.h5"}),
                      "only the first one has array /networkwise/loss of numbers on [snapshot]"));
  BOOST_TEST(!fs::exists(merged));
  BOOST_TEST(!fs::exists(merged.string() + ".part"));
  merge({a, b});
  BOOST_TEST(contains(refusal({a, b}), "is there already; accepted: another name, or --force"));
  BOOST_TEST(contains(merge({a, c}, true), "2 runs"));
  BOOST_TEST(contains(error_of([&] {
                        merge_results({{merged, b}, path / "n.h5", "", false});
                      }),
                      "is merged already"));
  BOOST_TEST(contains(error_of([&] {
                        merge_results({{a, b}, a, "", true});
                      }),
                      "is one of the merged results"));
  BOOST_TEST(contains(error_of([&] {
                        merge_results({{a, b}, "", "", true});
                      }),
                      "--output is missing"));
}

BOOST_FIXTURE_TEST_CASE(the_program_merges_real_runs, Workplace) {
  for (const std::string seed : {"3", "4"})
    BOOST_REQUIRE(run_tiny(seed, {"--set", "seed=" + seed, "--set", "train.epochs=1"}).exit_code ==
                  0);
  const Outcome outcome = run({"merge", "3/result.h5", "4/result.h5", "--output", "merged.h5"});
  BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
  const ResultReader one(path / "3/result.h5"), two(path / "4/result.h5"), both(path / "merged.h5");
  const std::string sqnr = "layerwise/output/accumulated_sqnr";
  const auto of = [&](const ResultReader& result, const std::string& name) {
    return result.row(name, result.last("int4"));
  };
  for (size_t i = 1; i < both.network().size(); ++i) {
    const double x = of(one, sqnr)[i], y = of(two, sqnr)[i];
    BOOST_TEST(of(both, sqnr)[i] == (x + y) / 2, close_to);
    BOOST_TEST(of(both, sqnr + "_interval")[i] == 12.7062047361747 * std::abs(x - y) / 2,
               boost::test_tools::tolerance(1e-8));
  }
  BOOST_TEST(run({"merge", "3/result.h5", "4/result.h5", "--output", "merged.h5"}).exit_code == 2);
  BOOST_TEST(
      run({"merge", "3/result.h5", "4/result.h5", "--output", "merged.h5", "--force"}).exit_code ==
      0);
  BOOST_TEST(contains(run({"merge", "3/result.h5", "3/result.h5", "--output", "x.h5"}).err,
                      "both have the seed 3"));
  BOOST_TEST(contains(run({"merge", "3/result.h5", "--tensor", "x"}).err,
                      "merge: --tensor does nothing here"));
  BOOST_TEST(run({"inspect", "merged.h5"}).exit_code == 0);
  BOOST_TEST(run({"compare", "3/result.h5", "merged.h5"}).exit_code == 0);
}

BOOST_FIXTURE_TEST_CASE(results_are_grouped_by_keys, Workplace) {
  std::vector<std::string> all{"merge"};
  for (const std::string width : {"0.125", "0.25"})
    for (const std::string seed : {"3", "4"}) {
      if (width == "0.25" && seed == "4") continue;
      const std::string output = width + "_" + seed;
      BOOST_REQUIRE(run_tiny(output, {"--set", "seed=" + seed, "--set", "train.epochs=0", "--set",
                                      "network.width=" + width})
                        .exit_code == 0);
      all.push_back(output + "/result.h5");
    }
  const auto merge_by = [&](const std::string& keys) {
    std::vector<std::string> arguments = all;
    for (const std::string& word : {std::string("--output"), std::string("m"), "--by=" + keys})
      arguments.push_back(word);
    return run(arguments);
  };
  const Outcome outcome = merge_by("network.width,variant");
  BOOST_TEST(outcome.exit_code == 0, outcome.err);
  for (const char* part :
       {"width0.125     2  int8", "width0.25      1  int4", "written: m/width0.125.h5: 2 runs",
        "width0.25: a single run, not merged: 0.25_3/result.h5"})
    BOOST_TEST(contains(outcome.out, part), outcome.out);
  BOOST_TEST(ResultReader(path / "m/width0.125.h5").file().numbers("merged_seeds") ==
             (std::vector<double>{3, 4}));
  BOOST_TEST(!fs::exists(path / "m/width0.25.h5"));
  BOOST_TEST(
      contains(run({"inspect", "m/width0.125.h5"}).out, "\nruns          2; numbers are means"));
  BOOST_TEST(contains(merge_by("network").out, "written: m/network_1.h5: 2 runs"));
  for (const auto& [keys, message] :
       {std::pair<const char*, const char*>{"network.width", "m/width0.125.h5: is there already"},
        {"variant", "belong to one group, 'all', and both have the seed 3"},
        {"initialiser", "initialiser: no result has this key; accepted: keys of the experiment"},
        {"seed", "--by seed: accepted: network, variant"},
        {"network,", "--by network,: accepted: network, variant"}}) {
    const Outcome refused = merge_by(keys);
    BOOST_TEST(refused.exit_code == 2);
    BOOST_TEST(contains(refused.err, message), keys << ": " << refused.err);
  }
}

BOOST_AUTO_TEST_SUITE_END()
