#include "experiments/run/experiment.h"

#include <algorithm>
#include <cctype>

#include "experiments/method/calibration.h"
#include "experiments/method/quantized_twin.h"
#include "experiments/onnx/given_scales.h"
#include "experiments/results/open_result.h"
#include "experiments/text/folder_name.h"
#include "framework/config/plugin_library.h"

namespace quantdyn {
namespace {

void check_fit(const Options& section, const Network& network, const Dataset& data) {
  if (!(network.input_shape() == data.sample_shape()))
    section.refuse("file", fmt::format("the net reads images {}, the data have {}",
                                       network.input_shape().text(), data.sample_shape().text()));
  const Shape& output = network.output_shape();
  if (data.classes() == 0 && output.rank() != 1)
    section.refuse("file", fmt::format("the net's last node '{}' gives {}; accepted: [classes]",
                                       network.last_name(), output.text()));
  if (data.classes() > 0 && (output.rank() != 1 || output.elements() != data.classes()))
    section.refuse("file",
                   fmt::format("the net's last node '{}' gives {}, the data have {} classes",
                               network.last_name(), output.text(), data.classes()));
}

/// A batch norm in training needs two values per channel, even in the smallest batch.
void check_batches(const Options& section, const TrainingSettings& train, int64_t images,
                   const Network& network) {
  const bool keeps_rest = train.loader.last_batch == LoaderSettings::LastBatch::keep;
  const int64_t at_once = train.loader.images_at_once();
  const int64_t rest = images % train.loader.batch_size % at_once;
  const int64_t smallest = keeps_rest && rest > 0 ? rest : at_once;
  for (const Node<float>& node : network.nodes())
    if (train.epochs > 0 && node.layer && node.layer->channel_affine() &&
        smallest * node.shape.rows() < 2)
      section.refuse(
          "batch_size",
          fmt::format(
              "a batch of {} image leaves the batch norm '{}' one value per channel; accepted: "
              "at least two images in every batch",
              smallest, node.name));
}

/// Takes the weights of a result's last float snapshot; refuses weights that do not fit the net.
void load_weights(const Options& document, const std::filesystem::path& file,
                  Network& network) try {
  const ResultReader result(file);
  read_parameters(result, result.last(), network);
} catch (const Error& e) {
  document.refuse("weights", e.what());
}

/// The net of the result that gives the weights.
NetworkFromFile network_of_weights(const Options& document, const std::filesystem::path& file) try {
  const std::string yaml = ResultReader(file).file().dataset("config/network").read_texts().at(0);
  return {network_from_yaml(yaml, file.string() + ": /config/network"), yaml};
} catch (const Error& e) {
  document.refuse("weights", e.what());
}

void check_quantize(const Options& track, const std::vector<std::string>& names,
                    const std::vector<Variant>& variants) {
  for (const std::string& name : names) {
    if (std::ranges::find(variants, name, &Variant::name) != variants.end()) continue;
    std::string known;
    for (const Variant& variant : variants) known += (known.empty() ? "" : ", ") + variant.name;
    track.refuse("quantize", fmt::format("no variant '{}'; accepted: {}", name,
                                         known.empty() ? "none, there are no variants" : known));
  }
}

}  // namespace

Experiment Experiment::read(const std::filesystem::path& file, std::span<const std::string> sets) {
  return read(Options::from_file(file, sets), file.stem().string(), read_network_file);
}

Experiment Experiment::read(const Options& document, const std::string& default_name,
                            const NetworkReader& read_network) {
  for (const std::filesystem::path& plugin :
       document.paths("plugins", "shared libraries with plugins of your own"))
    try {
      load_plugin_library(plugin);
    } catch (const ConfigError& e) {
      document.refuse("plugins", e.what());
    }
  const std::string name =
      document.text("name", default_name, "name of the experiment; default: that of its file");
  check_folder_name(document, name);
  const int64_t seed =
      document.integer("seed", 0, accept::at_least<int64_t>(0), "the seed of all random numbers");
  const std::filesystem::path output = document.text(
      "output", "results/" + name, "folder of the result, relative to the working directory");
  const Options data = document.section("data", "where the images come from");
  const Options source = data.plugin("source", std::nullopt, "a dataset");
  const StandardizationSettings standardize(
      data.section("standardize", "how pixel values become the net's input"));
  const Options network_section =
      document.section("network", "the net: `file` and the file's own parameters");
  const std::filesystem::path network_file = network_section.path(
      "file", "", "a network file, a Keras or an ONNX model; default: the net of `weights`");
  const Options initializer = document.plugin(
      "initializer", "he_normal", "how weights start, if a node has no initializer of its own");
  const Options train = document.section("train", "how the net is trained");
  std::filesystem::path weights =
      document.path("weights", "", "a result.h5, or its folder, to take weights from");
  const auto quantization =
      train.section_if("quantization", "training with a variant's quantizers");
  const Options track = document.section("track", "what is tracked, and when");
  const std::vector<Options> variants = document.list("variants", "quantized twins");
  const Options compute = document.section("compute", "how the net is run");
  const Options checkpoint =
      document.section("checkpoint", "when the run is saved, so that it can be resumed");
  document.list("sweep", "runs of this file: a list of them, or a grid");
  const Computing computing = Computing::read(compute);
  data.finish();
  document.finish();

  try {
    weights = result_path(weights);
  } catch (const ConfigError& e) {
    document.refuse("weights", e.what());
  }

  Experiment out{.document = document,
                 .name = name,
                 .seed = static_cast<uint64_t>(seed),
                 .data = DatasetRegistry::instance().make(source),
                 .standardization = {},
                 .network_yaml = {},
                 .network_format = {},
                 .network_sha256 = {},
                 .network = {},
                 .initializer = {},
                 .train = {},
                 .checkpoints = {},
                 .weights = weights,
                 .track = {},
                 .variants = {},
                 .quantization = {},
                 .computing = computing,
                 .output = output};
  out.initializer = Registry<Initializer>::instance().make(initializer);
  out.train = TrainingSettings::read(train, *out.data->train);
  out.checkpoints = CheckpointSettings::read(checkpoint, out.train.epochs);
  if (out.train.epochs > 0 && out.data->train->classes() == 0)
    train.refuse("epochs", fmt::format("{} asked for, but the images of {} have no labels; "
                                       "accepted: 0",
                                       out.train.epochs, out.data->train->name()));
  if (network_file.empty() && weights.empty())
    network_section.refuse("file", "missing; expected a network file, or `weights` with a net");
  const NetworkDefaults defaults{out.data->train->sample_shape(), out.data->train->classes()};
  NetworkFromFile network = network_file.empty()
                                ? network_of_weights(document, weights)
                                : read_network(network_file, network_section, defaults);
  network_section.finish();
  out.network = std::make_unique<Network>(std::move(network.network));
  out.network_yaml = std::move(network.yaml);
  out.network_format = std::move(network.format);
  out.network_sha256 = std::move(network.sha256);
  check_fit(network_section, *out.network, *out.data->train);
  check_foldable(*out.network);
  check_batches(train, out.train, out.data->train->size(), *out.network);
  out.track = TrackingSettings::read(track, {.train_images = out.data->train->size(),
                                             .test_images = out.data->test->size(),
                                             .epochs = out.train.epochs,
                                             .steps_per_epoch = out.train.steps_per_epoch,
                                             .has_labels = out.data->train->classes() > 0,
                                             .network = *out.network});
  out.variants = read_variants(variants, *out.network,
                               {out.data->train->size(), out.data->test->size()}, onnx_scales_for);
  check_quantize(track, out.track.quantize, out.variants);
  if (quantization)
    out.quantization = QuantizationTrainingSettings::read(*quantization, out.variants, *out.network,
                                                          out.train.epochs);
  if (quantization && out.train.loader.micro_batch > 0)
    train.refuse("micro_batch",
                 "ranges and quantized weights follow whole batches; accepted: 0 "
                 "with train.quantization");
  if (out.quantization.folding != Folding::none && out.computing.fusing == Fusing::unfused)
    quantization->refuse("folding", "is done by fused kernels; expected compute.fuse: true");
  for (const Variant& variant : out.variants) try {  // refuses impossible choices now
      chosen_images(variant.calibration, *out.data->train, out.rng("calibrate"));
    } catch (const ConfigError& e) {
      throw_error<ConfigError>("{}: variant '{}': {}", document.where("variants"), variant.name,
                               e.what());
    }
  out.standardization = standardize.make(*out.data->train);
  if (!out.weights.empty()) load_weights(document, out.weights, *out.network);
  return out;
}

std::vector<const Variant*> Experiment::variants_in_training(bool trains_quantized) const {
  std::vector<const Variant*> out;
  for (const Variant& variant : variants)
    if ((trains_quantized && quantization.variant == &variant) ||
        std::ranges::find(track.quantize, variant.name) != track.quantize.end())
      out.push_back(&variant);
  return out;
}

}  // namespace quantdyn
