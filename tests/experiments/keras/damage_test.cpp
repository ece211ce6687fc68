// Damaged Keras files: an error that names the file, never a crash.
#include <boost/test/unit_test.hpp>

#include "experiments/keras/export.h"
#include "experiments/keras/import.h"
#include "tests/experiments/program.h"
#include "tests/experiments/small_nets.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

struct Damaged : Workplace {
  std::filesystem::path file = path / "model.h5";
  std::string bytes;

  Damaged() {
    export_keras(with_values({"dws", "{input: [12, 12, 3], width: 0.125}"}), "m", file);
    bytes = text_of(file);
  }
  /// How the import of these bytes ends: "" where it succeeds.
  std::string outcome_of(const std::string& damaged) const {
    write("damaged.h5", damaged);
    return error_of<ConfigError>([&] { import_keras(path / "damaged.h5"); });
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(keras_damage_test, Damaged)

BOOST_AUTO_TEST_CASE(a_file_that_was_cut_short_anywhere_is_refused) {
  for (size_t kept = 0; kept < bytes.size(); kept += bytes.size() / 97) {
    const std::string message = outcome_of(bytes.substr(0, kept));
    BOOST_TEST(message.starts_with((path / "damaged.h5").string() + ": "), message);
    const std::string expected = kept < 8    ? "does not start like an HDF5 file"
                                 : kept < 48 ? "not an HDF5 file, or a damaged one"
                                             : "truncated file: eof = " + std::to_string(kept);
    BOOST_TEST(contains(message, expected), kept << " bytes: " << message);
  }
  BOOST_TEST(outcome_of(bytes) == "");
}

BOOST_AUTO_TEST_CASE(the_program_says_so_with_exit_code_2) {
  write("cut.h5", bytes.substr(0, bytes.size() / 2));
  std::string yaml = tiny_yaml();
  const std::string net = "networks/dws.yaml, width: 0.125";
  yaml.replace(yaml.find(net), net.size(), "cut.h5");
  write("cut.yaml", yaml);
  const Outcome outcome = run({"validate", "cut.yaml"});
  BOOST_TEST(outcome.exit_code == 2);
  BOOST_TEST(contains(outcome.err, "cut.yaml:5: file: "), outcome.err);
  BOOST_TEST(contains(outcome.err, "cut.h5: not an HDF5 file, or a damaged one: truncated file"));
}

BOOST_AUTO_TEST_CASE(changed_bytes_give_a_net_or_an_error) {
  const Rng rng(5);
  int refused = 0;
  for (uint64_t i = 0; i < 400; ++i) {
    std::string damaged = bytes;
    // Half of them where the groups and their names are, which is at the start.
    const uint64_t within = i % 2 ? bytes.size() : bytes.size() / 8;
    for (uint64_t change = 0; change <= i % 3; ++change)
      damaged[rng.below(6 * i + 2 * change, within)] =
          static_cast<char>(rng.below(6 * i + 2 * change + 1, 256));
    refused += outcome_of(damaged) != "";
  }
  BOOST_TEST(refused > 40);
  BOOST_TEST(refused < 400);
}

BOOST_AUTO_TEST_SUITE_END()
