// Images that can no longer be read while a variant is computed: the run ends with that error,
// keeps what is finished, and goes on when they are back.
#include <boost/test/unit_test.hpp>
#include <fstream>

#include "experiments/results/result_equality.h"
#include "experiments/run/run.h"
#include "experiments/run/stoppable_dataset.h"
#include "framework/h5/h5.h"
#include "tests/experiments/output_folder.h"
#include "tests/experiments/run/line_keeper.h"

using namespace quantdyn;
using namespace quantdyn::test;
namespace fs = std::filesystem;

namespace {

void write_images(const fs::path& path) {
  h5::File file = h5::File::create(path);
  for (const auto& [split, images] : {std::pair<std::string, int64_t>{"train", 64}, {"test", 32}}) {
    std::vector<uint8_t> pixels(static_cast<size_t>(images) * 8 * 8);
    std::vector<int64_t> labels(static_cast<size_t>(images));
    for (size_t i = 0; i < pixels.size(); ++i)
      pixels[i] = static_cast<uint8_t>(i * 2654435761u >> 24);
    for (size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int64_t>(i % 10);
    file.write<uint8_t>(split + "_x", std::vector<int64_t>{images, 8, 8, 1}, pixels);
    file.write<int64_t>(split + "_y", std::vector<int64_t>{images}, labels);
  }
  file.commit();
}

struct StoredRun : OutputFolder {
  StoredRun() {
    fs::create_directories(path);
    write_images(images);
    std::ofstream(path / "net.yaml") << "input: [8, 8, 1]\n"
                                        "nodes:\n"
                                        "  - conv2d: {name: conv, channels: 4, kernel: 3}\n"
                                        "  - relu: {name: relu}\n"
                                        "  - global_average_pool: {name: pool}\n"
                                        "  - dense: {name: logits, units: 10}\n";
    std::ofstream(path / "stored.yaml")
        << "data: {source: {name: hdf5, file: images.h5, train_x: train_x, train_y: train_y, "
           "test_x: test_x, test_y: test_y, classes: 10, memory_mib: 0}}\n"
           "network: {file: net.yaml}\n"
           "train: {epochs: 1, batch_size: 16, schedule: {name: constant, learning_rate: 0.05}}\n"
           "track: {probe_images: 16}\n"
           "variants:\n"
           "  - {name: first, weights: {}, activations: {}, calibration: {images: 16}}\n"
           "  - {name: second, weights: {}, activations: {}, calibration: {images: 24}}\n";
  }
  RunRequest request(const std::string& output) const {
    RunRequest out;
    out.config = path / "stored.yaml";
    out.output = path / output;
    return out;
  }

  const fs::path images = path / "images.h5";
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(data_error, StoredRun)

BOOST_AUTO_TEST_CASE(images_lost_between_variants_end_the_run_which_goes_on_when_they_are_back) {
  AtLine none;
  run_experiment(request("whole"), none);
  const auto lose_images = [&] { fs::resize_file(images, fs::file_size(images) / 2); };
  AtLine losing({{"first  accuracy", lose_images}});
  const std::string error = error_of<DataError>([&] { run_experiment(request("out"), losing); });
  BOOST_TEST(contains(error, "images.h5"), error);
  BOOST_TEST(contains(error, "the file has changed since its images were checked"), error);
  BOOST_TEST(!fs::exists(path / "out/result.h5"));
  write_images(images);
  AtLine again;
  BOOST_TEST(run_experiment(request("out"), again)[0].failures.empty());
  BOOST_TEST(contains(again.lines, "first  was finished before the run was interrupted"));
  BOOST_TEST(first_difference(ResultReader(path / "out/result.h5"),
                              ResultReader(path / "whole/result.h5")) == "");
}

BOOST_AUTO_TEST_SUITE_END()
