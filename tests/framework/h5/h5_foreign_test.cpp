// Files made to do harm: links and arrays that lead out of the file, sizes that it cannot hold.
#include <hdf5.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>
#include <functional>

#include "framework/base/error.h"
#include "framework/h5/h5.h"
#include "tests/errors.h"

using namespace quantdyn;
namespace fs = std::filesystem;

namespace {

struct Harmful {
  fs::path path = fs::temp_directory_path() / fmt::format("quantdyn_h5_foreign_{}", ::getpid());
  std::string name = (path / "a.h5").string();
  Harmful() { fs::create_directories(path); }
  ~Harmful() { fs::remove_all(path); }

  /// Makes a.h5 by the C library: nothing here writes such files.
  void make(const std::function<void(hid_t file)>& fill) const {
    const hid_t list = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_libver_bounds(list, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    const hid_t file = H5Fcreate(name.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, list);
    fill(file);
    H5Pclose(list);
    BOOST_REQUIRE(H5Fclose(file) >= 0);
  }
  /// A dataset x of `size` doubles, created as `set` says.
  void make_array(hsize_t size, const std::function<void(hid_t creation)>& set) const {
    make([&](hid_t file) {
      const hid_t space = H5Screate_simple(1, &size, nullptr), list = H5Pcreate(H5P_DATASET_CREATE);
      set(list);
      const hid_t array =
          H5Dcreate2(file, "x", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, list, H5P_DEFAULT);
      BOOST_REQUIRE(array >= 0);
      H5Dclose(array);
      H5Pclose(list);
      H5Sclose(space);
    });
  }
  std::string refusal(const std::string& array = "x") const {
    return error_of([&] { h5::File::open(name).dataset(array).read<double>(); });
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(h5_foreign_test, Harmful)

BOOST_AUTO_TEST_CASE(external_links_are_refused) {
  make([](hid_t file) { H5Fflush(file, H5F_SCOPE_LOCAL); });
  fs::rename(name, path / "other.h5");
  make([&](hid_t file) {
    H5Lcreate_external((path / "other.h5").c_str(), "/", file, "out", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/out", file, "soft", H5P_DEFAULT, H5P_DEFAULT);
  });
  const std::string message =
      name +
      ": 'out' is an external link, which leads out of the file; accepted: files that hold what "
      "they name";
  const h5::File file = h5::File::open(name);
  BOOST_TEST(error_of([&] { file.group("out"); }) == message);
  BOOST_TEST(error_of([&] { file.has("out"); }) == message);
  BOOST_TEST(error_of([&] { file.dataset("out/x"); }) == message);
  BOOST_TEST(contains(error_of([&] { file.group("soft"); }), name + ": cannot open group soft"));
}

BOOST_AUTO_TEST_CASE(external_storage_is_refused) {
  std::ofstream(path / "raw") << std::string(16, 'x');
  make_array(2, [&](hid_t list) { H5Pset_external(list, (path / "raw").c_str(), 0, 16); });
  BOOST_TEST(refusal() == name +
                              ": /x: has external storage, which lies in other files; accepted: "
                              "arrays that lie in the file");
}

BOOST_AUTO_TEST_CASE(virtual_storage_is_refused) {
  const hsize_t size = 2;
  const hid_t space = H5Screate_simple(1, &size, nullptr);
  make_array(size, [&](hid_t list) { H5Pset_virtual(list, space, "other.h5", "/x", space); });
  H5Sclose(space);
  BOOST_TEST(contains(refusal(), name + ": /x: has virtual storage, which lies in other files"));
}

BOOST_AUTO_TEST_CASE(filters_of_others_are_refused) {
  H5Z_class2_t own{};
  own.version = H5Z_CLASS_T_VERS;
  own.id = 300;
  own.encoder_present = own.decoder_present = 1;
  own.name = "own";
  own.filter = [](unsigned, size_t, const unsigned*, size_t bytes, size_t*, void**) {
    return bytes;
  };
  BOOST_REQUIRE(H5Zregister(&own) >= 0);
  make_array(2, [](hid_t list) {
    const hsize_t chunk = 2;
    H5Pset_chunk(list, 1, &chunk);
    H5Pset_filter(list, 300, 0, 0, nullptr);
  });
  H5Zunregister(300);
  BOOST_TEST(refusal() == name +
                              ": /x: is stored with the filter 300 (own); accepted: filters that "
                              "libhdf5 has itself, such as deflate");
}

BOOST_AUTO_TEST_CASE(arrays_that_are_deflated_twice_are_refused) {
  make_array(2, [](hid_t list) {
    const hsize_t chunk = 2;
    H5Pset_chunk(list, 1, &chunk);
    H5Pset_deflate(list, 9);
    H5Pset_deflate(list, 9);
  });
  BOOST_TEST(refusal() == name + ": /x: is deflated 2 times; accepted: once");
}

BOOST_AUTO_TEST_CASE(arrays_larger_than_their_file_can_hold_are_refused) {
  const auto with_chunk = [](hsize_t chunk) {
    return [chunk](hid_t list) { H5Pset_chunk(list, 1, &chunk); };
  };
  make_array(hsize_t{1} << 60, with_chunk(1024));
  BOOST_TEST(
      refusal().starts_with(name + ": /x: claims the shape [1152921504606846976]; a file of "),
      refusal());
  make_array(hsize_t{1} << 60, [](hid_t) {});
  BOOST_TEST(contains(refusal(), "claims the shape"));
  make_array(hsize_t{1} << 28, with_chunk(hsize_t{1} << 28));
  BOOST_TEST(contains(refusal(), ": /x: claims "), refusal());
  make_array(1 << 20, with_chunk(1024));
  BOOST_TEST(refusal() == "");
}

BOOST_AUTO_TEST_CASE(a_loop_of_soft_links_is_an_error) {
  make([](hid_t file) {
    H5Lcreate_soft("/b", file, "a", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/a", file, "b", H5P_DEFAULT, H5P_DEFAULT);
  });
  BOOST_TEST(contains(error_of([&] { h5::File::open(name).group("a"); }), "too many links"));
}

BOOST_AUTO_TEST_CASE(huge_attributes_are_refused) {
  make([](hid_t file) {
    const hsize_t size = 100 << 20;
    const hid_t space = H5Screate_simple(1, &size, nullptr);
    const hid_t made = H5Acreate2(file, "large", H5T_NATIVE_INT8, space, H5P_DEFAULT, H5P_DEFAULT);
    BOOST_REQUIRE(made >= 0);
    const std::vector<int8_t> values(size, 1);
    H5Awrite(made, H5T_NATIVE_INT8, values.data());
    H5Aclose(made);
    H5Sclose(space);
  });
  BOOST_TEST(error_of([&] { h5::File::open(name).numbers("large"); }) ==
             name + ": attribute large: 100 MiB; accepted: at most 64 MiB");
}

BOOST_AUTO_TEST_CASE(long_names_are_cut_in_messages) {
  const std::string long_name(64'000, 'n');
  make([&](hid_t file) {
    H5Gclose(H5Gcreate2(file, long_name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  });
  const h5::File file = h5::File::open(name);
  BOOST_TEST(file.has(long_name));
  const std::string inside = error_of([&] { file.group(long_name).dataset("x"); });
  BOOST_TEST(contains(inside, std::string(299, 'n') + "... (64001 bytes): has no dataset 'x'"));
  BOOST_TEST(error_of([&] { file.dataset(long_name + "y"); }).size() < 1000);
}

BOOST_AUTO_TEST_CASE(texts_with_nul_are_refused) {
  make([](hid_t file) {
    const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, 5);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    const hid_t array = H5Dcreate2(file, "x", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    const hid_t made = H5Acreate2(file, "status", type, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(array, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, "ab\0c\0");
    H5Awrite(made, type, "ab\0c\0");
    H5Aclose(made);
    H5Dclose(array);
    H5Sclose(space);
    H5Tclose(type);
  });
  const h5::File file = h5::File::open(name);
  const std::string end = "the text 'ab' goes on after a NUL byte; accepted: texts without NUL";
  BOOST_TEST(error_of([&] { file.dataset("x").read_texts(); }) == name + ": /x: " + end);
  BOOST_TEST(error_of([&] { file.text("status"); }) == name + ": attribute status: " + end);
}

BOOST_AUTO_TEST_CASE(an_array_without_a_space_is_empty) {
  make([](hid_t file) {
    const hid_t space = H5Screate(H5S_NULL);
    H5Dclose(
        H5Dcreate2(file, "x", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(space);
  });
  BOOST_TEST(h5::File::open(name).dataset("x").read<double>().empty());
}

BOOST_AUTO_TEST_SUITE_END()
