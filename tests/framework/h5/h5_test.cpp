#include "framework/h5/h5.h"

#include <hdf5.h>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>
#include <limits>
#include <thread>

#include "framework/base/durable_file.h"
#include "framework/base/error.h"
#include "tests/errors.h"
#include "tests/framework/h5/folder.h"

using namespace quantdyn;
using quantdyn::test::Folder;
namespace fs = std::filesystem;

BOOST_FIXTURE_TEST_SUITE(h5_test, Folder)

BOOST_AUTO_TEST_CASE(arrays_of_every_type_read_back) {
  h5::File file = h5::File::create(path / "a.h5");
  const auto write = [&]<typename T>(const char* name, T low, T high) {
    file.write(name, std::vector<T>{low, high});
  };
  write("float", -1.5f, 2.5f);
  write("double", -1e300, 1e-300);
  write("int8", int8_t{-128}, int8_t{127});
  write("int16", int16_t{-32768}, int16_t{32767});
  write("int32", std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max());
  write("int64", std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
  write("uint8", uint8_t{0}, uint8_t{255});
  write("uint16", uint16_t{0}, uint16_t{65535});
  write("uint32", uint32_t{0}, ~uint32_t{0});
  write("uint64", uint64_t{0}, ~uint64_t{0});
  file.commit();
  const h5::File back = h5::File::open(path / "a.h5");
  const auto same = [&]<typename T>(const char* name, T low, T high) {
    BOOST_TEST((back.dataset(name).read<T>() == std::vector<T>{low, high}), name);
  };
  same("float", -1.5f, 2.5f);
  same("double", -1e300, 1e-300);
  same("int8", int8_t{-128}, int8_t{127});
  same("int16", int16_t{-32768}, int16_t{32767});
  same("int32", std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max());
  same("int64", std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
  same("uint8", uint8_t{0}, uint8_t{255});
  same("uint16", uint16_t{0}, uint16_t{65535});
  same("uint32", uint32_t{0}, ~uint32_t{0});
  same("uint64", uint64_t{0}, ~uint64_t{0});
  BOOST_TEST(back.dataset("uint8").read<float>() == (std::vector<float>{0, 255}));
  BOOST_TEST((back.dataset("int8").content() == h5::Content::integers));
  BOOST_TEST(back.names().size() == 10u);
}

BOOST_AUTO_TEST_CASE(rows_are_written_and_read_alone_and_unwritten_ones_are_the_fill_value) {
  h5::File file = h5::File::create(path / "a.h5");
  const int64_t sizes[] = {4, 2, 3};
  h5::Dataset array = file.make("group/array", h5::Type::float32, sizes, {{2, 2, 3}, std::nan("")});
  const std::vector<float> rows = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  array.write_rows(h5::Type::float32, 1, 2, rows.data());
  BOOST_TEST(array.read_rows<float>(1, 2) == rows);
  BOOST_TEST(array.read_rows<double>(2, 1) == (std::vector<double>{7, 8, 9, 10, 11, 12}));
  for (const float value : array.read_rows<float>(3, 1)) BOOST_TEST(std::isnan(value));
  BOOST_TEST(array.read<float>().size() == 24u);
  BOOST_TEST(array.sizes() == (std::vector<int64_t>{4, 2, 3}));
  BOOST_TEST(array.read_rows<float>(4, 0).empty());
  BOOST_TEST(contains(error_of([&] { array.read_rows<float>(3, 2); }),
                      "/group/array: entries 3 to 5 were requested; it has 4"));
}

BOOST_AUTO_TEST_CASE(scalars_empty_arrays_and_texts_read_back) {
  h5::File file = h5::File::create(path / "a.h5");
  file.write("empty", std::vector<double>{});
  const double scalar = 2.5;
  file.write<double>("scalar", {}, std::span(&scalar, 1));
  file.write_text("text", "größer\n");
  file.write_text("none", "");
  file.write_texts("names", std::vector<std::string>{"a", "", "größer"});
  file.commit();
  const h5::File back = h5::File::open(path / "a.h5");
  BOOST_TEST(back.dataset("empty").read<double>().empty());
  BOOST_TEST(back.dataset("scalar").read<double>() == std::vector<double>{2.5});
  BOOST_TEST(back.dataset("text").read_texts() == std::vector<std::string>{"größer\n"});
  BOOST_TEST(back.dataset("none").read_texts() == std::vector<std::string>{""});
  BOOST_TEST(back.dataset("names").read_texts() == (std::vector<std::string>{"a", "", "größer"}));
  BOOST_TEST((back.dataset("names").content() == h5::Content::texts));
  BOOST_TEST(contains(error_of([&] { back.dataset("names").read<int>(); }),
                      "/names: expected numbers, found texts"));
  BOOST_TEST(
      contains(error_of([&] { back.dataset("scalar").read_texts(); }), "/scalar: expected texts"));
  BOOST_TEST(contains(
      error_of([&] { h5::File::create(path / "b.h5").write_text("nul", std::string("a\0b", 3)); }),
      ": nul: the text 'a' goes on after a NUL byte"));
}

BOOST_AUTO_TEST_CASE(attributes_read_back_and_are_replaced) {
  h5::File file = h5::File::create(path / "a.h5");
  file.set("text", "old");
  file.set("text", "a longer one");
  file.set("empty", "");
  file.set("integer", int64_t{-5});
  file.set("number", 0.1);
  file.set("numbers", std::span<const double>(std::vector<double>{1, 2}));
  BOOST_TEST(file.text("text") == "a longer one");
  BOOST_TEST(file.text("empty") == "");
  BOOST_TEST(file.integer("integer") == -5);
  BOOST_TEST(file.number("number") == 0.1);
  BOOST_TEST(file.number("integer") == -5.0);
  BOOST_TEST(file.numbers("numbers") == (std::vector<double>{1, 2}));
  BOOST_TEST(file.has_attribute("text"));
  BOOST_TEST(!file.has_attribute("other"));
  BOOST_TEST(file.attributes() ==
             (std::vector<std::string>{"empty", "integer", "number", "numbers", "text"}));
  BOOST_TEST(contains(error_of([&] { file.integer("number"); }),
                      "attribute number: expected a whole number"));
  BOOST_TEST(contains(error_of([&] { file.integer("numbers"); }), "expected 1 value(s), found 2"));
  BOOST_TEST(
      contains(error_of([&] { file.text("number"); }), "attribute number: expected one text"));
  BOOST_TEST(contains(error_of([&] { file.text("other"); }), "cannot open attribute other"));
}

BOOST_AUTO_TEST_CASE(attributes_of_several_texts_read_back) {
  h5::File file = h5::File::create(path / "a.h5");
  const std::vector<std::string> names = {"kernel:0", "größer", ""};
  file.set("names", names);
  file.set("none", std::span<const std::string>());
  file.set("empty numbers", std::span<const double>());
  file.set("numbers", std::span<const double>(std::vector<double>{1, 2}));
  file.set("text", "one");
  file.commit();
  const h5::File back = h5::File::open(path / "a.h5");
  BOOST_TEST(back.texts("names") == names);
  BOOST_TEST(back.texts("none").empty());
  BOOST_TEST(back.texts("empty numbers").empty());
  BOOST_TEST(back.texts("text") == std::vector<std::string>{"one"});
  BOOST_TEST(contains(error_of([&] { back.texts("numbers"); }),
                      "attribute numbers: expected texts, found another type"));
  BOOST_TEST(contains(error_of([&] { back.text("names"); }), "attribute names: expected one text"));
  BOOST_TEST(contains(error_of([&] { back.texts("other"); }), "cannot open attribute other"));
}

/// As h5py writes them; this library writes none, so libhdf5 has to be asked.
BOOST_AUTO_TEST_CASE(attributes_of_texts_of_variable_length_are_read) {
  const fs::path name = path / "a.h5";
  const hid_t file = H5Fcreate(name.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, H5T_VARIABLE);
  const char* const values[] = {"kernel:0", "", "größer"};
  const hsize_t size = 3;
  for (const hid_t space : {H5Screate_simple(1, &size, nullptr), H5Screate(H5S_SCALAR)}) {
    const char* const attribute = H5Sget_simple_extent_ndims(space) == 1 ? "list" : "one";
    const hid_t made = H5Acreate2(file, attribute, type, space, H5P_DEFAULT, H5P_DEFAULT);
    BOOST_REQUIRE(H5Awrite(made, type, values) >= 0);
    H5Aclose(made);
    H5Sclose(space);
  }
  H5Tclose(type);
  H5Fclose(file);
  const h5::File back = h5::File::open(name);
  BOOST_TEST(back.texts("list") == (std::vector<std::string>{"kernel:0", "", "größer"}));
  BOOST_TEST(back.text("one") == "kernel:0");
}

BOOST_AUTO_TEST_CASE(an_attribute_over_64_kilobytes_is_kept) {
  h5::File file = h5::File::create(path / "a.h5");
  const std::string large(200'000, 'x');
  file.set("large", large);
  file.commit();
  BOOST_TEST(h5::File::open(path / "a.h5").text("large") == large);
}

BOOST_AUTO_TEST_CASE(groups_links_and_copies) {
  h5::File file = h5::File::create(path / "a.h5");
  const h5::Dataset scale = file.write("axis", std::vector<int64_t>{0, 1});
  h5::Group group = file.make_group("one/two");
  group.link("axis", scale);
  BOOST_TEST(file.has("one/two/axis"));
  BOOST_TEST(!file.has("no/axis"));
  BOOST_TEST(file.is_group("one"));
  BOOST_TEST(!file.is_group("axis"));
  BOOST_TEST(group.names() == std::vector<std::string>{"axis"});
  BOOST_TEST(file.make_group("one/two").has("axis"));  // opens what is there
  h5::File other = h5::File::create(path / "b.h5");
  other.copy("copied/one", file, "one");
  BOOST_TEST(other.dataset("copied/one/two/axis").read<int>() == (std::vector<int>{0, 1}));
  BOOST_TEST(contains(error_of([&] { file.group("none"); }), "has no group 'none'"));
  BOOST_TEST(contains(error_of([&] { group.dataset("none"); }), "/one/two: has no dataset 'none'"));
}

BOOST_AUTO_TEST_CASE(what_is_a_scale_is_told_by_its_class_alone) {
  h5::File file = h5::File::create(path / "a.h5");
  h5::Dataset array = file.write("array", std::vector<int64_t>{0, 1});
  BOOST_TEST(!array.is_scale());
  array.set("CLASS", "DIMENSION_SCALE");  // without a final NUL
  BOOST_TEST(array.is_scale());
  array.set("CLASS", "DIMENSION_SCALE of others");
  BOOST_TEST(!array.is_scale());
  array.set("CLASS", 1);
  BOOST_TEST(!array.is_scale());
}

BOOST_AUTO_TEST_CASE(a_scale_serves_thousands_of_arrays) {
  h5::File file = h5::File::create(path / "a.h5");
  h5::Dataset scale = file.write("axis", std::vector<int64_t>{0, 1});
  scale.make_scale("axis");
  for (int i = 0; i < 4500; ++i)
    file.write(fmt::format("array{}", i), std::vector<float>{1, 2}).attach_scale(0, scale);
  file.commit();
  BOOST_TEST(h5::File::open(path / "a.h5").dataset("array4499").has_attribute("DIMENSION_LIST"));
}

BOOST_AUTO_TEST_CASE(a_file_has_its_name_only_after_commit) {
  {
    h5::File file = h5::File::create(path / "a.h5");
    file.write("x", std::vector<float>{1});
    BOOST_TEST(!fs::exists(path / "a.h5"));
    BOOST_TEST(fs::exists(part_name(path / "a.h5")));
  }
  BOOST_TEST(files() == 0u);  // given up: nothing is left
  h5::File file = h5::File::create(path / "a.h5");
  const h5::Dataset open = file.write("x", std::vector<float>{1});
  file.commit();
  BOOST_TEST(files() == 1u);
  BOOST_TEST(h5::File::open(path / "a.h5").dataset("x").read<float>() == std::vector<float>{1});
  BOOST_TEST(contains(error_of([&] { open.read<float>(); }), "a closed HDF5 file"));
  BOOST_TEST(contains(error_of([&] { file.commit(); }), "was not opened for writing"));
}

BOOST_AUTO_TEST_CASE(closing_after_the_file_is_no_error) {
  h5::File file = h5::File::create(path / "a.h5");
  H5Eclear2(H5E_DEFAULT);
  {
    const h5::Dataset open = file.write("x", std::vector<float>{1});
    const h5::Group group = file.make_group("g");
    file.commit();
  }
  BOOST_TEST(H5Eget_num(H5E_DEFAULT) == 0);
}

BOOST_AUTO_TEST_CASE(the_same_arrays_make_the_same_bytes) {
  const auto bytes = [&](const char* name) {
    h5::File file = h5::File::create(path / name);
    const int64_t sizes[] = {100};
    file.write<float>("group/x", sizes, std::vector<float>(100, 1.0f), {{10}, 0});
    file.write_text("text", "a");
    file.commit();
    std::ifstream in(path / name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  const std::string first = bytes("a.h5");
  ::sleep(1);
  BOOST_TEST((first == bytes("b.h5")));
}

BOOST_AUTO_TEST_CASE(files_that_are_missing_or_something_else_are_named) {
  const std::string name = (path / "a.h5").string();
  BOOST_TEST(error_of([&] { h5::File::open(name); }) == name + ": no such file");
  BOOST_TEST(error_of([&] { h5::File::open(path); }) == path.string() + ": not a file");
  std::ofstream(path / "a.h5") << "not what you think";
  BOOST_TEST(error_of([&] {
               h5::File::open(name);
             }).starts_with(name + ": not an HDF5 file, or a damaged one"));
  BOOST_TEST(error_of([&] {
               h5::File::create(path / "no" / "a.h5");
             }).starts_with((path / "no" / "a.h5.part").string()));
}

BOOST_AUTO_TEST_CASE(threads_may_use_different_files) {
  const auto work = [&](int which) {
    for (int round = 0; round < 20; ++round) {
      const fs::path name = path / fmt::format("{}.h5", which);
      h5::File file = h5::File::create(name);
      file.write("x", std::vector<int>(1000, which));
      file.commit();
      if (h5::File::open(name).dataset("x").read<int>() != std::vector<int>(1000, which))
        std::abort();
    }
  };
  std::thread other([&] { work(1); });
  work(2);
  other.join();
  BOOST_TEST(files() == 2u);
}

BOOST_AUTO_TEST_CASE(a_row_of_whole_chunks_comes_from_another_file_as_it_is) {
  const std::vector<float> values = [] {
    std::vector<float> out(130 * 7);
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(i % 97);
    return out;
  }();
  const int64_t one[] = {1, 130, 7}, three[] = {3, 130, 7};
  {
    h5::File source = h5::File::create(path / "source.h5");
    source.write<float>("x", one, values, {{1, 50, 7}, std::nan("")});
    source.make("unwritten", h5::Type::float32, one, {{1, 50, 7}, std::nan("")});
    source.write<float>("contiguous", one, values);
    source.commit();
  }
  const h5::File source = h5::File::open(path / "source.h5");
  h5::File file = h5::File::create(path / "a.h5");
  const h5::Storage storage{{1, 50, 7}, std::nan("")};
  h5::Dataset x = file.make("x", h5::Type::float32, three, storage);
  BOOST_TEST(x.take_row(1, source.dataset("x")));
  BOOST_TEST(x.take_row(2, source.dataset("unwritten")));
  BOOST_TEST(!x.take_row(3, source.dataset("x")));
  BOOST_TEST(!x.take_row(0, source.dataset("contiguous")));
  const auto refuses = [&](const char* name, h5::Type type, const h5::Storage& other) {
    BOOST_TEST(!file.make(name, type, three, other).take_row(0, source.dataset("x")), name);
  };
  refuses("another chunk", h5::Type::float32, {{1, 60, 7}, 0});
  refuses("rows share a chunk", h5::Type::float32, {{2, 50, 7}, 0});
  refuses("another type", h5::Type::int32, storage);
  refuses("contiguous", h5::Type::float32, {});
  file.commit();
  const h5::File made = h5::File::open(path / "a.h5");
  const h5::Dataset read = made.dataset("x");
  BOOST_TEST(read.read_rows<float>(1, 1) == values);
  for (const int64_t row : {0, 2}) BOOST_TEST(std::isnan(read.read_rows<float>(row, 1)[909]));
}

BOOST_AUTO_TEST_SUITE_END()
