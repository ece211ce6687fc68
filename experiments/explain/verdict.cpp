#include "experiments/explain/verdict.h"

#include <cmath>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

using Kind = Verdict::Kind;

/// The first layer with values that are not finite, in the float net or else in the variant.
std::string first_nonfinite(const NetFacts& net) {
  for (const std::string prefix : {"float:output/", "output/"})
    for (const LayerFacts& layer : net.layers) {
      const double nan = layer.value(prefix + "nan_count"),
                   infinite = layer.value(prefix + "infinity_count");
      if (nan > 0 || infinite > 0)
        return fmt::format("; the first ones are in {}, {} ({:.0f} NaN, {:.0f} infinite values)",
                           layer.name, prefix == "output/" ? "quantized" : "already in float32",
                           nan, infinite);
    }
  return "";
}

Verdict of_diverged(const NetFacts& net) {
  const double images = net.value("nonfinite_images");
  return {Kind::diverged,
          fmt::format(
              "has diverged: {} have logits that are NaN or infinite{}",
              std::isnan(images)
                  ? "images"
                  : fmt::format("{:.0f}{} test images", images,
                                net.test_images > 0 ? fmt::format(" of {}", net.test_images) : ""),
              first_nonfinite(net)),
          std::nan(""), std::nan("")};
}

Kind kind_of(double loss, double noise, const Thresholds& thresholds) {
  if (std::isnan(loss)) return Kind::unknown;
  const bool is_large = loss >= thresholds.of("large_loss");
  if (loss <= thresholds.of("small_loss")) return Kind::keeps;
  if (loss <= noise) return is_large ? Kind::unknown : Kind::keeps;
  return is_large ? Kind::badly : Kind::loses;
}

std::string words_of(Kind kind) {
  switch (kind) {
    case Kind::keeps:
      return "quantizes well";
    case Kind::loses:
      return "loses accuracy";
    case Kind::badly:
      return "quantizes badly";
    default:
      return "cannot be judged";
  }
}

}  // namespace

std::string to_string(Verdict::Kind kind) {
  switch (kind) {
    case Kind::keeps:
      return "keeps";
    case Kind::loses:
      return "loses";
    case Kind::badly:
      return "badly";
    case Kind::diverged:
      return "diverged";
    case Kind::unknown:
      return "unknown";
  }
  return "";
}

Verdict verdict_of(const NetFacts& net, const Thresholds& thresholds) {
  if (net.value("nonfinite_images") > 0) return of_diverged(net);
  const double changed = 1 - net.value("agreement"), before = net.float_value("accuracy");
  const bool has_labels = !std::isnan(net.value("relative_accuracy_decrease"));
  Verdict out{};
  out.loss = has_labels ? net.value("relative_accuracy_decrease") : changed;
  out.noise = net.test_images > 0 && has_labels
                  ? 2 * std::sqrt(changed / static_cast<double>(net.test_images)) / before
                  : std::nan("");
  out.kind = kind_of(out.loss, out.noise, thresholds);
  const bool is_noise = out.loss > thresholds.of("small_loss") && out.loss <= out.noise;
  out.sentence = is_noise && out.kind == Kind::keeps ? "shows no certain loss" : words_of(out.kind);
  if (has_labels)
    out.sentence += fmt::format(": accuracy {:.4f} instead of {:.4f} ({:+.1f} %)",
                                net.value("accuracy"), before, 0.0 - 100 * out.loss);
  if ((!has_labels || out.kind == Kind::unknown) && !std::isnan(changed))
    out.sentence +=
        fmt::format("{} {:.1f} % of the decisions change", has_labels ? "," : ":", 100 * changed);
  if (is_noise)
    out.sentence += fmt::format(", within the noise of {} images (+-{:.1f} %)", net.test_images,
                                100 * out.noise);
  out.sentence += fmt::format(", SQNR of the logits {:.1f} dB", net.value("logits_sqnr"));
  return out;
}

}  // namespace quantdyn
