#include "experiments/run/run_differences.h"

#include <algorithm>
#include <array>
#include <map>

namespace quantdyn {
namespace {

using Texts = std::map<std::string, std::string>;

/// The facts of the provenance that are texts and that `is_chosen` names.
template <typename Choice>
Texts facts_where(const RunFacts& facts, const Choice& is_chosen) {
  Texts out;
  for (const auto& [name, fact] : facts.provenance)
    if (const auto* text = std::get_if<std::string>(&fact); text && is_chosen(name))
      out[name] = *text;
  return out;
}

void add_differences(const Texts& a, const Texts& b, std::vector<ConfigDifference>& out) {
  for (const auto& [name, text] : a) {
    const auto found = b.find(name);
    const std::string other = found == b.end() ? "-" : found->second;
    if (text != other) out.push_back({name, text, other});
  }
  for (const auto& [name, text] : b)
    if (!a.contains(name)) out.push_back({name, "-", text});
}

bool is_input(const std::string& name) { return name.ends_with("_sha256") || name == "plugins"; }

bool is_program(const std::string& name) {
  constexpr std::array names{"compiler", "blis_architecture", "blis_version", "instruction_set"};
  return std::ranges::find(names, name) != names.end();
}

Texts program_of(const RunFacts& facts) {
  Texts out = facts_where(facts, is_program);
  out["version"] = facts.version;
  out["git_revision"] = facts.git_revision;
  return out;
}

}  // namespace

std::vector<ConfigDifference> input_differences(const RunFacts& a, const RunFacts& b) {
  static const std::vector<std::string> without_effect{"output", "checkpoint"};
  std::vector<ConfigDifference> out =
      config_differences(a.resolved_yaml, b.resolved_yaml, without_effect);
  for (ConfigDifference& difference : config_differences(a.network_yaml, b.network_yaml)) {
    difference.key = "network file: " + difference.key;
    out.push_back(difference);
  }
  add_differences(facts_where(a, is_input), facts_where(b, is_input), out);
  return out;
}

std::vector<ConfigDifference> run_differences(const RunFacts& a, const RunFacts& b) {
  std::vector<ConfigDifference> out = input_differences(a, b);
  add_differences(program_of(a), program_of(b), out);
  return out;
}

}  // namespace quantdyn
