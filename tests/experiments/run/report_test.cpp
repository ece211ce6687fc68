// What running an experiment tells its caller: reports and progress.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <map>

#include "experiments/results/result_reader.h"
#include "experiments/run/run.h"
#include "tests/experiments/program.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

/// Keeps what it is told.
struct Recorder final : ProgressSink {
  struct Work final : WorkProgress {
    Work(Recorder& owner, std::string title) : recorder(owner), name(std::move(title)) {}
    ~Work() override { --recorder.open; }
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;
    void update(int64_t done, const std::string&) override { recorder.most[name] = done; }
    Recorder& recorder;
    std::string name;
  };
  std::unique_ptr<WorkProgress> begin(const std::string& title, int64_t total,
                                      const std::string& unit, int64_t) override {
    ++open;
    begun.push_back(fmt::format("{}: {} {}", title, total, unit));
    return std::make_unique<Work>(*this, title);
  }
  void line(const std::string& text) override { lines.push_back(text); }

  int open = 0;
  std::map<std::string, int64_t> most;
  std::vector<std::string> begun, lines;
};

struct Place : Workplace {
  RunRequest request(std::vector<std::string> sets) const {
    sets.emplace_back("train.epochs=1");
    RunRequest out;
    out.config = path / "tiny.yaml";
    out.sets = std::move(sets);
    out.output = path / "out";
    return out;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(report_test, Place)

BOOST_AUTO_TEST_CASE(a_report_has_the_numbers_of_the_file) {
  Recorder recorder;
  const std::vector<RunReport> reports = run_experiment(request({}), recorder);
  BOOST_REQUIRE(reports.size() == 1u);
  const RunReport& report = reports[0];
  BOOST_TEST(report.experiment == "tiny");
  BOOST_TEST(report.result == path / "out/result.h5");
  BOOST_TEST(report.failures.empty());
  BOOST_REQUIRE(report.summary.size() == 2u);
  const ResultReader result(report.result);
  for (const VariantSummary& row : report.summary) {
    const SnapshotLabel& snapshot = result.last(row.variant);
    BOOST_TEST(row.accuracy == result.row("networkwise/accuracy", snapshot)[0]);
    BOOST_TEST(row.logits_sqnr == result.row("networkwise/logits_sqnr", snapshot)[0]);
    BOOST_TEST(row.float_accuracy == result.row("networkwise/accuracy", result.last())[0]);
  }
  BOOST_TEST(recorder.begun.at(0) == "tiny: 256 images");
  BOOST_TEST(recorder.most.at("tiny") > 0);
  BOOST_TEST(recorder.open == 0);
  BOOST_TEST(recorder.lines.at(0).starts_with("tiny: epoch 1/1  loss "), recorder.lines.at(0));
}

BOOST_AUTO_TEST_CASE(a_variant_that_fails_is_in_the_report) {
  Recorder recorder;
  const auto reports = run_experiment(
      request({"variants.0.weights={quantizer: {name: affine, symmetric: true, signed: false}}"}),
      recorder);
  BOOST_REQUIRE(reports.at(0).failures.size() == 1u);
  BOOST_TEST(reports[0].failures[0].starts_with("tiny: int8: conv1/weight"));
  BOOST_REQUIRE(reports[0].summary.size() == 1u);
  BOOST_TEST(reports[0].summary[0].variant == "int4");
}

BOOST_AUTO_TEST_CASE(without_variants_a_report_has_one_row_of_the_float_net) {
  SilentProgress silent;
  const auto reports = run_experiment(request({"variants=[]"}), silent);
  BOOST_REQUIRE(reports.at(0).summary.size() == 1u);
  BOOST_TEST(reports[0].summary[0].variant == "float32");
  BOOST_TEST(reports[0].summary[0].float_accuracy >= 0);
  BOOST_TEST(std::isnan(reports[0].summary[0].accuracy));
}

BOOST_AUTO_TEST_CASE(a_plan_counts_what_a_run_would_do) {
  const std::vector<RunPlan> plans = validate_experiment(request({}));
  BOOST_REQUIRE(plans.size() == 1u);
  BOOST_TEST(plans[0].experiment == "tiny");
  BOOST_TEST(plans[0].train_images == 256);
  BOOST_TEST(plans[0].test_images == 64);
  BOOST_TEST(plans[0].epochs == 1);
  BOOST_TEST(plans[0].variants == 2);
}

BOOST_AUTO_TEST_SUITE_END()
