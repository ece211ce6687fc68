#include "experiments/run/provenance.h"

#include <algorithm>
#include <fstream>

#include "data/order.h"
#include "experiments/method/gradients.h"
#include "experiments/results/process_facts.h"
#include "framework/base/gemm.h"
#include "framework/base/hash.h"
#include "framework/base/simd.h"
#include "framework/base/threads.h"
#include "framework/base/version.h"
#include "framework/config/plugin_library.h"
#include "framework/graph/unit_cost.h"

namespace quantdyn {
namespace {

std::string cpu_name() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

std::string name_of(ConvolutionAlgorithm algorithm) {
  switch (algorithm) {
    case ConvolutionAlgorithm::direct:
      return "direct";
    case ConvolutionAlgorithm::winograd:
      return "winograd";
    case ConvolutionAlgorithm::automatic:
      return "auto";
  }
  return "";
}

std::vector<NodeRow> rows_of(const Network& network) {
  std::vector<NodeRow> out;
  int64_t offset = 0;
  for (int u = 0; u < static_cast<int>(network.units().size()); ++u) {
    const Unit& unit = network.units()[u];
    const Shape& shape = network.nodes()[unit.last].shape;
    const UnitCost cost = cost_of(network, u);
    out.push_back({.name = unit.name,
                   .kind = unit.kind,
                   .inputs = inputs_of(network, u),
                   .output = shape,
                   .parameters = cost.parameters,
                   .multiply_accumulates = cost.multiply_accumulates,
                   .channel_offset = offset,
                   .channels = shape.channels()});
    offset += shape.channels();
  }
  return out;
}

/// "libmine.so <SHA-256>", one line per library.
std::string plugins_text() {
  std::string out;
  for (const PluginLibrary& library : plugin_libraries())
    out += fmt::format("{}{} {}", out.empty() ? "" : "\n", library.file.filename().string(),
                       library.sha256);
  return out;
}

}  // namespace

std::string micro_batch_text(const Experiment& experiment) {
  const LoaderSettings& loader = experiment.train.loader;
  if (experiment.train.epochs == 0 || loader.micro_batch == 0) return "";
  const bool has_norms = std::ranges::any_of(experiment.network->nodes(), [](const auto& node) {
    return node.layer && node.layer->channel_affine();
  });
  const std::string what =
      has_norms ? "batch norms take the statistics of a micro batch"
      : loader.micro_batch < images_per_share
          ? "no norm takes statistics; gradients are summed in another order than from 32 images on"
          : "no norm takes statistics, so weights have the bits of whole batches";
  return fmt::format("micro batches of {} of {} images: {}", loader.micro_batch, loader.batch_size,
                     what);
}

RunFacts facts_of(const Experiment& experiment, const std::string& command_line) {
  RunFacts out;
  out.raw_yaml = experiment.document.raw_yaml();
  out.resolved_yaml = experiment.document.resolved_yaml();
  out.network_yaml = experiment.network_yaml;
  out.seed = experiment.seed;
  out.command_line = command_line;
  out.created = now_utc();
  out.git_revision = revision();
  out.version = library_version;
  out.provenance = {
      {"experiment", experiment.name},
      {"compiler", std::string(QUANTDYN_COMPILER)},
      {"blis_architecture", gemm_architecture()},
      {"blis_version", gemm_version()},
      {"instruction_set", simd_target()},
      {"denormals", std::string("kept")},
      {"training_convolution_algorithm", name_of(experiment.computing.algorithm)},
      {"threads", int64_t{worker_count()}},
      {"cpu", cpu_name()},
      {"train_dataset", experiment.data->train->name()},
      {"train_sha256", experiment.data->train->sha256()},
      {"test_dataset", experiment.data->test->name()},
      {"test_sha256", experiment.data->test->sha256()},
      {"test_images", experiment.data->test->size()},
      {"probe_images",
       fmt::format("the first {} of a shuffle of the test set by Rng(seed).fork(\"probe\")",
                   experiment.track.probe_images)}};
  if (const std::string text = micro_batch_text(experiment); !text.empty())
    out.provenance.emplace_back("micro_batch", text);
  if (!experiment.network_format.empty())
    out.provenance.emplace_back(experiment.network_format + "_sha256", experiment.network_sha256);
  if (!experiment.weights.empty())
    out.provenance.emplace_back("weights_sha256", sha256_of_file(experiment.weights));
  if (!plugin_libraries().empty()) out.provenance.emplace_back("plugins", plugins_text());
  out.images["probe"] = first_of_shuffle(experiment.rng("probe"), experiment.data->test->size(),
                                         experiment.track.probe_images);
  out.network = rows_of(*experiment.network);
  add_axes(experiment.track.statistics, TensorTraits{1}, out.axes);
  if (const auto& gradients = experiment.track.gradients) {
    add_axes(experiment.track.statistics, gradient_traits(1, gradients->channel_histograms),
             out.axes);
    out.provenance.emplace_back(
        "gradient_images", fmt::format("the first {} of a shuffle of the training set by "
                                       "Rng(seed).fork(\"gradients\"), one batch, not augmented",
                                       gradients->images));
    out.images["gradients"] = first_of_shuffle(experiment.rng("gradients"),
                                               experiment.data->train->size(), gradients->images);
  }
  return out;
}

}  // namespace quantdyn
