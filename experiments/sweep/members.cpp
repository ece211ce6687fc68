#include "experiments/sweep/members.h"

#include <map>
#include <set>

#include "experiments/text/folder_name.h"

namespace quantdyn {
namespace {

void refuse_keys_of_the_whole(const Options& entry) {
  for (const char* key : {"output", "sweep"})
    if (entry.has(key))
      entry.refuse(key, "belongs to the whole sweep; accepted: outside its entries");
  // A library stays loaded until the program ends, so the runs after it would have it, too.
  for (const std::string& key : entry.keys())
    if (key == "plugins" || key.starts_with("plugins."))
      entry.refuse(key, "belongs to the whole sweep; accepted: `plugins` outside its entries");
}

SweepMember listed_member(const Options& entry) {
  SweepMember out{
      entry.text("name", Options::required, "of the run and its folder"), entry.where("name"), {}};
  check_folder_name(entry, out.name);
  refuse_keys_of_the_whole(entry);
  for (const auto& [key, value] : entry.entries())
    out.keys.push_back({key, value, entry.where(key)});
  return out;
}

/// What a member sets, whatever its name and the order of its keys.
std::map<std::string, std::string> settings_of(const SweepMember& member) {
  std::map<std::string, std::string> out;
  for (const SweepKey& set : member.keys)
    if (set.key != "name") out[set.key] = set.value;
  return out;
}

std::vector<SweepMember> members_of_grid(const Options& sweep) {
  const Options grid = sweep.section("grid", "keys and their values");
  const std::vector<Options> exclude = sweep.list("exclude", "combinations that are left out");
  if (!exclude.empty() && grid.keys().empty())
    sweep.refuse("exclude", "there is no grid to exclude from; accepted: with `grid`");
  if (grid.has("name")) grid.refuse("name", "is made from the other keys; leave it out");
  refuse_keys_of_the_whole(grid);
  const std::vector<SweepMember> out = grid_members(grid, exclude);
  if (out.empty() && !grid.keys().empty())
    sweep.refuse("exclude", "leaves no member of the grid; accepted: fewer entries");
  return out;
}

bool has_mapping(const Options& document) {
  for (const auto& [key, value] : document.entries())
    if (key == "sweep") return value.starts_with('{');
  return false;
}

void require_own_names(const std::vector<SweepMember>& of_grid) {
  std::set<std::string> taken;
  for (const SweepMember& member : of_grid)
    if (!taken.insert(member.name).second)
      throw_error<ConfigError>(
          "{}: grid: two members are called '{}'; accepted: members of `include` instead, which "
          "have names of their own",
          member.where, member.name);
}

/// Appends the members of a list.
void add_listed(const std::vector<Options>& listed, std::vector<SweepMember>& members) {
  std::set<std::string> taken;
  std::map<std::map<std::string, std::string>, std::string> of_grid;  // names by settings
  for (const SweepMember& member : members) {
    taken.insert(member.name);
    of_grid.emplace(settings_of(member), member.name);
  }
  for (const Options& entry : listed) {
    members.push_back(listed_member(entry));
    const std::string& name = members.back().name;
    if (!taken.insert(name).second)
      entry.refuse("name",
                   fmt::format("'{}' is the name of an earlier run; accepted: another name", name));
    if (const auto same = of_grid.find(settings_of(members.back())); same != of_grid.end())
      entry.refuse("", fmt::format("include: '{}' is the same as '{}' of the grid; accepted: other "
                                   "values, or an entry of `exclude` for that",
                                   name, same->second));
  }
}

}  // namespace

std::vector<SweepMember> sweep_members(const Options& document) {
  std::vector<SweepMember> out;
  if (has_mapping(document)) {
    const Options sweep = document.section("sweep", "the runs of this file");
    out = members_of_grid(sweep);
    require_own_names(out);
    add_listed(sweep.list("include", "members beside the grid"), out);
    sweep.finish();
    if (out.empty())
      document.refuse("sweep", "has no member; accepted: `grid`, `include`, or a list of members");
  } else {
    add_listed(document.list("sweep", "the runs of this file"), out);
  }
  for (size_t i = 0; i < out.size(); ++i) out[i].number = static_cast<int64_t>(i) + 1;
  return out;
}

}  // namespace quantdyn
