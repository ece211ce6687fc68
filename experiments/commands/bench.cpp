// `quantdyn bench`.
#include "experiments/bench/bench_network.h"
#include "experiments/commands/command.h"
#include "experiments/terminal/output.h"

namespace quantdyn {
namespace {

po::options_description options() {
  po::options_description out("options");
  auto add = out.add_options();
  add("mode", po::value<std::string>()->default_value("")->value_name("MODE"),
      "train, infer, simulate or stats");
  add("batch", po::value<int64_t>()->default_value(128)->value_name("N"), "images per step");
  add("seconds", po::value<double>()->default_value(5)->value_name("S"), "how long to run");
  add("layers", po::bool_switch(), "what each layer takes, and what bounds it");
  add_plugin_option(out);
  return out;
}

void bench(const CommandCall& call) {
  print_result(bench_network({call.only_file("bench"), *call.value<std::string>("mode"),
                              *call.value<int64_t>("batch"), *call.value<double>("seconds"),
                              call.has("layers")}) +
               "\n");
}

}  // namespace

Command bench_command() {
  return {"bench",
          "NETWORK --mode MODE",
          "images per second of one net on random input, as a line of JSON",
          options(),
          bench,
          "quantdyn bench experiments/networks/dws.yaml --mode train --layers"};
}

}  // namespace quantdyn
