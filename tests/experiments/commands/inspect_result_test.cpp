// The tables of a terminal: which snapshot, layer and tensor they are of, how they are cut, and
// that a damaged result without its checksum is refused instead of crashing the program.
#include "experiments/commands/inspect_result.h"

#include <boost/test/unit_test.hpp>
#include <sstream>

#include "experiments/text/table.h"
#include "tests/experiments/program.h"
#include "tests/experiments/results/fabricated_result.h"

using namespace quantdyn;
using namespace quantdyn::test;
namespace fs = std::filesystem;

namespace {

struct Made : Workplace {
  Made() { fabricated::write(path / "made"); }
  fs::path file = path / "made/result.h5";
};

}  // namespace

BOOST_AUTO_TEST_SUITE(inspect_result_test)

BOOST_AUTO_TEST_CASE(wide_tables_are_cut_into_blocks_that_keep_groups) {
  BOOST_TEST(format_wide_table({{"n", "a", "b", "c"}, {"x", "1", "2", "3"}}, 7) ==
             "n  a  b\n-------\nx  1  2\n\nn  c\n----\nx  3\n");
  BOOST_TEST(format_wide_table({{"n", "a", "b", "c", "d"}, {"x", "1", "2", "3", "4"}}, 10, 2) ==
             "n  a  b\n-------\nx  1  2\n\nn  c  d\n-------\nx  3  4\n");
}

BOOST_AUTO_TEST_CASE(headers_have_lines_and_umlauts_take_one_place) {
  BOOST_TEST(format_table({{"node", column_title("local_sqnr", "dB")}, {"größer", "-inf"}}) ==
             "        local\n"
             "         sqnr\n"
             "node     / dB\n"
             "-------------\n"
             "größer   -inf\n");
  BOOST_TEST(column_title("std", "1") == "std");
}

BOOST_FIXTURE_TEST_CASE(the_chosen_snapshot_is_shown, Made) {
  BOOST_TEST(contains(inspect_result(file),
                      "layerwise, snapshot 1 (float32 at epoch 1), the last "
                      "one not quantized"));
  BOOST_TEST(contains(inspect_result(file),
                      "layerwise, snapshot 2 (int8 at epoch 1), the variant "
                      "that loses most"));
  const auto run_with = [&](const std::vector<std::string>& options) {
    std::vector<std::string> arguments{"inspect", "made/result.h5"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return run(arguments);
  };
  const std::string first = run_with({"--snapshot", "0"}).out;
  BOOST_TEST(contains(first, "layerwise, snapshot 0 (float32 at epoch 0)\n"));
  BOOST_TEST(!contains(first, "layerwise, snapshot 1"));
  BOOST_TEST(contains(run_with({"--epoch", "0"}).out, "layerwise, snapshot 0"));
  BOOST_TEST(contains(run_with({"--variant", "float32"}).out, "layerwise, snapshot 1"));
  const Outcome wrong = run_with({"--variant", "int8", "--epoch", "0"});
  BOOST_TEST(wrong.exit_code == 2);
  BOOST_TEST(
      contains(wrong.err,
               "no snapshot for --variant int8 --epoch 0; there are: 0 (float32 at epoch 0), "
               "1 (float32 at epoch 1), 2 (int8 at epoch 1)"));
  BOOST_TEST(contains(run({"inspect", "made/result.h5", "made/result.h5", "--layer", "dw2"}).err,
                      "do nothing here: several results were given"));
  BOOST_TEST(contains(run({"inspect", "networks/dws.yaml", "--variant", "int8"}).err,
                      "do nothing here: a network was given"));
}

BOOST_FIXTURE_TEST_CASE(one_layer_is_shown_in_full_with_its_extreme_channels, Made) {
  const std::string text = inspect_result(file, {{}, "dw2", {}});
  for (const std::string part :
       {"snapshot 2 (int8 at epoch 1)", "dw2: conv2d of conv1, output [8, 8, 2], 27 parameters",
        "local_sqnr          31  dB", "count       5000000001  1", "output: its 2 channels",
        // channels 3 and 4 of the file
        "max            203        0   203.5      204        1     1"})
    BOOST_TEST(contains(text, part), part << " is missing in\n" << text);
  const Outcome wrong = run({"inspect", "made/result.h5", "--layer", "dw3"});
  BOOST_TEST(wrong.exit_code == 2);
  BOOST_TEST(contains(wrong.err, "no layer 'dw3'; there are: conv1, dw2, größer, add"));
}

BOOST_FIXTURE_TEST_CASE(one_tensor_is_shown_with_all_its_quantities, Made) {
  const std::string text = inspect_result(file, {{}, {}, "output"});
  for (const std::string part : {"output, snapshot 2", "count", "mean", "local"})
    BOOST_TEST(contains(text, part), part);
  BOOST_TEST(!contains(text, "networkwise"));
  BOOST_TEST(contains(run({"inspect", "made/result.h5", "--tensor", "conv"}).err,
                      "no tensor 'conv'; there are: output"));
}

BOOST_FIXTURE_TEST_CASE(tables_of_a_real_result_fit_a_terminal, Workplace) {
  BOOST_REQUIRE(run_tiny("out", {"--set", "train.epochs=1"}).exit_code == 0);
  for (const std::vector<std::string>& options : {std::vector<std::string>{"--variant", "int4"},
                                                  {"--tensor", "output"},
                                                  {"--layer", "sep3_dw"}}) {
    std::vector<std::string> arguments{"inspect", "out/result.h5"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Outcome outcome = run(arguments);
    BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
    std::istringstream in(outcome.out);
    for (std::string line; std::getline(in, line);)
      if (!line.empty() && line.find_first_not_of('-') == std::string::npos)  // a table's rule
        BOOST_TEST(line.size() <= 120u, line);
  }
}

BOOST_FIXTURE_TEST_CASE(damage_without_a_checksum_never_crashes_the_program, Made) {
  const std::string whole = text_of(file);
  fs::remove(file.string() + ".sha256");
  int refused = 0;
  for (size_t at = 100; at < whole.size(); at += whole.size() / 40) {
    std::string damaged = whole;
    for (size_t i = at; i < std::min(at + 64, whole.size()); ++i)
      damaged[i] = static_cast<char>(damaged[i] ^ 0x5a);
    write("made/result.h5", damaged);
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"inspect", "made/result.h5"},
          {"compare", "made/result.h5", "made/result.h5"}}) {
      const int code = run(words).exit_code;
      BOOST_TEST((code == 0 || code == 1 || code == 2), words[0] << " at " << at << ": " << code);
      refused += code != 0;
    }
  }
  BOOST_TEST(refused > 0);
  write("made/result.h5", whole);
  BOOST_TEST(run({"inspect", "made/result.h5"}).exit_code == 0);
}

BOOST_AUTO_TEST_SUITE_END()
