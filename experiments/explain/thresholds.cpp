#include "experiments/explain/thresholds.h"

#include <cmath>
#include <cstdlib>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

size_t place_of(const std::string& name) {
  std::string names;
  for (size_t i = 0; i < threshold_table().size(); ++i) {
    if (threshold_table()[i].name == name) return i;
    names += (i ? ", " : "") + threshold_table()[i].name;
  }
  throw_error<ConfigError>("--threshold {}: no such threshold; accepted: {}", name, names);
}

double number_in(const std::string& setting, const std::string& text, const ThresholdRow& row) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(value >= row.low && value <= row.high))
    throw_error<ConfigError>("--threshold {}: '{}' found; accepted: a number from {:g} to {:g}",
                             setting, text, row.low, row.high);
  return value;
}

}  // namespace

const std::vector<ThresholdRow>& threshold_table() {
  static const std::vector<ThresholdRow> table = {
      {"small_loss", 0.01, 0, 1, "relative loss of accuracy up to which a net keeps its accuracy",
       "MLPerf Inference: 99 % of FP32 (Reddi et al. 2020, table I)"},
      {"large_loss", 0.1, 0, 1, "relative loss of accuracy from which a net quantizes badly",
       "ours: ten times small_loss"},
      {"rough", 3, -100, 100, "dB of the logits' SQNR under which predicted gains are called rough",
       "ours: the error has half the energy of the signal"},
      {"share", 0.05, 0, 1, "share of the logits' error from which the rules look at a layer",
       "ours: at most 20 layers can reach it"},
      {"gain", 0.2, 0, 100, "dB of the logits' SQNR from which a repair is worth its line",
       "ours: a prediction of 0.1 dB has come out as a loss"},
      {"dead_variance", 0.01, 0, 1,
       "running variance over the norm's epsilon, under which a channel is dead",
       "Sheng et al. 2018 name channels of zero variance; the factor is ours: epsilon sets the "
       "folded scale, and the output deviates by at most a tenth of abs(gamma)"},
      {"dead_widening", 1.5, 1, 1e6, "the layer's range over that of its living channels",
       "ours: half a bit lost by every living channel"},
      {"outlier", 2, 1, 1e6,
       "the range of the living channels over that without 1 % of them (at least one)",
       "ours: one bit lost by all other channels (Krishnamoorthi 2018 names the mechanism)"},
      {"mismatch", 2, 0, 16,
       "bits that the average other channel loses, b - log2(1 + p (2^b - 1)), p its precision",
       "p as Nagel et al. 2019, section 3.3; the number is ours: three quarters of the codes"},
      {"clipping", 0.5, 0, 1, "share of clipping in the error of a quantizer",
       "ours: more than rounding"},
      {"mean_shift", 0.25, 0, 1, "share of the squared mean shift in the layer's own error",
       "Finkelstein et al. 2019 split the error this way; the number is ours: bias correction "
       "gains at least 1.2 dB there"},
      {"upstream", 0.75, 0, 1, "share of a layer's error that comes from earlier layers",
       "ours: three times what the layer adds; accumulation over depth as Yun & Wong 2021"},
      {"codes", 0.125, 0, 1, "2^entropy of the codes over the codes that could be used",
       "ours: three bits lost"},
      {"rounding", 25, -100, 200, "dB of local SQNR under which a layer has too few bits",
       "ours: 4 bits gave 7 to 20 dB in example.yaml, 8 bits 31 to 46"}};
  return table;
}

Thresholds::Thresholds() {
  for (const ThresholdRow& row : threshold_table()) values_.push_back(row.value);
}

Thresholds Thresholds::from(std::span<const std::string> settings) {
  Thresholds out;
  for (const std::string& setting : settings) {
    const size_t equals = setting.find('=');
    const size_t place = place_of(setting.substr(0, equals));
    const std::string text = equals == std::string::npos ? "" : setting.substr(equals + 1);
    out.values_[place] = number_in(setting, text, threshold_table()[place]);
  }
  return out;
}

double Thresholds::of(const std::string& name) const { return values_[place_of(name)]; }

std::string thresholds_help() {
  std::string out = "thresholds:\n";
  for (const ThresholdRow& row : threshold_table())
    out += fmt::format("  {:<14} {:<6g} {}\n{:24}({})\n", row.name, row.value, row.what, "",
                       row.source);
  return out;
}

}  // namespace quantdyn
