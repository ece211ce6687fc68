// The table of operators says what the importers do, and the READMEs say what the table says.
#include "experiments/formats/operator_table.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <sstream>

#include "experiments/keras/layers.h"
#include "experiments/onnx/operators.h"
#include "tests/errors.h"

using namespace quantdyn;

namespace {

std::string readme_of(const std::string& room) {
  std::ifstream in(std::string(QUANTDYN_SOURCE_EXPERIMENTS) + "/" + room + "/README.md");
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(operator_table_test)

BOOST_AUTO_TEST_CASE(the_table_lists_the_classes_that_keras_import_handles) {
  std::vector<std::string> listed = operators_of(Format::keras);
  BOOST_TEST(std::erase(listed, "InputLayer") == 1u);
  BOOST_TEST(listed == keras_handler_names(), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_table_lists_the_operators_that_onnx_import_handles) {
  BOOST_TEST(operators_of(Format::onnx) == onnx_handler_names(), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_readmes_hold_their_formats_table) {
  const std::pair<const char*, Format> rooms[] = {{"keras", Format::keras}, {"onnx", Format::onnx}};
  for (const auto& [room, format] : rooms)
    BOOST_TEST(contains(readme_of(room), operator_markdown(format)),
               "expected in experiments/" << room << "/README.md:\n"
                                          << operator_markdown(format));
}

BOOST_AUTO_TEST_SUITE_END()
