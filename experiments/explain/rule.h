// A rule: what it looks at in one layer, when that is a cause, and what to do about it.
#pragma once

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "experiments/explain/facts.h"
#include "experiments/explain/thresholds.h"

namespace quantdyn {

/// What a repair changes; the counterfactual of `--verify` does just this to just this layer.
struct Remedy {
  enum class Kind { weight_scheme, output_scheme, bit_width, dead_channels, bias };
  Kind kind;
  /// Of a scheme: "estimator=mse", as `--set` below `weights` or `activations`; of bit_width the
  /// number; of dead_channels the variance; of bias nothing.
  std::string setting;
  std::string yaml;       ///< to add to the variant, in one line
  std::string note = {};  ///< an alternative; empty: none
};

/// A cause that a rule found in a layer.
struct Finding {
  std::string rule;
  double statistic = 0, threshold = 0;
  std::string sentence;
  std::vector<int64_t> channels = {};  ///< those that the sentence is about
  std::optional<Remedy> remedy = {};
  /// Share of the layer's own squared error that the remedy takes away; 0 without a remedy.
  double removes = 0;
  /// Where the remedy also takes away what reached the layer: the share of all of the squared error
  /// at its output. NaN: it does not.
  double removes_of_all = std::nan("");
};

/// What a rule looks at.
struct RuleInput {
  const NetFacts& net;
  size_t layer;
  const Thresholds& thresholds;

  const LayerFacts& facts() const { return net.layers[layer]; }
};

/// A row of the list of rules.
struct Rule {
  std::string name;                ///< "dead channels"
  std::string threshold;           ///< the threshold that decides
  std::string statistic;           ///< in words, with its formula
  std::vector<std::string> needs;  ///< quantities without which it cannot be asked
  std::vector<Finding> (*find)(const RuleInput& input);
  /// Asked last: only where no remedy of another rule takes half of the layer's own error away.
  bool is_last_resort = false;
};

Rule dead_channels_rule();
Rule outlier_channel_rule();
Rule channel_mismatch_rule();
Rule clipping_rule();
Rule mean_shift_rule();
Rule upstream_rule();
Rule few_codes_rule();
Rule rounding_rule();

/// All rules, in the order in which they are asked.
const std::vector<Rule>& rules();

/// The needs of a rule that the layer's file does not have.
std::vector<std::string> missing_needs(const Rule& rule, const LayerFacts& layer);

}  // namespace quantdyn
