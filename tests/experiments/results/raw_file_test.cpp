// The file of raw tensors: what is written comes back, and what changed is found.
#include "experiments/results/raw_file.h"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <numeric>
#include <thread>

#include "experiments/results/result_equality.h"
#include "experiments/results/result_reader.h"
#include "tests/errors.h"
#include "tests/experiments/output_folder.h"
#include "tests/experiments/results/fabricated_result.h"

using namespace quantdyn;
namespace fs = std::filesystem;

namespace {

constexpr int64_t begin = h5::File::values_begin;

struct Raw : OutputFolder {
  fs::path file = path / RawFile::file_name;
  std::vector<float> values = std::vector<float>(16'000);

  Raw() {
    fs::create_directories(path);
    std::iota(values.begin(), values.end(), 0.5f);
  }
  std::span<const float> part(size_t first, size_t count) const {
    return std::span(values).subspan(first, count);
  }
  void change(int64_t offset) const {
    std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(offset);
    out << 'x';
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(raw_file_test, Raw)

BOOST_AUTO_TEST_CASE(values_come_in_any_order_and_from_any_thread) {
  BegunSnapshot begun(std::make_shared<RawFile>(path, begin), begin);
  begun.make("a", "conv", {3}).write(0, part(5, 3));
  const RawPlace place = begun.make("b", "output", {100, 160});
  const auto write = [&](size_t first, size_t last) {
    for (size_t row = last; row-- > first;)
      place.write(static_cast<int64_t>(row) * 160, part(row * 160, 160));
  };
  std::thread other([&] { write(0, 70); });
  write(70, 100);
  other.join();
  BOOST_TEST(contains(error_of([&] { place.write(1, values); }),
                      "values 1 to 16001 of a raw tensor of 16000"));
  const RawTable table = begun.finish();
  BOOST_REQUIRE(table.arrays.size() == 2u);
  BOOST_TEST(table.arrays[1].offset == begin + 64);
  BOOST_TEST(table.end() == begin + 64 + 64'000);
  std::vector<float> found(values.size());
  std::ifstream in(file, std::ios::binary);
  in.seekg(table.arrays[1].offset);
  in.read(reinterpret_cast<char*>(found.data()), 64'000);
  BOOST_TEST(found == values);
}

BOOST_AUTO_TEST_CASE(a_table_reads_back_and_names_bytes_that_changed) {
  BegunSnapshot begun(std::make_shared<RawFile>(path, begin), begin);
  const RawPlace place = begun.make("b", "output", {100, 160});
  place.write(8000, part(8000, 8000));
  place.write(0, part(0, 8000));
  h5::File made = h5::File::create(path / "snapshot.h5");
  begun.finish().write(made);
  made.commit();
  const RawTable table = RawTable::read(h5::File::open(path / "snapshot.h5"));
  BOOST_REQUIRE(table.arrays.size() == 1u);
  BOOST_TEST(table.arrays[0].node == "b");
  BOOST_TEST(table.arrays[0].shape.text() == "[100, 160]");
  BOOST_TEST(table.pieces.size() == 2u);
  BOOST_TEST(table.problem(file) == "");
  change(begin + 40'000);
  BOOST_TEST(table.problem(file) ==
             file.string() +
                 ": damaged or changed: bytes 36096 to 68096 are not as they were written");
  fs::resize_file(file, 50'000);
  BOOST_TEST(contains(table.problem(file), "bytes 36096 to 68096"));
  fs::remove(file);
  BOOST_TEST(contains(table.problem(file), "cannot be read: No such file"));
}

BOOST_AUTO_TEST_CASE(a_snapshot_without_raw_tensors_has_no_table) {
  h5::File made = h5::File::create(path / "snapshot.h5");
  RawTable().write(made);
  made.commit();
  const RawTable table = RawTable::read(h5::File::open(path / "snapshot.h5"));
  BOOST_TEST(table.arrays.empty());
  BOOST_TEST(table.end() == begin);
  BOOST_TEST(table.problem(file) == "");
}

BOOST_AUTO_TEST_CASE(a_tensor_without_all_its_values_is_refused) {
  BegunSnapshot begun(std::make_shared<RawFile>(path, begin), begin);
  const RawPlace place = begun.make("b", "output", {100, 160});
  place.write(0, part(0, 160));
  place.write(320, part(320, 15'680));
  BOOST_TEST(error_of([&] { begun.finish(); }) ==
             "result: output of 'b' has no values from byte 640 on");
}

BOOST_AUTO_TEST_CASE(what_follows_the_last_snapshot_is_cut_off) {
  const auto raw = std::make_shared<RawFile>(path, begin);
  {
    BegunSnapshot given_up(raw, begin);
    given_up.make("b", "output", {1000}).write(0, part(0, 10));
  }
  BegunSnapshot begun(raw, begin);
  begun.make("b", "output", {10}).write(0, part(0, 10));
  const int64_t end = begun.finish().end();
  BOOST_TEST(fs::file_size(file) == static_cast<uintmax_t>(end));
  const RawFile again(path, end);
  BOOST_TEST(contains(error_of([&] { RawFile(path, end + 1); }), "tensors.raw: has 4136 bytes"));
}

BOOST_AUTO_TEST_CASE(a_file_with_two_names_is_written_as_a_copy) {
  {
    RawFile made(path, begin);
    made.write(begin, std::as_bytes(part(0, 100)));
  }
  fs::create_hard_link(file, path / "result.h5");
  const RawFile again(path, begin + 100);
  BOOST_TEST(fs::file_size(path / "result.h5") == static_cast<uintmax_t>(begin + 400));
  BOOST_TEST(fs::file_size(file) == static_cast<uintmax_t>(begin + 100));
}

BOOST_AUTO_TEST_CASE(a_link_in_its_place_is_not_followed) {
  std::ofstream(path / "theirs") << "kept";
  fs::create_symlink(path / "theirs", file);
  { const RawFile made(path, begin); }
  BOOST_TEST(fs::is_regular_file(fs::symlink_status(file)));
  BOOST_TEST(fs::file_size(path / "theirs") == 4u);
}

BOOST_AUTO_TEST_CASE(a_result_shares_its_raw_tensors_with_the_snapshots) {
  fabricated::write(path);
  const fs::path raw = path / "snapshots" / RawFile::file_name;
  BOOST_TEST(fs::equivalent(raw, path / "result.h5"));
  const h5::File result = h5::File::open(path / "result.h5");
  BOOST_TEST(result.dataset("tensors/2/dw2/output").read<float>() ==
             std::vector<float>(256, 0.25f));
  const h5::Dataset gradient = result.dataset("tensors/1/dw2/weight_gradient");
  BOOST_TEST(gradient.sizes() == (std::vector<int64_t>{3, 3}));
  BOOST_TEST(gradient.text("long_name") == "gradient of the mean loss by the weight of dw2");
  BOOST_TEST(!result.has("raw_tensors"));
}

BOOST_AUTO_TEST_CASE(raw_tensors_that_changed_make_no_result) {
  ResultWriter writer(path, fabricated::facts(), Overwrite::refuse);
  fabricated::add(writer, 0, fabricated::snapshot(0));
  fabricated::add(writer, 1, fabricated::snapshot(1));
  writer.wait();
  file = path / "snapshots" / RawFile::file_name;
  change(begin + 100);
  const std::string error = error_of([&] { writer.finish(); });
  BOOST_TEST(contains(error, "damaged or changed: bytes 4096 to 5120"), error);
  BOOST_TEST(contains(error, "no result was written"), error);
  BOOST_TEST(!fs::exists(path / "result.h5"));
  BOOST_TEST(!fs::exists(path / "result.h5.part"));
  BOOST_TEST(contains(writer.problem_of_snapshot(0), "not listed"));  // of this run, not before
}

BOOST_AUTO_TEST_CASE(a_run_that_goes_on_ends_with_the_same_bytes) {
  fabricated::write(path / "whole");
  const auto interrupted = [&](int64_t finished) {
    ResultWriter writer(path / "out", fabricated::facts(), Overwrite::refuse, Leftovers::keep);
    for (int64_t i = 0; i < 3; ++i) {
      const Snapshot made = fabricated::snapshot(i);
      if (i == 1) writer.add_training_row({50, 1, 1.5, 0.25, 0.1, 2.5});
      if (writer.take_over({i, made.epoch, made.step, made.variant})) continue;
      if (i == finished) {  // killed in the middle of this one
        const auto begun = writer.begin_snapshot();
        begun->make("dw2", "output", {2, 8, 8, 2}).write(0, std::vector<float>(100, 9.0f));
        return;
      }
      fabricated::add(writer, i, fabricated::snapshot(i));
    }
    writer.finish();
  };
  interrupted(1);
  interrupted(2);
  interrupted(3);
  BOOST_TEST(first_difference(ResultReader(path / "whole/result.h5"),
                              ResultReader(path / "out/result.h5")) == "");
  const auto raw_of = [&](const char* run) {
    std::ifstream in(path / run / "snapshots" / RawFile::file_name, std::ios::binary);
    std::string out(7000, '\0');
    in.read(out.data(), 7000);
    return out.substr(begin);
  };
  BOOST_TEST(raw_of("out") == raw_of("whole"));
}

BOOST_AUTO_TEST_SUITE_END()
