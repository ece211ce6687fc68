#include "experiments/results/result_reader.h"

#include <boost/test/unit_test.hpp>
#include <fstream>

#include "experiments/commands/inspect_result.h"
#include "tests/experiments/output_folder.h"
#include "tests/experiments/results/fabricated_result.h"

using namespace quantdyn;
namespace fs = std::filesystem;

namespace {
struct WrittenResult : OutputFolder {
  WrittenResult() { fabricated::write(path); }
  fs::path file = path / "result.h5";
};
}  // namespace

BOOST_FIXTURE_TEST_SUITE(result_reader_test, WrittenResult)

BOOST_AUTO_TEST_CASE(another_run_gets_the_last_float_weights) {
  const ResultReader reader(file);
  const SnapshotLabel& last = reader.last();
  BOOST_TEST(last.index == 1);
  BOOST_TEST(reader.parameter(last, "dw2", "weight", {3, 3, 3}) ==
             fabricated::snapshot(1).weights[0].values);
  BOOST_TEST(reader.parameter(reader.at_epoch(0), "dw2", "weight", {3, 3, 3}) ==
             fabricated::snapshot(0).weights[0].values);
}

BOOST_AUTO_TEST_CASE(a_snapshots_own_file_serves_as_well) {
  const ResultReader reader(path / "snapshots" / "snapshot-0001.h5");
  BOOST_TEST(reader.parameter(reader.last(), "dw2", "bias", {2}) ==
             (std::vector<float>{0.5f, -0.5f}));
  BOOST_TEST(reader.row("networkwise/accuracy", reader.last()) == std::vector<double>{0.625});
}

BOOST_AUTO_TEST_CASE(tables_read_back) {
  const ResultReader reader(file);
  const auto network = reader.network();
  BOOST_REQUIRE(network.size() == 4u);
  BOOST_TEST(network[3].inputs == "dw2, größer");
  BOOST_TEST(network[1].multiply_accumulates == 1728);
  BOOST_TEST(network[3].channel_offset == 7);
  BOOST_TEST(reader.output_shapes()[0] == "[8, 8, 3]");
  BOOST_TEST(reader.row("layerwise/output/mean", reader.last("int8"))[1] == 201);
  BOOST_TEST(reader.row("layerwise/output/none", reader.last()).empty());
}

BOOST_AUTO_TEST_CASE(what_is_missing_is_named_with_what_there_is) {
  const ResultReader reader(file);
  const std::string name = file.string();
  BOOST_TEST(error_of([&] { reader.last("int4"); }) ==
             name +
                 ": no snapshot of int4; there are: float32 at epoch 0, float32 at epoch 1, int8 "
                 "at epoch 1");
  BOOST_TEST(contains(error_of([&] { reader.at_epoch(5); }),
                      "no snapshot of float32 at epoch 5; there are"));
  BOOST_TEST(error_of([&] { reader.parameter(reader.last("int8"), "dw2", "bias", {2}); }) ==
             name +
                 ": no weights in snapshot 2 (int8 at epoch 1, step 50); track.weights says which "
                 "snapshots keep them");
  BOOST_TEST(error_of([&] { reader.parameter(reader.last(), "dw3", "bias", {2}); }) ==
             name + ": no weights of node 'dw3'; there are: dw2");
  BOOST_TEST(error_of([&] { reader.parameter(reader.last(), "dw2", "gamma", {2}); }) ==
             name + ": node 'dw2' has no parameter 'gamma'; there are: bias, weight");
  BOOST_TEST(error_of([&] { reader.parameter(reader.last(), "dw2", "bias", {4}); }) ==
             name + ": parameter 'bias' of node 'dw2' has the shape [2]; the net expects [4]");
}

BOOST_AUTO_TEST_CASE(files_that_are_no_result_are_refused) {
  const fs::path other = path / "other.h5";
  BOOST_TEST(error_of([&] { const ResultReader reader(other); }) ==
             other.string() + ": no such file");
  {
    h5::File made = h5::File::create(other);
    made.write("x", std::vector<float>{1});
    made.commit();
  }
  BOOST_TEST(
      contains(error_of([&] { const ResultReader reader(other); }), "not a result of quantdyn"));
  {
    h5::File made = h5::File::create(other);
    made.make_group("network");
    made.set("schema", 2);
    made.set("status", "complete");
    made.commit();
  }
  BOOST_TEST(error_of([&] { const ResultReader reader(other); }) ==
             other.string() + ": has schema 2, which a newer quantdyn wrote; accepted: 1");
  {
    h5::File made = h5::File::create(other);
    made.make_group("network");
    made.set("schema", 0);
    made.set("status", "complete");
    made.commit();
  }
  BOOST_TEST(error_of([&] { const ResultReader reader(other); }) ==
             other.string() + ": has schema 0, which is too old; accepted: 1");
  {
    h5::File made = h5::File::create(other);
    made.make_group("network");
    made.set("schema", 1);
    made.set("status", "running");
    made.commit();
  }
  BOOST_TEST(error_of([&] { const ResultReader reader(other); }) ==
             other.string() + ": has status 'running'; accepted: complete, snapshot, merged");
  BOOST_TEST(looks_like_hdf5(file));
  BOOST_TEST(!looks_like_hdf5(path / "result.h5.sha256"));
}

BOOST_AUTO_TEST_CASE(a_damaged_result_is_refused_by_its_checksum_alone) {
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekp(2000);
  bytes.put('\x7f');
  bytes.close();
  const std::string message = error_of([&] { const ResultReader reader(file); });
  BOOST_TEST(contains(message, "result.h5: damaged or changed: its SHA-256 is "));
  BOOST_TEST(contains(message, "remove that file to use the result anyway"));
  fabricated::write(path, Overwrite::replace);
  fs::remove(path / "result.h5.sha256");  // copied without it: trusted
  BOOST_TEST(ResultReader(file).snapshots().size() == 3u);
}

BOOST_AUTO_TEST_CASE(inspect_prints_facts_and_tables) {
  const std::string text = inspect_result(file);
  for (const std::string part :
       {"version       0.1.0 (0123abc)", "command line  quantdyn run a.yaml --set seed=7",
        "threads       2", "dw2     conv2d  conv1", "[8, 8, 4]",
        "1 epochs, the last one with loss 1.5, training accuracy 0.25, 2.5 s",
        "layerwise, snapshot 2 (int8 at epoch 1)", "sqnr", "/ dB"})
    BOOST_TEST(contains(text, part), part << " is missing in\n" << text);
  BOOST_TEST(!contains(text, "weight min"));  // this run did not track weights
  BOOST_TEST(!contains(text, "bin_lower"));
}

BOOST_AUTO_TEST_SUITE_END()
