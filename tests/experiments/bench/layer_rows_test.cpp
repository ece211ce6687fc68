// `quantdyn bench --layers`: products and bytes of known layers, and rows that sum to the whole.
#include "experiments/bench/layer_rows.h"

#include <boost/test/unit_test.hpp>
#include <map>
#include <numeric>

#include "framework/base/threads.h"
#include "tests/experiments/program.h"
#include "tests/experiments/small_nets.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

constexpr int64_t batch = 16;
const MachineLimits limits{.flops_one = 1e9,
                           .flops_all = 2e9,
                           .code_operations_all = 8e9,
                           .memory = {{1024, 2e9, 4e9}, {65536, 1e9, 1e9}}};

/// The rows of one pass, by layer.
std::map<std::string, LayerRow> pass_of(const std::vector<LayerRow>& rows,
                                        const std::string& pass) {
  std::map<std::string, LayerRow> out;
  for (const LayerRow& row : rows)
    if (row.pass == pass) out.emplace(row.layer, row);
  return out;
}

double sum_of(const std::vector<LayerRow>& rows, double LayerRow::*member) {
  return std::accumulate(rows.begin(), rows.end(), 0.0,
                         [&](double sum, const LayerRow& row) { return sum + row.*member; });
}

std::vector<LayerRow> trained(Network& network) {
  const Tensor<float> x = random_images(network, batch);
  return layer_rows(network, time_training(network, x.view(), 0.01, ByLayer::yes), limits);
}

struct TwoWorkers {
  TwoWorkers() { set_worker_count(2); }
  ~TwoWorkers() { set_worker_count(before); }
  int before = worker_count();
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(layer_rows_test, TwoWorkers)

BOOST_AUTO_TEST_CASE(products_and_bytes_of_training_are_those_of_its_layers) {
  Network network = with_values({"dws", "{input: [12, 12, 3], width: 0.25}"});
  const std::vector<LayerRow> rows = trained(network);
  const auto forward = pass_of(rows, "forward"), backward = pass_of(rows, "backward");

  // conv1 3x3, 3 to 8 channels at 12x12; the images' gradient is not wanted. Its result is not
  // written: readers map z. Parameters: weights, and four numbers a channel of the norm.
  const double images = batch * 144 * 3, z = batch * 144 * 8, parameters = 9 * 3 * 8 + 4 * 8;
  BOOST_TEST(forward.at("conv1").flop == 2.0 * batch * 144 * 8 * 27);
  BOOST_TEST(backward.at("conv1").flop == 2.0 * batch * 144 * 8 * 27);
  BOOST_TEST(forward.at("conv1").bytes == 4 * (images + z + parameters));
  BOOST_TEST(backward.at("conv1").bytes == 4 * (z + z + images + parameters));

  // sep3's depthwise convolution, 16 channels, 12x12 to 6x6: both gradients.
  const double x = batch * 144 * 16, y = batch * 36 * 16, weights = 9 * 16 + 4 * 16;
  BOOST_TEST(forward.at("sep3_dw").flop == 2.0 * batch * 36 * 16 * 9);
  BOOST_TEST(backward.at("sep3_dw").flop == 4.0 * batch * 36 * 16 * 9);
  BOOST_TEST(forward.at("sep3_dw").bytes == 4 * (x + y + weights));
  BOOST_TEST(backward.at("sep3_dw").bytes == 4 * (y + y + x + x + 2 * weights));

  // A mean has no products, and its gradient does not need its input.
  BOOST_TEST(forward.at("pool").flop == 0);
  BOOST_TEST(backward.at("pool").bytes == 4 * (batch * 64 + batch * 9 * 64));
  BOOST_TEST(forward.at("sep3_dw").kind == "depthwise");
  BOOST_TEST(forward.at("sep3_pw").kind == "pointwise");
}

BOOST_AUTO_TEST_CASE(all_products_of_a_net_are_counted_once_forward_and_twice_backward) {
  Network network = with_values({"dws", "{input: [12, 12, 3], width: 0.25}"});
  double forward = 0, backward = 0;
  for (const LayerRow& row : trained(network))
    (row.pass == "forward" ? forward : backward) += row.flop;
  const auto macs = static_cast<double>(network.multiply_accumulates());
  BOOST_TEST(forward == 2 * batch * macs);
  BOOST_TEST(backward == 2 * batch * (2 * macs - 144 * 8 * 27));
}

BOOST_AUTO_TEST_CASE(winograd_computes_36_products_a_tile_and_direct_convolution_all) {
  Network network = with_values({"regular", "{input: [16, 16, 3]}"});
  const auto forward = pass_of(trained(network), "forward");
  BOOST_TEST(forward.at("conv1").flop == 2.0 * batch * 256 * 32 * 27);
  BOOST_TEST(forward.at("conv2").flop == 2.0 * batch * 16 * 36 * 32 * 64);  // 16 tiles
}

BOOST_AUTO_TEST_CASE(rows_sum_to_the_whole_step) {
  Network network = with_values({"residual", "{input: [12, 12, 3], width: 0.5}"});
  const Tensor<float> x = random_images(network, batch);
  for (const BenchTiming& timing : {time_training(network, x.view(), 0.01, ByLayer::yes),
                                    time_inference(network, x.view(), 0.01, ByLayer::yes),
                                    time_simulation(network, x.view(), 0.01, ByLayer::yes)}) {
    const std::vector<LayerRow> rows = layer_rows(network, timing, limits);
    BOOST_TEST(sum_of(rows, &LayerRow::share) == 1.0, boost::test_tools::tolerance(1e-9));
    BOOST_TEST(sum_of(rows_by_kind(rows), &LayerRow::seconds) == sum_of(rows, &LayerRow::seconds),
               boost::test_tools::tolerance(1e-9));
    for (const LayerRow& row : rows) BOOST_TEST(row.seconds >= 0, row.layer);  // rest, too
    BOOST_TEST(rows.back().layer == "rest");
  }
  BOOST_TEST(time_training(network, x.view(), 0.01, ByLayer::no).steps.empty());
}

BOOST_AUTO_TEST_CASE(inference_reads_and_writes_each_chunk_once) {
  const Network network = with_values({"dws", "{input: [12, 12, 3], width: 0.25}"});
  const Tensor<float> x = random_images(network, batch);
  const BenchTiming timing = time_inference(network, x.view(), 0.01, ByLayer::yes);
  const auto rows = pass_of(layer_rows(network, timing, limits), "forward");
  BOOST_TEST(rows.at("input").bytes == 2 * 4.0 * batch * 144 * 3);
  // Weights and a bias, of each of the two chunks.
  BOOST_TEST(rows.at("conv1").bytes == 4.0 * (batch * 144 * (3 + 8) + 2 * (9 * 3 * 8 + 8)));
  BOOST_TEST(rows.at("conv1").flop == 2.0 * batch * 144 * 8 * 27);
}

BOOST_AUTO_TEST_CASE(simulation_moves_codes_of_a_byte_and_multiplies_integers) {
  const Network network = with_values({"dws", "{input: [12, 12, 3], width: 0.25}"});
  const Tensor<float> x = random_images(network, batch);
  const BenchTiming timing = time_simulation(network, x.view(), 0.01, ByLayer::yes);
  const auto rows = pass_of(layer_rows(network, timing, limits), "forward");
  const LayerRow& pointwise = rows.at("sep3_pw");
  BOOST_TEST(pointwise.bytes == batch * 36 * (16 + 16) + 2.0 * (16 * 16 + 16));
  const double products = pointwise.flop / 8e9, memory = pointwise.bytes / 1e9;
  BOOST_TEST(pointwise.limit_seconds >= products);
  BOOST_TEST(pointwise.limit_seconds <= std::max(products, memory));
  BOOST_TEST(rows.at("sep3_dw").limit_seconds >= rows.at("sep3_dw").flop / 2e9);
}

BOOST_AUTO_TEST_CASE(the_limit_is_the_larger_of_products_and_memory) {
  const Network network = with_values({"dws", "{input: [12, 12, 3], width: 0.25}"});
  BenchTiming timing;
  timing.iterations = 2;
  timing.seconds = 4;
  // Two batches on all workers; each of the two has 32 KiB, which the rate of 1 KiB bounds.
  timing.steps.push_back({{1}, {1, 2, 1e9, 65536}, {2, 2, 1e3, 4e9}});
  timing.outside = {{"loss", 0.5}};
  const std::vector<LayerRow> rows = layer_rows(network, timing, limits);
  BOOST_TEST(rows[0].limit_seconds == 1.0);  // 2e9 flop at 2e9 a second
  BOOST_TEST((rows[0].limit == LayerRow::Limit::products));
  BOOST_TEST(rows[1].limit_seconds == 4.0);
  BOOST_TEST((rows[1].limit == LayerRow::Limit::memory));
  BOOST_TEST(rows[0].seconds == 0.5);
  BOOST_TEST(rows[2].seconds == 0.25);
  BOOST_TEST(rows[3].seconds == 0.25);  // rest: 2 - 0.5 - 1 - 0.25
  BOOST_TEST(limits.bytes_per_second(100) == 4e9);
  BOOST_TEST(limits.bytes_per_second(1e6) == 1e9);
}

BOOST_FIXTURE_TEST_CASE(tables_come_first_and_the_line_of_json_last, Workplace) {
  const Outcome outcome = run({"bench", "networks/dws.yaml", "--mode", "train", "--batch", "8",
                               "--seconds", "0.01", "--layers"});
  BOOST_TEST(outcome.exit_code == 0, outcome.err);
  for (const char* word : {"sep3_dw", "optimizer", "whole step", "limited by", "The loader"})
    BOOST_TEST(contains(outcome.out, word), word);
  const size_t last = outcome.out.rfind('\n', outcome.out.size() - 2) + 1;
  BOOST_TEST(outcome.out.substr(last).starts_with("{\"images_per_second\":"));
  BOOST_TEST(contains(outcome.out.substr(last), "\"limited_by\":"));
}

BOOST_AUTO_TEST_SUITE_END()
