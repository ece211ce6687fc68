#include "experiments/results/result_writer.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>
#include <set>

#include "experiments/results/assemble_result.h"
#include "experiments/results/result_equality.h"
#include "framework/base/durable_file.h"
#include "framework/base/hash.h"
#include "tests/experiments/output_folder.h"
#include "tests/experiments/results/fabricated_result.h"
#include "tests/skips.h"

using namespace quantdyn;
namespace fs = std::filesystem;

namespace {

/// All files below a folder but that of its lock, as paths relative to it.
std::set<std::string> files_in(const fs::path& folder) {
  std::set<std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) out.insert(fs::relative(entry.path(), folder).string());
  out.erase(FolderLock::file_name);
  return out;
}

const std::set<std::string> finished = {"result.h5",
                                        "result.h5.sha256",
                                        "snapshots/SHA256SUMS",
                                        "snapshots/snapshot-0000.h5",
                                        "snapshots/snapshot-0001.h5",
                                        "snapshots/snapshot-0002.h5",
                                        "snapshots/tensors.raw"};

template <typename T>
std::vector<T> read(const h5::File& file, const std::string& path) {
  return file.dataset(path).read<T>();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(result_writer_test, OutputFolder)

BOOST_AUTO_TEST_CASE(snapshots_become_rows_in_their_order) {
  fabricated::write(path);
  BOOST_TEST(files_in(path) == finished, boost::test_tools::per_element());
  const h5::File file = h5::File::open(path / "result.h5");
  BOOST_TEST(file.text("status") == "complete");
  BOOST_TEST(file.integer("schema") == 1);
  BOOST_TEST(file.integer("seed") == 7);
  BOOST_TEST(read<int64_t>(file, "snapshot") == (std::vector<int64_t>{0, 1, 2}));
  BOOST_TEST(read<int64_t>(file, "epoch") == (std::vector<int64_t>{0, 1, 1}));
  BOOST_TEST(file.dataset("variant").read_texts() ==
             (std::vector<std::string>{"float32", "float32", "int8"}));
  BOOST_TEST(file.dataset("layer").read_texts() ==
             (std::vector<std::string>{"conv1", "dw2", "größer", "add"}));
  const auto mean = read<double>(file, "layerwise/output/mean");
  for (size_t s = 0; s < 3; ++s) {
    for (size_t l = 0; l < 3; ++l) BOOST_TEST(mean[4 * s + l] == static_cast<double>(100 * s + l));
    BOOST_TEST(std::isnan(mean[4 * s + 3]));
  }
  const h5::Dataset histogram = file.dataset("channelwise/output/histogram");
  BOOST_TEST(histogram.sizes() == (std::vector<int64_t>{3, 11, 4}));
  BOOST_TEST(histogram.read<uint32_t>()[2 * 44 + 4 * 7 + 3] == 2073u);
  BOOST_TEST(read<uint64_t>(file, "layerwise/output/count")[3] == 5'000'000'003u);
  BOOST_TEST(read<double>(file, "networkwise/accuracy") == (std::vector<double>{0.5, 0.625, 0.75}));
}

BOOST_AUTO_TEST_CASE(rows_that_a_snapshot_lacks_are_nan) {
  fabricated::write(path);
  const auto sqnr = read<double>(h5::File::open(path / "result.h5"), "layerwise/output/local_sqnr");
  for (size_t i = 0; i < 8; ++i) BOOST_TEST(std::isnan(sqnr[i]));
  BOOST_TEST(sqnr[8] == 30);
  BOOST_TEST(std::isinf(sqnr[11]));
}

BOOST_AUTO_TEST_CASE(every_group_of_arrays_holds_links_to_its_axes_and_labels) {
  fabricated::write(path);
  const h5::File file = h5::File::open(path / "result.h5");
  BOOST_TEST(file.group("channelwise/output").names() ==
                 (std::vector<std::string>{"bin", "bin_lower", "bin_upper", "channel", "epoch",
                                           "histogram", "index_in_node", "max", "node", "snapshot",
                                           "step", "variant"}),
             boost::test_tools::per_element());
  BOOST_TEST(file.dataset("channelwise/output/histogram").text("coordinates") ==
             "variant epoch step node index_in_node bin_lower bin_upper");
  BOOST_TEST(file.dataset("networkwise/accuracy").text("coordinates") == "variant epoch step");
  BOOST_TEST(file.dataset("networkwise/accuracy").text("formula") == "correct / images");
  BOOST_TEST(file.dataset("layerwise/output/local_sqnr").text("units") == "dB");
  BOOST_TEST(file.dataset("training/seconds").text("units") == "s");
}

BOOST_AUTO_TEST_CASE(weights_codes_configuration_and_tables_are_kept) {
  fabricated::write(path);
  const h5::File file = h5::File::open(path / "result.h5");
  BOOST_TEST(file.dataset("config/raw").read_texts()[0] == fabricated::facts().raw_yaml);
  BOOST_TEST(file.dataset("config/resolved").read_texts()[0] == fabricated::facts().resolved_yaml);
  BOOST_TEST(file.group("provenance").text("compiler") == "gcc 12.2");
  BOOST_TEST(file.group("provenance").integer("threads") == 2);
  BOOST_TEST(file.dataset("network/output_shape").read_texts()[3] == "[8, 8, 4]");
  BOOST_TEST(read<double>(file, "training/loss") == std::vector<double>{1.5});
  BOOST_TEST(read<float>(file, "weights/1/dw2/weight") ==
             fabricated::snapshot(1).weights[0].values);
  BOOST_TEST(!file.has("weights/2"));
  const h5::Group quantized = file.group("quantization/int8/dw2/weight");
  BOOST_TEST(file.group("quantization/int8").integer("snapshot") == 2);
  BOOST_TEST(quantized.text("scheme") == "affine");
  BOOST_TEST(quantized.dataset("codes").read<int>() == (std::vector<int>{-2, -1, 0, 1, 1, -2}));
  BOOST_TEST(quantized.dataset("levels").sizes() == (std::vector<int64_t>{2, 4}));
  BOOST_TEST(read<int>(file, "quantization/int8/conv1/output/zero_point") == std::vector<int>{-3});
  BOOST_TEST(!file.has("quantization/int8/conv1/output/codes"));
  const h5::Group output = file.group("quantization/int8/conv1/output");
  BOOST_TEST(output.dataset("calibration_images").read<int>() == (std::vector<int>{8, 64}));
  BOOST_TEST(output.dataset("convergence_high").sizes() == (std::vector<int64_t>{2, 1}));
  BOOST_TEST(output.dataset("convergence_high").read<double>() == (std::vector<double>{1, 3}));
}

BOOST_AUTO_TEST_CASE(a_snapshots_file_stands_alone_as_soon_as_it_is_written) {
  ResultWriter writer(path, fabricated::facts(), Overwrite::refuse);
  writer.add_snapshot(fabricated::snapshot(0));
  writer.add_snapshot(fabricated::snapshot(1));
  writer.wait();
  BOOST_TEST(!fs::exists(writer.result_path()));
  const h5::File file = h5::File::open(writer.snapshot_path(1));
  BOOST_TEST(file.text("status") == "snapshot");
  BOOST_TEST(read<int64_t>(file, "snapshot") == std::vector<int64_t>{1});
  BOOST_TEST(read<double>(file, "layerwise/output/mean")[1] == 101);
  BOOST_TEST(read<float>(file, "weights/1/dw2/bias") == (std::vector<float>{0.5f, -0.5f}));
}

BOOST_AUTO_TEST_CASE(many_rows_pass_through_blocks_unchanged) {
  RunFacts facts = fabricated::facts();
  facts.network = {{"wide", "conv2d", "input", {1, 1, 9000}, 0, 0, 0, 9000}};
  ResultWriter writer(path, facts, Overwrite::refuse);
  const Quantity maximum{"max", "1", "", "", ""}, histogram{"histogram", "1", "", "", "bin"};
  for (int64_t s = 0; s < 20; ++s) {  // rows of 36 KB, 7 a chunk, and of 144 KB, 1 a chunk
    Snapshot snapshot{s, s, "float32", Frame({0, 9000}), {}, {}};
    snapshot.frame.channel("output", maximum, 0, std::vector<double>(9000, static_cast<double>(s)));
    if (s != 5)
      snapshot.frame.channel("output", histogram, 0,
                             std::vector<uint64_t>(36000, static_cast<uint64_t>(s)));
    writer.add_snapshot(std::move(snapshot));
  }
  writer.finish();
  const h5::File file = h5::File::open(path / "result.h5");
  for (int64_t s = 0; s < 20; ++s) {
    const auto row = file.dataset("channelwise/output/max").read_rows<float>(s, 1);
    BOOST_TEST((row == std::vector<float>(9000, static_cast<float>(s))));
    const auto counts = file.dataset("channelwise/output/histogram").read_rows<uint32_t>(s, 1);
    BOOST_TEST((counts == std::vector<uint32_t>(36000, s == 5 ? 0 : static_cast<uint32_t>(s))));
  }
}

BOOST_AUTO_TEST_CASE(a_complete_result_is_kept_unless_told_otherwise) {
  fabricated::write(path);
  const std::string before = sha256_of_file(path / "result.h5");
  BOOST_TEST(contains(
      error_of<ConfigError>([&] { ResultWriter(path, fabricated::facts(), Overwrite::refuse); }),
      "result.h5: already holds a complete result; accepted: another output folder, or --force"));
  {
    ResultWriter given_up(path, fabricated::facts(), Overwrite::replace);
    given_up.add_snapshot(fabricated::snapshot(0));
    BOOST_TEST(sha256_of_file(path / "result.h5") == before);  // until there is a new one
  }
  fabricated::write(path, Overwrite::replace);
  BOOST_TEST(files_in(path) == finished, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_checksum_beside_a_result_is_its_own) {
  fabricated::write(path);
  std::string expected;
  std::ifstream(path / "result.h5.sha256") >> expected;
  BOOST_TEST(expected == sha256_of_file(path / "result.h5"));
}

BOOST_AUTO_TEST_CASE(a_snapshot_that_changed_after_it_was_written_makes_no_result) {
  for (const bool is_listed : {true, false}) {
    fs::remove_all(path);
    ResultWriter writer(path, fabricated::facts(), Overwrite::refuse);
    writer.add_snapshot(fabricated::snapshot(0));
    writer.add_snapshot(fabricated::snapshot(1));
    writer.wait();
    const fs::path changed = writer.snapshot_path(0);
    if (is_listed) {
      std::fstream file(changed, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(-1, std::ios::end);
      file << 'x';
    } else {
      std::ofstream(path / "snapshots" / "SHA256SUMS");
    }
    const std::string error = error_of([&] { writer.finish(); });
    BOOST_TEST(contains(
        error, changed.string() + (is_listed ? ": damaged or changed" : ": not listed in")));
    BOOST_TEST(!fs::exists(writer.result_path()));
  }
}

BOOST_AUTO_TEST_CASE(snapshots_are_listed_for_sha256sum) {
  fabricated::write(path);
  std::ifstream list(path / "snapshots" / "SHA256SUMS");
  std::string sum, name;
  for (int64_t index = 0; index < 3; ++index) {
    list >> sum >> name;
    BOOST_TEST(name == fmt::format("snapshot-{:04}.h5", index));
    BOOST_TEST(sum == sha256_of_file(path / "snapshots" / name));
  }
}

BOOST_AUTO_TEST_CASE(a_snapshots_file_has_the_facts_and_the_curve_of_its_run) {
  fabricated::write(path);
  const ResultReader snapshot(path / "snapshots" / "snapshot-0002.h5");
  BOOST_TEST(read_label(snapshot.file().path()).variant == "int8");
  fs::create_directory(path / "again");
  assemble_result(path / "again" / "result.h5", read_facts(snapshot), read_training(snapshot),
                  path / "snapshots", 3);
  BOOST_TEST(first_difference(ResultReader(path / "result.h5"),
                              ResultReader(path / "again" / "result.h5")) == "");
}

BOOST_AUTO_TEST_CASE(an_interrupted_runs_snapshots_are_moved_and_its_partial_files_removed) {
  for (int run = 1; run <= 2; ++run) {
    ResultWriter writer(path, fabricated::facts(), Overwrite::refuse);
    BOOST_TEST(writer.set_aside() == (run == 1 ? fs::path() : path / "snapshots.interrupted.1"));
    writer.add_snapshot(fabricated::snapshot(0));
    std::ofstream(path / "snapshots" / "snapshot-0001.h5.part") << "half";
    std::ofstream(path / "result.h5.part") << "half";
  }
  fabricated::write(path);
  std::set<std::string> expected = finished;
  for (const char* folder : {"snapshots.interrupted.1", "snapshots.interrupted.2"})
    expected.insert(
        {fmt::format("{}/SHA256SUMS", folder), fmt::format("{}/snapshot-0000.h5", folder)});
  BOOST_TEST(files_in(path) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(folders_that_cannot_be_used_are_refused_before_the_run) {
  std::ofstream(path.string()) << "a file";
  BOOST_TEST(contains(
      error_of<ConfigError>([&] { ResultWriter(path, fabricated::facts(), Overwrite::refuse); }),
      path.string() + ": the output folder cannot be created or written"));
  fs::remove(path);
}

BOOST_AUTO_TEST_CASE(a_folder_without_the_right_to_write_is_refused,
                     *test::needs("a user who is not root, who may write everywhere",
                                  [] { return ::geteuid() != 0; })) {
  fs::create_directories(path / "snapshots");
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_exec);
  BOOST_TEST(contains(
      error_of<ConfigError>([&] { ResultWriter(path, fabricated::facts(), Overwrite::refuse); }),
      "the output folder cannot be written"));
  fs::permissions(path, fs::perms::owner_all);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_the_file_is_refused) {
  RunFacts facts = fabricated::facts();
  facts.network[1].name = "a/b";
  BOOST_TEST(contains(error_of([&] { ResultWriter(path, facts, Overwrite::refuse); }),
                      "node 'a/b' cannot be a name"));
  facts.network[1].name = "conv1";
  BOOST_TEST(contains(error_of([&] { ResultWriter(path, facts, Overwrite::refuse); }),
                      "two nodes are called 'conv1'"));
  ResultWriter writer(path, fabricated::facts(), Overwrite::refuse);
  BOOST_TEST(contains(error_of([&] { writer.finish(); }), "no snapshot was taken"));
  Snapshot snapshot = fabricated::snapshot(0);
  snapshot.variant = "a/b";
  BOOST_TEST(contains(error_of([&] { writer.add_snapshot(std::move(snapshot)); }),
                      "variant 'a/b' cannot be a name"));
  snapshot = fabricated::snapshot(0);
  snapshot.frame = Frame({0, 3});
  BOOST_TEST(contains(error_of([&] { writer.add_snapshot(std::move(snapshot)); }),
                      "1 nodes and 3 channels, the run has 4 and 11"));
  const auto written = [&](Snapshot s) {
    return error_of([&] {
      writer.add_snapshot(std::move(s));
      writer.wait();
    });
  };
  snapshot = fabricated::snapshot(0);
  snapshot.frame.channel("output", {"big", "1", "", "", ""}, 1,
                         std::vector<uint64_t>{1, 4'294'967'296});
  BOOST_TEST(contains(written(std::move(snapshot)), "a count of 4294967296 for one channel"));
  snapshot = fabricated::snapshot(0);
  snapshot.frame.layer("output", {"x", "1", "", "", "nowhere"}, 1, 1.0);
  BOOST_TEST(contains(written(std::move(snapshot)), "axis 'nowhere', which the run does not have"));
  snapshot = fabricated::snapshot(0);
  snapshot.weights[0].values.pop_back();
  BOOST_TEST(contains(written(std::move(snapshot)), "26 values for the shape [3, 3, 3]"));
  BOOST_TEST(files_in(path).empty());
}

BOOST_AUTO_TEST_CASE(a_full_disk_leaves_finished_snapshots_and_no_result) {
  for (const bool is_full_at_the_end : {false, true}) {
    fs::remove_all(path);
    const pid_t child = ::fork();
    if (child == 0) {
      ResultWriter writer(path, fabricated::facts(), Overwrite::refuse);
      writer.add_snapshot(fabricated::snapshot(0));
      writer.wait();
      std::signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{20'000, 20'000};
      ::setrlimit(RLIMIT_FSIZE, &limit);
      if (!is_full_at_the_end) writer.add_snapshot(fabricated::snapshot(1));
      const std::string error = error_of([&] { writer.finish(); });
      ::_exit(contains(error, is_full_at_the_end ? "result.h5" : "snapshot-0001.h5") ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    BOOST_TEST(status == 0);
    BOOST_TEST(files_in(path) ==
                   (std::set<std::string>{"snapshots/SHA256SUMS", "snapshots/snapshot-0000.h5"}),
               boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(a_kill_at_any_moment_leaves_nothing_that_looks_like_a_result) {
  for (int milliseconds = 1; milliseconds < 200; milliseconds += 9) {
    fs::remove_all(path);
    const pid_t child = ::fork();
    if (child == 0) {
      fabricated::write(path);
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(1000 * milliseconds));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    if (!fs::exists(path)) continue;
    for (const std::string& name : files_in(path)) {
      if (fs::path(name).extension() != ".h5") continue;
      const h5::File file = h5::File::open(path / name);
      BOOST_TEST(file.text("status") == (name == "result.h5" ? "complete" : "snapshot"));
      const auto accuracy = read<double>(file, "networkwise/accuracy");
      BOOST_TEST(!std::isnan(accuracy.back()));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
