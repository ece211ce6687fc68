// The table of operators says what the importers do, and the READMEs say what the table says.
#include "experiments/formats/operator_table.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <sstream>

#include "experiments/keras/layers.h"
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

BOOST_AUTO_TEST_CASE(the_readme_of_keras_holds_the_table) {
  BOOST_TEST(contains(readme_of("keras"), operator_markdown(Format::keras)),
             "expected in experiments/keras/README.md:\n"
                 << operator_markdown(Format::keras));
}

BOOST_AUTO_TEST_SUITE_END()
