// Results that were damaged or made to do harm end in one error, and within seconds.
#include "experiments/results/open_result.h"

#include <hdf5.h>
#include <zlib.h>

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <functional>

#include "experiments/commands/inspect_result.h"
#include "experiments/results/result_reader.h"
#include "framework/base/hash.h"
#include "tests/experiments/output_folder.h"
#include "tests/experiments/results/fabricated_result.h"

using namespace quantdyn;

namespace {

struct Hostile : OutputFolder {
  std::filesystem::path file = path / "result.h5";
  std::filesystem::path checksum = path / "result.h5.sha256";
  Hostile() { fabricated::write(path); }

  /// Changes the file by the C library, and takes its checksum away.
  void change(const std::function<void(hid_t file)>& act) const {
    const hid_t opened = H5Fopen(file.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    BOOST_REQUIRE(opened >= 0);
    act(opened);
    BOOST_REQUIRE(H5Fclose(opened) >= 0);
    std::filesystem::remove(checksum);
  }
  void replace(const char* name, const std::vector<hsize_t>& sizes) const {
    change([&](hid_t opened) {
      H5Ldelete(opened, name, H5P_DEFAULT);
      const hid_t space = H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr);
      H5Dclose(
          H5Dcreate2(opened, name, H5T_NATIVE_INT64, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
      H5Sclose(space);
    });
  }
  /// A dataset of one deflated chunk of `size` doubles whose bytes are `chunk`.
  void add_chunk(hsize_t size, const std::string& chunk) const {
    change([&](hid_t opened) {
      const hid_t space = H5Screate_simple(1, &size, nullptr), list = H5Pcreate(H5P_DATASET_CREATE);
      H5Pset_chunk(list, 1, &size);
      H5Pset_deflate(list, 9);
      const hid_t array = H5Dcreate2(opened, "layerwise/bomb", H5T_NATIVE_DOUBLE, space,
                                     H5P_DEFAULT, list, H5P_DEFAULT);
      const hsize_t start = 0;
      BOOST_REQUIRE(H5Dwrite_chunk(array, H5P_DEFAULT, 0, &start, chunk.size(), chunk.data()) >= 0);
      H5Dclose(array);
      H5Pclose(list);
      H5Sclose(space);
    });
  }
  std::string refusal() const {
    return error_of<ConfigError>([&] { inspect_result(file); });
  }
};

/// Inflates to 64 MiB of zeros for each repetition. Unused where the address sanitizer is.
[[maybe_unused]] std::string bomb(int repetitions) {
  z_stream z{};
  deflateInit(&z, 9);
  const std::vector<uint8_t> zeros(64 << 20);
  std::string out(1 << 20, '\0');
  z.next_in = const_cast<uint8_t*>(zeros.data());
  z.avail_in = static_cast<uInt>(zeros.size());
  z.next_out = reinterpret_cast<uint8_t*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FULL_FLUSH);
  out.resize(out.size() - z.avail_out);
  deflateEnd(&z);
  const std::string head = out.substr(0, 2), block = out.substr(2);
  out = head;
  for (int i = 0; i < repetitions; ++i) out += block;
  return out;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(open_result_test, Hostile)

BOOST_AUTO_TEST_CASE(a_group_within_itself_is_refused) {
  const std::string message = file.string() +
                              ": /layerwise/loop: a second name for a group, or a cycle; accepted: "
                              "one name for each";
  change([](hid_t opened) {
    H5Lcreate_hard(opened, "layerwise", opened, "layerwise/loop", H5P_DEFAULT, H5P_DEFAULT);
  });
  BOOST_TEST(refusal() == message);
  std::ofstream(checksum) << sha256_of_file(file);  // which vouches for the bytes alone
  BOOST_TEST(refusal() == message);
}

BOOST_AUTO_TEST_CASE(soft_links_to_a_group_around_them_are_refused) {
  change([](hid_t opened) {
    H5Lcreate_soft("/layerwise", opened, "layerwise/loop", H5P_DEFAULT, H5P_DEFAULT);
  });
  BOOST_TEST(contains(refusal(), "a second name for a group, or a cycle"), refusal());
}

BOOST_AUTO_TEST_CASE(a_soft_link_to_itself_is_refused) {
  change([](hid_t opened) {
    H5Lcreate_soft("/layerwise/loop", opened, "layerwise/loop", H5P_DEFAULT, H5P_DEFAULT);
  });
  BOOST_TEST(refusal() == file.string() + ": /layerwise: cannot open dataset loop: too many links");
}

BOOST_AUTO_TEST_CASE(groups_that_lie_deep_are_refused) {
  change([](hid_t opened) {
    std::string name = "layerwise";
    for (int i = 0; i < 30; ++i) {
      name += "/a";
      H5Gclose(H5Gcreate2(opened, name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    }
  });
  BOOST_TEST(contains(refusal(), ": groups lie deeper than 16 levels"), refusal());
}

BOOST_AUTO_TEST_CASE(values_that_cannot_be_read_are_no_crash) {
  add_chunk(100, "no deflate stream");
  BOOST_TEST(contains(refusal(), file.string() + ": /layerwise/bomb: cannot be read: "), refusal());
  BOOST_TEST(!contains(refusal(), "crashed"));
}

#ifndef __SANITIZE_ADDRESS__  // whose allocator ends the process
BOOST_AUTO_TEST_CASE(a_small_chunk_that_inflates_to_gigabytes_ends_soon) {
  add_chunk(100, bomb(40));
  const std::string message = refusal();
  const std::string start = file.string() + ": ";
  const bool is_bounded = message.starts_with(start + "/layerwise/bomb: cannot be read: ") ||
                          message == start + "libhdf5: took more than 20 s";  // a busy machine
  BOOST_TEST(is_bounded, message);
}
#endif

BOOST_AUTO_TEST_CASE(arrays_of_another_shape_are_refused) {
  const std::string name = file.string();
  const auto row_refusal = [&] {
    const ResultReader reader(file);
    return error_of<ConfigError>([&] { reader.row("layerwise/output/mean", reader.last()); });
  };
  replace("layerwise/output/mean", {3});
  BOOST_TEST(row_refusal() ==
             name +
                 ": /layerwise/output/mean: has the shape [3]; expected [3, 4] and further "
                 "axes, none empty");
  replace("layerwise/output/mean", {3, 3});
  BOOST_TEST(contains(row_refusal(), "has the shape [3, 3]; expected [3, 4]"));
  replace("epoch", {3, 1});
  BOOST_TEST(refusal() == name + ": /epoch: has the shape [3, 1]; expected one axis");
}

BOOST_AUTO_TEST_CASE(channels_that_are_no_part_of_the_axis_are_refused) {
  replace("network/channel_offset", {4});
  BOOST_TEST(refusal() == file.string() +
                              ": /network: node 'dw2' has 2 channels from 0 on; expected them from "
                              "3 to at most 11");
}

BOOST_AUTO_TEST_SUITE_END()
