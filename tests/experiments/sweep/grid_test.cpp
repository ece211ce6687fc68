// The members that a grid makes, their names and numbers, what is refused, and runs of some of
// them.
#include <boost/test/unit_test.hpp>

#include "experiments/results/result_reader.h"
#include "experiments/sweep/member_choice.h"
#include "experiments/sweep/members.h"
#include "experiments/text/varied_names.h"
#include "tests/experiments/program.h"

using namespace quantdyn;
using namespace quantdyn::test;
namespace fs = std::filesystem;

namespace {

using Texts = std::vector<std::string>;

std::vector<SweepMember> members(const std::string& sweep) {
  return sweep_members(Options::from_text("sweep:\n" + sweep, "s.yaml"));
}

Texts names(const std::string& sweep) {
  Texts out;
  for (const SweepMember& member : members(sweep)) out.push_back(member.name);
  return out;
}

std::string refusal(const std::string& sweep) {
  return error_of<ConfigError>([&] { members(sweep); });
}

const std::string two_by_two =
    "  grid:\n    network.file: [n/a.yaml, n/b.yaml]\n    seed: [0, 1]\n";

struct GridSweep : Workplace {
  void write_sweep(const std::string& sweep) const {
    write("sweep.yaml", tiny_yaml() + "sweep:\n" + sweep);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(sweep_grid_test)

BOOST_AUTO_TEST_CASE(a_grid_makes_every_combination_and_the_last_key_varies_fastest) {
  const auto found = members(two_by_two + "    initializer.name: [he_normal]\n");
  BOOST_TEST(names(two_by_two) == (Texts{"a-seed0", "a-seed1", "b-seed0", "b-seed1"}));
  BOOST_REQUIRE(found.size() == 4);
  Texts keys;
  for (const SweepKey& set : found[2].keys)
    keys.push_back(set.where + " " + set.key + "=" + set.value);
  BOOST_TEST(keys == (Texts{"s.yaml:2 name=\"b-seed0-he_normal\"", "s.yaml:3 network.file=n/b.yaml",
                            "s.yaml:4 seed=0", "s.yaml:5 initializer.name=he_normal"}));
}

BOOST_AUTO_TEST_CASE(names_are_made_from_every_key_of_the_grid) {
  const std::string rate = "train.schedule.learning_rate", epochs = "train.epochs";
  BOOST_TEST(names("  grid: {seed: [0], network.width: [0.5, 1]}\n") ==
             (Texts{"seed0-width0.5", "seed0-width1"}));
  BOOST_TEST(names("  grid: {seed: [3]}\n") == Texts{"seed3"});
  BOOST_TEST(names("  grid: {compute.fuse: [true, false]}\n") ==
             (Texts{"fuse_true", "fuse_false"}));
  BOOST_TEST(names("  grid: {variants.0: [{name: a}, {name: b}]}\n") == (Texts{"a", "b"}));
  BOOST_TEST(names("  grid: {variants: [[], [{name: b}]]}\n") ==
             (Texts{"variants_1", "variants_2"}));
  BOOST_TEST(names("  grid: {train.optimizer: [{name: sgd, momentum: 0.9}, {name: sgd}]}\n") ==
             (Texts{"optimizer_1", "optimizer_2"}));
  BOOST_TEST(names("  grid: {train.epochs: [1, 2], track.epochs: [[0], [1]]}\n") ==
             (Texts{"train.epochs1-track.epochs_1", "train.epochs1-track.epochs_2",
                    "train.epochs2-track.epochs_1", "train.epochs2-track.epochs_2"}));
  BOOST_TEST(names("  grid: {network.file: [a/net.yaml, b/net.yaml]}\n") ==
             (Texts{"file_1", "file_2"}));
  BOOST_TEST(names("  grid: {x: [\"a b/$c\", \".h\"]}\n") == (Texts{"_c", "_h"}));
}

BOOST_AUTO_TEST_CASE(exclude_leaves_out_what_it_matches_and_include_adds_members) {
  BOOST_TEST(names(two_by_two + "  exclude:\n    - {network.file: n/b.yaml, seed: 1}\n"
                                "  include:\n    - {name: extra, seed: 5}\n") ==
             (Texts{"a-seed0", "a-seed1", "b-seed0", "extra"}));
  BOOST_TEST(names(two_by_two + "  exclude: [{seed: [0, 1], network.file: n/a.yaml}]\n") ==
             (Texts{"b-seed0", "b-seed1"}));
  BOOST_TEST(names("  grid: {track.epochs: [[0], [0, 1]]}\n  exclude: [{track.epochs: [0]}]\n") ==
             Texts{"epochs_2"});
  BOOST_TEST(names("  include: [{name: only}]\n") == Texts{"only"});
}

BOOST_AUTO_TEST_CASE(a_mistake_in_the_grid_is_named_with_line_and_key) {
  const std::pair<std::string, std::string> cases[] = {
      {"  grid: {seed: 3}\n", "s.yaml:2: seed: expected a list of values, found '3'"},
      {"  grid: {seed: []}\n", "s.yaml:2: seed: expected a list of values, found an empty one"},
      {"  grid:\n    a: [1]\n    seed: [0, 1, 0]\n", "s.yaml:4: seed: the value 0 is there twice"},
      {"  grid: {name: [a, b]}\n", "s.yaml:2: name: is made from the other keys"},
      {"  grid: {output: [a, b]}\n", "s.yaml:2: output: belongs to the whole sweep"},
      {"  grid: {a.b: [1], a: [{b: 2}]}\n", "s.yaml:2: a.b: is overwritten by 'a' after it"},
      {"  gird: {seed: [0]}\n", "s.yaml:2: gird: unknown key; accepted here: grid, exclude"},
      {"  grid: {}\n", "s.yaml:1: sweep: has no member"},
      {two_by_two + "  exclude:\n    - {sed: 1}\n",
       "s.yaml:6: sed: no key of the grid; accepted: network.file, seed"},
      {two_by_two + "  exclude:\n    - {seed: 2}\n",
       "s.yaml:6: seed: 2 matches nothing; the grid has 0, 1"},
      {two_by_two + "  exclude:\n    - {seed: []}\n", "s.yaml:6: seed: expected a value"},
      {two_by_two + "  exclude:\n    - {}\n", "s.yaml:6: exclude: expected keys of the grid"},
      {two_by_two + "  exclude: [{seed: [0, 1]}]\n", "s.yaml:5: exclude: leaves no member"},
      {"  exclude: [{seed: 0}]\n", "s.yaml:2: exclude: there is no grid"},
      {two_by_two + "  include:\n    - {seed: 7}\n", "s.yaml:6: name: missing"},
      {two_by_two + "  include:\n    - {name: a-seed1}\n",
       "s.yaml:6: name: 'a-seed1' is the name of an earlier run"},
      {two_by_two + "  include:\n    - {name: c, seed: 1, network.file: n/a.yaml}\n",
       "s.yaml:6: include: 'c' is the same as 'a-seed1' of the grid"},
      {"  grid: {x: [a-b, a], y: [c, b-c]}\n", "two members are called 'a-b-c'"},
      {"  grid: {x: [" + std::string(250, 'x') + ", y]}\n", "has over 200 characters"}};
  for (const auto& [sweep, message] : cases)
    BOOST_TEST(contains(refusal(sweep), message), sweep << refusal(sweep));
  std::string many = "  grid:\n";
  for (const char* key : {"a", "b", "c", "d", "e"})
    many += fmt::format("    {}: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n", key);
  BOOST_TEST(contains(refusal(many), "s.yaml:2: more than 10000 members; accepted: fewer values"),
             refusal(many));
}

BOOST_AUTO_TEST_CASE(members_are_chosen_by_number_name_and_range) {
  const Texts of{"a", "b", "c", "2-3", "e"};
  using Places = std::vector<size_t>;
  BOOST_TEST(chosen_members("1", of) == Places{0});
  BOOST_TEST(chosen_members("5,b,1", of) == (Places{0, 1, 4}));
  BOOST_TEST(chosen_members("1-3,2", of) == (Places{0, 1, 2}));
  BOOST_TEST(chosen_members("2-3", of) == Places{3});  // a name
  for (const std::string wrong :
       {"0", "6", "-1", "3-2", "4-6", "x", "", "1,", "1.5", "1-2-3", "99999999999999999999"}) {
    const std::string message = error_of<ConfigError>([&] { chosen_members(wrong, of); });
    BOOST_TEST(contains(message, "accepted: a number from 1 to 5, a range as in 2-3, a name that"),
               wrong << ": " << message);
  }
}

BOOST_FIXTURE_TEST_CASE(sweep_list_prints_numbers_names_and_keys, GridSweep) {
  write_sweep("  grid: {network.width: [0.125, 0.25], seed: [0, 1]}\n");
  const Outcome outcome = run({"sweep", "list", "sweep.yaml"});
  BOOST_TEST(outcome.exit_code == 0, outcome.err);
  for (const char* part : {"\n     1  width0.125-seed0  network.width=0.125  seed=0",
                           "\n     4  width0.25-seed1   network.width=0.25  seed=1"})
    BOOST_TEST(contains(outcome.out, part), outcome.out);
  const Outcome changed = run({"sweep", "list", "sweep.yaml", "--set", "sweep.grid.seed=[7]"});
  BOOST_TEST(contains(changed.out, "2  width0.25-seed7   network.width=0.25"), changed.out);
  const Outcome none = run({"sweep", "list", "tiny.yaml"});
  BOOST_TEST(none.exit_code == 2);
  BOOST_TEST(contains(none.err, "sweep list: tiny.yaml has no `sweep:`"), none.err);
  BOOST_TEST(contains(
      run({"sweep", "lsit", "sweep.yaml"}).err,
      "unknown command 'sweep lsit'; did you mean sweep list? accepted: sweep list, sweep run"));
  BOOST_TEST(run({"sweep"}).exit_code == 2);
}

BOOST_FIXTURE_TEST_CASE(one_member_runs_alone_and_the_sweep_runs_the_rest, GridSweep) {
  write_sweep(
      "  grid: {network.width: [0.125, 0.25], train.epochs: [0, 1]}\n"
      "  exclude: [{network.width: 0.25, train.epochs: 1}]\n");
  const auto run_sweep = [&](const Texts& more) {
    Texts arguments{"sweep", "run", "sweep.yaml", "--output", "out", "--set", "variants=[]"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  };
  const Outcome beyond = run_sweep({"--member", "4"});
  BOOST_TEST(beyond.exit_code == 2);
  BOOST_TEST(contains(beyond.err, "--member 4: '4' is no member; accepted: a number from 1 to 3"));
  BOOST_TEST(!fs::exists(path / "out"));
  const Outcome one = run_sweep({"--member", "2"});
  BOOST_TEST(one.exit_code == 0, one.err);
  BOOST_TEST(fs::exists(path / "out/width0.125-epochs1/result.h5"));
  BOOST_TEST(!fs::exists(path / "out/width0.125-epochs0"));
  const Outcome rest = run_sweep({});
  BOOST_TEST(rest.exit_code == 0, rest.err);
  for (const char* part : {"written: out/width0.125-epochs0", "kept: out/width0.125-epochs1",
                           "written: out/width0.25"})
    BOOST_TEST(contains(rest.out, part), rest.out);
  const ResultReader last(path / "out/width0.25-epochs0/result.h5");
  BOOST_TEST(last.file().group("provenance").text("experiment") == "width0.25-epochs0");
  BOOST_TEST(
      contains(last.file().group("config").dataset("resolved").read_texts().at(0), "width: 0.25"));
}

BOOST_FIXTURE_TEST_CASE(an_unknown_key_of_the_grid_is_named_with_its_line, GridSweep) {
  write_sweep("  grid:\n    seed: [0, 1]\n    network.wide: [1, 2]\n");
  const Outcome outcome = run({"run", "sweep.yaml"});
  BOOST_TEST(outcome.exit_code == 2);
  BOOST_TEST(contains(outcome.err, "sweep.yaml:23: run 'seed0-wide1': network.wide=1: wide: "),
             outcome.err);
}

BOOST_AUTO_TEST_SUITE_END()
