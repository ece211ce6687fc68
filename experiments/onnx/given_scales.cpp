#include "experiments/onnx/given_scales.h"

#include <algorithm>
#include <cmath>

#include "experiments/onnx/import.h"
#include "framework/base/hash.h"
#include "quant/folding/folding.h"
#include "quant/folding/linear_pairs.h"
#include "quant/integer/integer_network.h"

namespace quantdyn {
namespace {

constexpr double most_other_codes = 0.02;

int unit_called(const Network& network, const std::string& name) {
  const auto& units = network.units();
  const auto found = std::ranges::find(units, name, &Unit::name);
  return found == units.end() ? -1 : static_cast<int>(found - units.begin());
}

/// Finds the tensors of a file's net in another net.
class Match {
 public:
  Match(const OnnxImport& file, const Network& network)
      : file_(file), network_(network), folded_(fold_network(network)) {
    for (const OnnxQuantization& found : file.quantization) add(found);
    drop_repeated();
    check_biases();
    if (!problems_.empty())
      throw_error<ConfigError>(
          "{} quantized tensors have no place in the net: {}. Accepted: outputs of units, after "
          "their activation; weights and biases",
          problems_.size(), fmt::format("{}", fmt::join(problems_, "; ")));
  }

  GivenScales take() { return std::move(out_); }

 private:
  void add(const OnnxQuantization& found) {
    const int node = file_.network.index_of(found.node);
    const Unit& theirs = file_.network.units()[file_.network.nodes()[node].unit];
    const int unit = unit_called(network_, theirs.name);
    const auto refuse = [&](const std::string& why) {
      problems_.push_back(fmt::format("the {} of '{}' {}", to_string(found.role), found.node, why));
    };
    if (unit < 0) return refuse("(no unit of this name)");
    if (found.role == TensorRole::output && node != theirs.last)
      return refuse(fmt::format("(before '{}')", file_.network.nodes()[theirs.last].name));
    const Shape& shape = network_.nodes()[network_.units()[unit].last].shape;
    if (!(shape == file_.network.nodes()[theirs.last].shape))
      return refuse(fmt::format("({} here)", shape.text()));
    if (found.role == TensorRole::bias) {
      biases_[unit] = found.scale;
      return;
    }
    const OnnxScale& s = found.scale;
    if (found.role == TensorRole::weight) check_codes(unit, theirs.leader, s);
    const GivenScale scale{s.bit_width, s.is_signed, s.scale, s.zero_point};
    const auto [known, is_new] = out_.tensors.try_emplace({unit, found.role}, scale);
    if (!is_new && (known->second.scale != s.scale || known->second.zero_point != s.zero_point))
      refuse("(two scales)");
  }

  /// How many of a weight's codes are not those of the file.
  void check_codes(int unit, int leader, const OnnxScale& s) {
    const Tensor<float>& ours = linear_of(folded_.network, unit).weight->master;
    const Tensor<float>& theirs = file_.network.layer(leader)->linear()->weight->master;
    if (!(ours.shape() == theirs.shape())) {
      problems_.push_back(fmt::format("the weight of '{}' ({} here)", network_.units()[unit].name,
                                      ours.shape().text()));
      return;
    }
    const int64_t channels = ours.shape().channels();
    int64_t others = 0;
    for (int64_t i = 0; i < ours.elements(); ++i) {
      const size_t entry = s.is_per_tensor() ? 0 : static_cast<size_t>(i % channels);
      const auto zero = static_cast<float>(s.zero_point[entry]);
      const auto code = [&](float x) {
        return std::clamp(std::nearbyint(x / s.scale[entry]) + zero,
                          static_cast<float>(s.lowest_code()),
                          static_cast<float>(s.highest_code()));
      };
      others += code(ours[i]) != code(theirs[i]) ? 1 : 0;
    }
    if (static_cast<double>(others) > most_other_codes * static_cast<double>(ours.elements()))
      throw_error<ConfigError>(
          "the weight of '{}' has other codes than the file's in {} of {} values; accepted: a net "
          "with the weights that the file quantizes, or the file itself as `network`",
          network_.units()[unit].name, others, ours.elements());
  }

  /// Codes that a flatten or a pool passes on, quantized once more at the same scale.
  void drop_repeated() {
    std::erase_if(out_.tensors, [&](const auto& entry) {
      const auto& [id, scale] = entry;
      if (id.role != TensorRole::output || !passes_codes(network_, id.unit)) return false;
      const int leader = network_.units()[id.unit].leader;
      const int source = network_.nodes()[network_.nodes()[leader].inputs[0]].unit;
      const auto before = out_.tensors.find({source, TensorRole::output});
      return before != out_.tensors.end() && before->second.scale == scale.scale &&
             before->second.zero_point == scale.zero_point;
    });
  }

  const GivenScale* output_scale(int unit) const {
    for (;;) {
      unit = network_.nodes()[network_.nodes()[network_.units()[unit].leader].inputs[0]].unit;
      const auto found = out_.tensors.find({unit, TensorRole::output});
      if (found != out_.tensors.end()) return &found->second;
      if (!passes_codes(network_, unit)) return nullptr;
    }
  }

  /// int32 biases are those of the variant if all weights have them, at s_input s_weight.
  void check_biases() {
    for (const auto& [unit, bias] : biases_) {
      const std::string& name = network_.units()[unit].name;
      const GivenScale* const input = output_scale(unit);
      const auto weight = out_.tensors.find({unit, TensorRole::weight});
      if (!input || weight == out_.tensors.end() || bias.bit_width != 32) {
        problems_.push_back(
            fmt::format("the bias of '{}' (of {} bits, its input or weight without a "
                        "scale)",
                        name, bias.bit_width));
        continue;
      }
      const std::vector<float>& of_weight = weight->second.scale;
      for (size_t i = 0; i < std::max(bias.scale.size(), of_weight.size()); ++i) {
        const size_t entry = bias.scale.size() == 1 ? 0 : i;
        const double product =
            static_cast<double>(input->scale[0]) * of_weight[of_weight.size() == 1 ? 0 : i];
        if (std::abs(bias.scale[entry] - product) <= 1e-5 * product && bias.zero_point[entry] == 0)
          continue;
        problems_.push_back(fmt::format("the bias of '{}' (scale {}, the products' is {})", name,
                                        bias.scale[entry], product));
        break;
      }
    }
    out_.has_int32_biases = !biases_.empty();
    for (const auto& [id, scale] : out_.tensors)
      if (out_.has_int32_biases && id.role == TensorRole::weight && !biases_.contains(id.unit) &&
          !linear_of(folded_.network, id.unit).bias->master.empty())
        problems_.push_back(fmt::format("the bias of '{}' (float, others are int32)",
                                        network_.units()[id.unit].name));
  }

  const OnnxImport& file_;
  const Network& network_;
  FoldedNetwork folded_;
  GivenScales out_;
  std::map<int, OnnxScale> biases_;  // by unit
  std::vector<std::string> problems_;
};

}  // namespace

GivenScales onnx_scales_for(const std::filesystem::path& file, const Network& network) {
  const auto input = network.input_shape().sizes();
  const OnnxImport found = import_onnx(file, input);
  if (found.quantization.empty())
    throw_error<ConfigError>("{}: has no QuantizeLinear; accepted: a quantized model in QDQ form",
                             file.string());
  try {
    GivenScales out = Match(found, network).take();
    out.source = fmt::format("{}, SHA-256 {}", file.filename().string(), sha256_of_file(file));
    return out;
  } catch (const ConfigError& e) {
    throw_error<ConfigError>("{}: {}", file.string(), e.what());
  }
}

}  // namespace quantdyn
