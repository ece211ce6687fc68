// Every option of every dataset and statistic changes what it does; and no kind of plugin is
// without such a test.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <sstream>

#include "experiments/reference/reference.h"
#include "framework/base/rng.h"
#include "framework/h5/h5.h"
#include "stats/tracking/tracker.h"
#include "tests/data/test_files.h"
#include "tests/experiments/options_flip.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

Numbers samples_of(DatasetPair& pair) {
  Numbers out;
  for (const Dataset* split : {pair.train.get(), pair.test.get()}) {
    out.push_back(static_cast<double>(split->size()));
    out.push_back(static_cast<double>(split->classes()));
    out.push_back(static_cast<double>(split->bytes_in_memory()));
    const Shape shape = split->sample_shape();
    for (const int64_t size : shape.sizes()) out.push_back(static_cast<double>(size));
    std::vector<float> image(static_cast<size_t>(shape.elements()));
    for (int64_t i = 0; i < split->size(); ++i) {
      out.push_back(static_cast<double>(split->get(i, image.data())));
      out.insert(out.end(), image.begin(), image.end());
    }
  }
  return out;
}

using Bytes = std::vector<uint8_t>;

/// Files of every format in the folders a and b, with other pixels and labels in b.
struct DataFolders : TemporaryFolder {
  DataFolders() {
    for (const uint8_t shift : {uint8_t{0}, uint8_t{1}}) {
      const std::string folder = shift == 0 ? "a/" : "b/";
      std::filesystem::create_directory(path() / folder);
      for (int i = 1; i <= 5; ++i)
        write_cifar(folder + fmt::format("data_batch_{}.bin", i), 1, shift);
      write_cifar(folder + "test_batch.bin", 1, shift);
      for (const char* name : {"train.bin", "test.bin"}) write_cifar(folder + name, 2, shift);
      write(folder + "images",
            {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 1, uint8_t(2 + shift)});
      write(folder + "labels", {0, 0, 8, 1, 0, 0, 0, 1, uint8_t(3 + shift)});
      write_hdf5(folder + "data.h5", shift);
    }
  }
  /// Two records.
  void write_cifar(const std::string& name, int labels, uint8_t shift) const {
    Bytes bytes;
    for (const uint8_t record : {uint8_t{3}, uint8_t{4}}) {
      for (int label = 0; label < labels; ++label) bytes.push_back(uint8_t(record + label));
      bytes.insert(bytes.end(), 3072, uint8_t(record + shift));
    }
    write(name, bytes);
  }
  /// Two images of 2 x 2 x 2, and their labels, each in two ways.
  void write_hdf5(const std::string& name, uint8_t shift) const {
    auto file = h5::File::create(path() / name);
    for (const uint8_t more : {uint8_t{0}, uint8_t{5}}) {
      Bytes pixels;
      for (uint8_t i = 0; i < 16; ++i) pixels.push_back(uint8_t(i + shift + more));
      const std::string end = more == 0 ? "1" : "2";
      file.write<uint8_t>("x" + end, std::vector<int64_t>{2, 2, 2, 2},
                          std::span<const uint8_t>(pixels));
      file.write("y" + end, std::vector<int32_t>{1, 2 + more / 5});
    }
    file.commit();
  }
  std::string at(const std::string& name) const { return (path() / name).string(); }
  /// Both settings of an option that names a file or a folder.
  Flip between(const std::string& base, const std::string& name) const {
    return {base, at("a/" + name), at("b/" + name)};
  }
};

Flips synthetic_flips() {
  const std::string few = "train_images: 3, test_images: 2";
  return {{"train_images", {"test_images: 2", "3", "4"}},
          {"test_images", {"train_images: 3", "2", "3"}},
          {"seed", {few, "0", "1"}},
          {"noise", {few, "12", "20"}},
          {"clutter", {few, "3", "4"}},
          {"spread", {few, "0.12", "0.2"}}};
}

Flips idx_flips(const DataFolders& folders) {
  const auto all_but = [&](const std::string& left_out) {
    std::string out;
    for (const std::string split : {"train", "test"})
      for (const std::string what : {"images", "labels"})
        if (split + "_" + what != left_out)
          out += fmt::format("{}{}_{}: {}", out.empty() ? "" : ", ", split, what,
                             folders.at("a/" + what));
    return out;
  };
  Flips out = {{"classes", {all_but(""), "10", "5"}}};
  for (const std::string key : {"train_images", "train_labels", "test_images", "test_labels"})
    out[key] = folders.between(all_but(key), key.substr(key.find('_') + 1));
  return out;
}

Flips hdf5_flips(const DataFolders& folders) {
  const std::string file = "file: " + folders.at("a/data.h5") + ", ";
  const std::string arrays = "train_x: x1, train_y: y1, test_x: x1, test_y: y1, ";
  const auto arrays_but = [&](const std::string& key) {
    std::string out = arrays;
    const size_t at = out.find(key);
    return file + out.erase(at, out.find(", ", at) + 2 - at) + "classes: 10";
  };
  Flips out = {{"file", folders.between(arrays + "classes: 10", "data.h5")},
               {"layout", {file + arrays + "classes: 10", "nhwc", "nchw"}},
               {"memory_mib", {file + arrays + "classes: 10", "0", "1"}},
               {"classes", {file + arrays.substr(0, arrays.size() - 2), "10", "5"}}};
  for (const std::string split : {"train", "test"}) {
    const std::string other = split == "train" ? "test_file: " : "train_file: ";
    out[split + "_file"] =
        folders.between(other + folders.at("a/data.h5, ") + arrays + "classes: 10", "data.h5");
    out[split + "_x"] = {arrays_but(split + "_x"), "x1", "x2"};
    out[split + "_y"] = {arrays_but(split + "_y"), "y1", "y2"};
  }
  return out;
}

/// The arrays that a statistic of two channels writes, beside `moments`, which others build on.
Numbers arrays_of(StatisticKind& kind) {
  const Options moments = Options::from_text("{name: moments}", "test.yaml");
  const StatisticKinds kinds{*StatisticRegistry::instance().make(moments), kind};
  std::vector<float> values;
  for (uint64_t i = 0; i < 4000; ++i) values.push_back(static_cast<float>(Rng(1).normal(i)));
  Frame frame({0, 2});
  track_tensor({values.data(), {2000, 2}}, kinds, frame, "output", 0);
  Numbers out;
  for (const auto& [path, array] : frame.arrays())
    std::visit([&](const auto& data) { out.insert(out.end(), data.begin(), data.end()); },
               array.values);
  std::erase_if(out, [](double value) { return std::isnan(value); });
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(options_flip_data_test)

BOOST_FIXTURE_TEST_CASE(every_option_of_a_dataset_changes_a_sample, DataFolders) {
  const std::string directory = "directory: " + at("a");
  const std::string train = "train_images: 2", test = "test_images: 2";
  const Flips cifar10 = {{"directory", between("images_per_file: 2", "")},
                         {"images_per_file", {directory, "2", "3", "expected 9219 bytes"}}};
  const Flips cifar100 = {
      {"directory", between(train + ", " + test, "")},
      {"labels", {directory + ", " + train + ", " + test, "fine", "coarse"}},
      {"train_images", {directory + ", " + test, "2", "3", "expected 9222 bytes"}},
      {"test_images", {directory + ", " + train, "2", "3", "expected 9222 bytes"}}};
  const std::string one = "{name: synthetic, train_images: 1, test_images: 1}";
  const std::string two = "{name: synthetic, train_images: 2, test_images: 1}";
  const Flips resize = {{"height", {"of: " + one + ", width: 8", "8", "16"}},
                        {"width", {"of: " + one + ", height: 8", "8", "16"}},
                        {"of", {"height: 8, width: 8", one, two}}};
  const std::string nine = "of: {name: synthetic, train_images: 9, test_images: 9}";
  const std::string seeded = nine + ", test_images: 2, choice: seeded";
  const Flips subset = {
      {"of",
       {"test_images: 1", one, "{name: synthetic, train_images: 1, test_images: 1, seed: 1}"}},
      {"train_images", {nine, "0", "3"}},
      {"test_images", {nine, "0", "3"}},
      {"choice", {nine + ", test_images: 2", "first", "seeded"}},
      {"seed", {seeded, "0", "1"}}};
  check_kind<DatasetPair>({{"cifar10", cifar10},
                           {"cifar100", cifar100},
                           {"hdf5", hdf5_flips(*this)},
                           {"idx", idx_flips(*this)},
                           {"resize", resize},
                           {"subset", subset},
                           {"synthetic", synthetic_flips()},
                           {"unlabelled", {{"of", {"", one, two}}}}},
                          samples_of);
}

BOOST_AUTO_TEST_CASE(every_option_of_a_statistic_changes_an_array) {
  check_kind<StatisticKind>({{"histogram", {}},
                             {"moments", {}},
                             {"quantiles", {{"exact", {"", "false", "true"}}}},
                             {"signs", {}}},
                            arrays_of);
}

BOOST_AUTO_TEST_CASE(every_kind_of_plugin_has_such_a_test) {
  std::vector<std::string> kinds;
  for (const Described& one : reference())
    if (kinds.empty() || kinds.back() != one.kind) kinds.push_back(one.kind);
  BOOST_TEST(
      kinds == (std::vector<std::string>{"experiment", "network", "macro", "layer", "initializer", "optimizer", "schedule", "dataset",
                                         "quantizer", "range_estimator", "statistic"}),
      boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
