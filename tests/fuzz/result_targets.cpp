#include <algorithm>
#include <vector>

#include "experiments/commands/compare_results.h"
#include "experiments/commands/inspect_layer.h"
#include "experiments/commands/inspect_result.h"
#include "experiments/explain/page.h"
#include "experiments/results/checkpoints.h"
#include "experiments/results/result_statistics.h"
#include "tests/fuzz/targets.h"

namespace quantdyn::test {

namespace {

void inspect_layers(const std::filesystem::path& path) {
  const ResultReader result(path);
  if (result.snapshots().empty()) return;
  for (const NodeRow& node : result.network())
    inspect_layer(result, result.snapshots().back(), node.name);
}

void explain_variant(const std::filesystem::path& path) {
  const ResultReader result(path);
  const Explanation explanation =
      explain(facts_of(result, explained_variant(result, {})), Thresholds::from({}), 5);
  page_of(explanation, 5, Causes::always);
  json_of(explanation);
}

}  // namespace

void fuzz_result(Bytes file) {
  if (file.empty()) return;
  const auto path = as_file(file.first(file.size() - 1));
  switch (file.back() % 4) {  // all four with each file would be a quarter of the files
    case 0:
      return expect_error_at_most([&] { inspect_result(path); });
    case 1:
      return expect_error_at_most([&] { inspect_layers(path); });
    case 2:
      return expect_error_at_most([&] { compare_results({path, path, {}, {}}); });
    default:
      expect_error_at_most([&] { explain_variant(path); });
  }
}

void fuzz_checkpoint(Bytes file) {
  expect_error_at_most([&] {
    const Checkpoint checkpoint = read_checkpoint(as_file(file));
    StateVisitor run = StateVisitor::loading(checkpoint.state).group("run");
    int64_t step = 0;
    run.visit("step", step);
    std::vector<float> weights(6);
    run.visit_fixed("weights", weights);
  });
}

void fuzz_snapshot(Bytes file) {
  expect_error_at_most([&] {
    const h5::File snapshot = h5::File::open(as_file(file));
    const auto copy_row = rows_of(snapshot);
    for (const char* scope : {"layerwise", "channelwise"})
      for (const std::string& tensor : snapshot.group(scope).names())
        for (const std::string& name : snapshot.group(scope).group(tensor).names()) {
          if (snapshot.group(scope).group(tensor).dataset(name).content() == h5::Content::texts)
            continue;
          const std::string path = std::string(scope) + "/" + tensor + "/" + name;
          constexpr int64_t most = 1 << 16;
          std::vector<double> row(
              static_cast<size_t>(std::min(most, snapshot.dataset(path).elements())));
          copy_row(path, h5::Type::float64, std::as_writable_bytes(std::span(row)));
        }
  });
}

}  // namespace quantdyn::test
