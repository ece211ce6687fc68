#include "stats/statistic.h"

#include <set>

namespace quantdyn {

StatisticKinds read_statistics(const Options& options) {
  const auto names = options.texts(
      "statistics", {{"moments", "histogram"}},
      "what is taken of every tracked tensor: " + StatisticRegistry::instance().names());
  StatisticKinds kinds;
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (!StatisticRegistry::instance().entries().contains(name))
      options.refuse("statistics", "unknown name '" + name +
                                       "'; accepted: " + StatisticRegistry::instance().names());
    if (!seen.insert(name).second)
      options.refuse("statistics", "'" + name + "' is there twice; accepted: each name once");
    const Options by_name = Options::from_text("name: " + name, options.where("statistics"));
    kinds.push_back(*StatisticRegistry::instance().make(by_name));
  }
  return kinds;
}

}  // namespace quantdyn
