// The table of a sweep: means and intervals over seeds, and the files that it is written to.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "experiments/results/result_reader.h"
#include "framework/h5/h5.h"
#include "tests/experiments/program.h"

using namespace quantdyn;
using namespace quantdyn::test;
namespace fs = std::filesystem;

namespace {

using Texts = std::vector<std::string>;

/// Two widths with three seeds each; nothing is trained.
struct TableSweep : Workplace {
  TableSweep() {
    write("sweep.yaml",
          tiny_yaml() + "sweep:\n  grid: {network.width: [0.125, 0.25], seed: [0, 1, 2]}\n");
  }
  Outcome sweep(const Texts& arguments) const {
    Texts all{"sweep"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    for (const char* word : {"--output", "out", "--set", "train.epochs=0"}) all.emplace_back(word);
    return run(all);
  }
  double value(const std::string& member, const std::string& metric) const {
    const ResultReader result(path / "out" / member / "result.h5");
    return result.row("networkwise/" + metric, result.last("int8")).at(0);
  }
};

const auto close_to = boost::test_tools::tolerance(1e-9);

}  // namespace

BOOST_FIXTURE_TEST_SUITE(sweep_table_test, TableSweep)

BOOST_AUTO_TEST_CASE(the_table_has_means_and_intervals_over_seeds) {
  BOOST_TEST(contains(sweep({"table", "sweep.yaml"}).err, "no member of the sweep has a result"));
  BOOST_REQUIRE(sweep({"run", "sweep.yaml", "--quiet", "--member", "1-5"}).exit_code == 0);
  const Outcome text = sweep({"table", "sweep.yaml"});
  BOOST_TEST(text.exit_code == 0, text.err);
  BOOST_TEST(contains(text.err, "1 of 6 members have no result and are left out"), text.err);
  for (const char* part : {"width0.125     3  int8", "width0.25      2  int4", "+-"})
    BOOST_TEST(contains(text.out, part), text.out);

  const Outcome csv = sweep({"table", "sweep.yaml", "--format", "csv"});
  BOOST_TEST(csv.out.starts_with("member,group,network.width,variant,metric,units,seed,count,value,"
                                 "mean,interval\n"),
             csv.out.substr(0, 200));
  BOOST_TEST(contains(csv.out, "width0.25-seed1,width0.25,0.25,int8,logits_sqnr,dB,1,2,"));
  const Outcome json = sweep({"table", "sweep.yaml", "--format", "json"});
  BOOST_TEST(contains(json.out, "\"member\": \"width0.125-seed0\""), json.out.substr(0, 400));
  BOOST_TEST(contains(json.out, "\"network.width\": \"0.125\""));
  BOOST_TEST(!contains(json.out, "nan"));

  BOOST_TEST(contains(sweep({"table", "sweep.yaml", "--file", "t.h5"}).out, "written: t.h5: "));
  const h5::File file = h5::File::open(path / "t.h5");
  const auto members = file.dataset("member").read_texts(),
             metrics = file.dataset("metric").read_texts(),
             variants = file.dataset("variant").read_texts();
  const auto values = file.dataset("value").read<double>(),
             means = file.dataset("mean").read<double>(),
             intervals = file.dataset("interval").read<double>();
  BOOST_TEST(std::ranges::count(csv.out, '\n') == std::ssize(members) + 1);
  int found = 0;
  for (size_t i = 0; i < members.size(); ++i) {
    if (metrics[i] != "logits_sqnr" || variants[i] != "int8") continue;
    if (members[i] == "width0.25-seed0") {
      const double a = value("width0.25-seed0", "logits_sqnr"),
                   b = value("width0.25-seed1", "logits_sqnr");
      BOOST_TEST(values[i] == a);
      BOOST_TEST(means[i] == (a + b) / 2, close_to);
      BOOST_TEST(intervals[i] == 12.7062047361747 * std::abs(a - b) / 2,
                 close_to);  // Student's table
      ++found;
    }
    BOOST_TEST(file.dataset("count").read<int64_t>()[i] ==
               (members[i].starts_with("width0.125") ? 3 : 2));
  }
  BOOST_TEST(found == 1);
}

BOOST_AUTO_TEST_CASE(a_table_is_refused_where_it_would_mislead) {
  BOOST_REQUIRE(sweep({"run", "sweep.yaml", "--quiet", "--member", "1,2", "--set", "variants=[]"})
                    .exit_code == 0);
  write("t.csv", "mine");
  for (const auto& [arguments, message] :
       {std::pair<Texts, std::string>{{"--file", "t.csv"}, "--file t.csv: is there already"},
        {{"--format", "xml"}, "--format xml: accepted: text, csv, json, hdf5"},
        {{"--format", "hdf5"}, "--format hdf5: needs --file"},
        {{"--file", "no/t.csv"}, "no/t.csv"}}) {
    Texts all{"table", "sweep.yaml"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const Outcome outcome = sweep(all);
    BOOST_TEST(outcome.exit_code != 0);
    BOOST_TEST(contains(outcome.err, message), outcome.err);
  }
  BOOST_TEST(text_of(path / "t.csv") == "mine");
  fs::remove_all(path / "out/width0.125-seed1");
  fs::copy(path / "out/width0.125-seed0", path / "out/width0.125-seed1");
  BOOST_TEST(contains(sweep({"table", "sweep.yaml"}).err, "and both have the seed 0"));
}

BOOST_AUTO_TEST_SUITE_END()
