#include "stats/tracking/statistic.h"

#include <set>

namespace quantdyn {

StatisticKinds read_statistics(const Options& options) {
  StatisticKinds kinds;
  std::set<std::string> seen;
  for (const Options& choice : options.plugins(
           "statistics", {"moments", "histogram", "signs", "quantiles"},
           "what is taken of every tracked tensor: " + StatisticRegistry::instance().names())) {
    const std::string name = choice.plugin_name();
    if (!StatisticRegistry::instance().entries().contains(name))
      options.refuse("statistics", "unknown name '" + name +
                                       "'; accepted: " + StatisticRegistry::instance().names());
    if (!seen.insert(name).second)
      options.refuse("statistics", "'" + name + "' is there twice; accepted: each name once");
    kinds.push_back(*StatisticRegistry::instance().make(choice));
  }
  return kinds;
}

}  // namespace quantdyn
