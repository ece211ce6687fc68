#include "experiments/explain/page.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "experiments/explain/weight_ranges.h"
#include "experiments/text/table.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

constexpr size_t page_width = 100;

/// Words broken into lines, all after `indent` places.
std::string wrapped(const std::string& text, size_t indent) {
  std::vector<std::string> words;
  std::istringstream in(text);
  for (std::string word; in >> word;)
    if (!words.empty() && (word.starts_with('%') || word.starts_with("dB")))
      words.back() += " " + word;  // a figure and its unit stay together
    else
      words.push_back(word);
  std::string out, line;
  const std::string margin(indent, ' ');
  for (const std::string& word : words) {
    if (!line.empty() && indent + places(line) + 1 + places(word) > page_width) {
      out += margin + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return out + margin + line + "\n";
}

std::string percent(double share) {
  return std::isnan(share) ? "-" : fmt::format("{:.1f}", 100 * share);
}

bool needs_repair(const Explanation& e) { return e.verdict.kind != Verdict::Kind::keeps; }

/// The fewest layers that cost 80 %, at most four.
std::string main_costs(const Explanation& e) {
  double sum = 0;
  std::vector<std::string> names;
  for (const LayerCost& layer : e.layers) {
    if (names.size() == 4 || sum >= 0.8 || layer.cost < e.thresholds.of("share")) break;
    sum += layer.cost;
    names.push_back(e.net.layers[layer.layer].name);
  }
  if (names.empty()) return "No layer stands out.";
  return fmt::format("{:.0f} % of the logits' squared error comes from {} of {} layers{}: {}{}.",
                     100 * sum, names.size(), e.net.layers.size(),
                     e.is_by_sensitivity ? " (it would go if they were left in float)" : "",
                     fmt::join(names, ", "), sum > 1 ? " (other layers cancel part of it)" : "");
}

std::string head(const Explanation& e) {
  std::string text =
      fmt::format("{}, variant {}: {}.", e.net.experiment.empty() ? e.net.file : e.net.experiment,
                  e.net.of_variant.variant, e.verdict.sentence);
  if (!e.layers.empty()) text += fmt::format(" {}", main_costs(e));
  std::string out = wrapped(text, 0);
  if (e.verdict.kind == Verdict::Kind::diverged)
    return out + wrapped("There is nothing to rank: repair the training or the net first.", 0);
  if (e.layers.empty())
    return out + wrapped("Errors by layer are not finite: there is nothing to rank.", 0);
  if (needs_repair(e) && e.net.value("logits_sqnr") < e.thresholds.of("rough"))
    out += wrapped(
        "The error is about as large as the signal. Errors no longer add up there, so predicted "
        "gains are rough.",
        0);
  return out;
}

/// ", measured +1.1 dB (accuracy 0.25 instead of 0.05)"; "" without a measurement.
std::string measured_text(const Explanation& e, const std::optional<Measured>& measured) {
  if (!measured || !e.unrepaired) return "";
  const std::string gain =
      fmt::format(", measured {:+.1f} dB", measured->logits_sqnr - e.unrepaired->logits_sqnr);
  return std::isnan(measured->accuracy)
             ? gain
             : fmt::format("{} (accuracy {:.4f} instead of {:.4f})", gain, measured->accuracy,
                           e.unrepaired->accuracy);
}

std::string causes_of(const Explanation& e, const LayerCost& cost) {
  const LayerFacts& layer = e.net.layers[cost.layer];
  std::string out = fmt::format("\n{} ({}), {} % of the logits' error\n", layer.name, layer.kind,
                                percent(cost.cost));
  if (cost.causes.empty()) return out + wrapped("no rule names a cause", 2);
  std::string last;
  for (const Cause& cause : cost.causes) {
    out += wrapped(cause.finding.rule + ": " + cause.finding.sentence, 2);
    if (!cause.finding.remedy) continue;
    const Remedy& remedy = *cause.finding.remedy;
    if (remedy.yaml == last) {
      out += "    repair: the same\n";
      continue;
    }
    out += fmt::format("    repair: {}\n", remedy.yaml);
    if (!remedy.note.empty()) out += fmt::format("            ({})\n", remedy.note);
    out += fmt::format("    gain:   predicted {:+.1f} dB{}\n", cause.gain,
                       measured_text(e, cause.measured));
    if (!cause.not_measured.empty()) out += wrapped("not measured: " + cause.not_measured, 12);
    last = remedy.yaml;
  }
  return out;
}

/// What all causes and repairs come to; "" if none has a repair.
std::string together(const Explanation& e) {
  if (std::ranges::none_of(e.layers, [](const LayerCost& l) { return best_cause(l) != nullptr; }))
    return "";
  return fmt::format("\nThe best repair of each of these layers: predicted {:+.1f} dB{}\n",
                     e.gain_of_all(), measured_text(e, e.all_repaired)) +
         wrapped(
             "A gain is that of the logits' SQNR from the repair in that layer alone. In a "
             "variant, "
             "`repairs:` acts on all layers.",
             0);
}

/// Channels at fault in layers that cost less, a line for each rule.
std::string elsewhere(const Explanation& e) {
  std::string out;
  for (const Rule& rule : rules()) {
    std::vector<std::string> found;
    for (const auto& [layer, finding] : e.elsewhere)
      if (finding.rule == rule.name)
        found.push_back(fmt::format("{} (channel{} {}: {:.3g} times the range)",
                                    e.net.layers[layer].name,
                                    finding.channels.size() == 1 ? "" : "s",
                                    list_text(finding.channels), finding.statistic));
    if (!found.empty()) out += wrapped(fmt::format("{}: {}", rule.name, fmt::join(found, ", ")), 2);
  }
  return out.empty() ? "" : fmt::format("\nThe same causes in layers that cost less\n{}", out);
}

/// "float:batch_norm/gamma" as "float32 batch_norm/gamma".
std::string in_words(const std::vector<std::string>& quantities) {
  std::string out;
  for (const std::string& quantity : quantities)
    out +=
        (out.empty() ? "" : ", ") +
        (quantity.starts_with("float:") ? fmt::format("float32 {}", quantity.substr(6)) : quantity);
  return out;
}

std::string foot(const Explanation& e) {
  std::string out;
  for (const auto& [rule, missing] : e.not_asked)
    out += (out.empty() ? "" : "; ") + fmt::format("{} (no {})", rule, in_words(missing));
  if (!out.empty())
    out = wrapped(fmt::format("Not asked: {}. These figures need norms in the net and track: "
                              "{{statistics: [moments, histogram, signs]}}; a merged file has no "
                              "figures by channel.",
                              out),
                  0);
  if (e.unrepaired)
    out += wrapped(fmt::format("Measured on {} test images, from an SQNR of the logits of {:.1f} "
                               "dB.",
                               e.counterfactual_images, e.unrepaired->logits_sqnr),
                   0);
  return out.empty() ? "" : fmt::format("\n{}", out);
}

}  // namespace

std::string table_of_worst(const Explanation& e, int64_t rows) {
  std::vector<std::vector<std::string>> table = {
      {"layer", "kind", "share of the\nlogits' error\n/ %", "left in\nfloat\n/ %",
       "accumulated\nSQNR\n/ dB", "propagated\nSQNR\n/ dB", "local\nSQNR\n/ dB"}};
  if (!e.is_by_sensitivity) table[0].erase(table[0].begin() + 3);
  for (const LayerCost& cost : e.layers) {
    if (std::ssize(table) > rows) break;
    const LayerFacts& layer = e.net.layers[cost.layer];
    table.push_back({layer.name, layer.kind, percent(cost.added), percent(cost.sensitivity),
                     number_text(layer.value("output/accumulated_sqnr"), 1),
                     number_text(layer.value("output/propagated_sqnr"), 1),
                     number_text(layer.value("output/local_sqnr"), 1)});
    if (!e.is_by_sensitivity) table.back().erase(table.back().begin() + 3);
  }
  return fmt::format("layers by {}\n", e.is_by_sensitivity
                                           ? "what leaving them in float gains (sensitivity)"
                                           : "the error that they add") +
         format_table(table);
}

std::string page_of(const Explanation& e, int64_t rows, Causes causes) {
  if (e.layers.empty()) return head(e) + foot(e);
  std::string out = head(e) + "\n" + table_of_worst(e, rows);
  if (!needs_repair(e) && causes == Causes::where_needed)
    return out + "\nNothing needs a repair. --all names the causes of what is lost.\n" + foot(e);
  for (const LayerCost& layer : e.layers) {
    if (layer.cost < e.thresholds.of("share") || &layer - e.layers.data() >= rows) break;
    out += causes_of(e, layer);
  }
  return out + together(e) + elsewhere(e) + foot(e);
}

}  // namespace quantdyn
