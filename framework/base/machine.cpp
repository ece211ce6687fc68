#include "framework/base/machine.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>

#include "framework/base/error.h"
#include "framework/base/threads.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;
constexpr int64_t unlimited = std::numeric_limits<int64_t>::max();

/// The number in a file such as memory.max; none if there is no such file or it says "max".
std::optional<int64_t> number_in(const fs::path& file) {
  int64_t value = 0;
  std::ifstream in(file);
  return in >> value ? std::optional(value) : std::nullopt;
}

/// The number after a word: "MemAvailable: 123 kB", "inactive_file 456".
std::optional<int64_t> number_after(const fs::path& file, const std::string& word) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string first;
    int64_t value = 0;
    if (words >> first >> value && first == word) return value;
  }
  return {};
}

void lower(Limit& limit, int64_t bytes, const char* source) {
  if (bytes < limit.bytes) limit = {std::max<int64_t>(0, bytes), source};
}

/// The file cache in a control group, which the kernel takes back before it refuses memory. Version
/// 1 counts a group's own pages and, as total_*, those of the groups below, too; version 2 counts
/// the latter alone.
int64_t cached(const fs::path& folder) {
  const fs::path file = folder / "memory.stat";
  int64_t out = 0;
  for (const std::string list : {"inactive_file", "active_file"}) {
    const auto total = number_after(file, "total_" + list);
    out += total ? *total : number_after(file, list).value_or(0);
  }
  return out;
}

/// The limits of a control group and of all groups above it.
void lower_by_group(Limit& limit, const fs::path& root, fs::path group, const char* most,
                    const char* used, int64_t resident) {
  while (true) {
    const fs::path folder = root / group.relative_path();
    const auto allowed = number_in(folder / most), taken = number_in(folder / used);
    // Version 1 says 2^63 less a page for "no limit".
    if (allowed && taken && *allowed < unlimited / 2)
      lower(limit, *allowed - std::max<int64_t>(0, *taken - cached(folder) - resident),
            "memory limit of the control group");
    if (group == group.root_path() || group.empty()) return;
    group = group.parent_path();
  }
}

std::optional<int64_t> soft_limit(__rlimit_resource_t resource) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return {};
  return static_cast<int64_t>(std::min<rlim_t>(limit.rlim_cur, unlimited));
}

/// Pages of this process: virtual and resident.
std::pair<int64_t, int64_t> pages() {
  std::ifstream in("/proc/self/statm");
  int64_t all = 0, resident = 0;
  in >> all >> resident;
  return {all, resident};
}

}  // namespace

Limit group_limit(const fs::path& root, const fs::path& groups, int64_t resident) {
  Limit out{unlimited, "nothing"};
  std::ifstream in(groups);
  for (std::string line; std::getline(in, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path group = line.substr(second + 1);
    if (controllers.empty())
      lower_by_group(out, root, group, "memory.max", "memory.current", resident);
    if (controllers == "memory")
      lower_by_group(out, root / "memory", group, "memory.limit_in_bytes", "memory.usage_in_bytes",
                     resident);
  }
  return out;
}

int64_t resident_memory() { return pages().second * ::sysconf(_SC_PAGESIZE); }

Limit memory_limit() {
  Limit out{unlimited, "nothing"};
  if (const auto free = number_after("/proc/meminfo", "MemAvailable:"))
    lower(out, *free * 1024 + resident_memory(), "free memory of the machine");
  const Limit groups = group_limit("/sys/fs/cgroup", "/proc/self/cgroup", resident_memory());
  if (groups.bytes < out.bytes) out = groups;
  const auto [all, resident] = pages();
  // What is mapped but unused counts, too, such as the 64 MiB that malloc maps for each thread.
  const int64_t of_threads = (worker_count() + 2) * (int64_t{64} << 20);
  if (const auto most = soft_limit(RLIMIT_AS))
    lower(out, *most - (all - resident) * ::sysconf(_SC_PAGESIZE) - of_threads,
          "ulimit -v, less what is mapped");
  return out;
}

Limit disk_limit(const fs::path& folder) {
  fs::path there = fs::absolute(folder);
  std::error_code error;
  while (!fs::exists(there, error) && there.has_relative_path()) there = there.parent_path();
  const fs::space_info space = fs::space(there, error);
  if (error) return {unlimited, "nothing"};
  return {static_cast<int64_t>(std::min<uintmax_t>(space.available, unlimited)),
          "free space of the disk"};
}

Limit file_limit() { return {soft_limit(RLIMIT_FSIZE).value_or(unlimited), "ulimit -f"}; }

std::string size_text(int64_t bytes) {
  constexpr int64_t kib = 1 << 10, mib = 1 << 20, gib = 1 << 30;
  const auto in = [bytes](int64_t unit) {
    return static_cast<double>(bytes) / static_cast<double>(unit);
  };
  if (bytes >= 10 * gib) return fmt::format("{:.0f} GiB", in(gib));
  if (bytes >= gib) return fmt::format("{:.1f} GiB", in(gib));
  if (bytes >= 10 * mib) return fmt::format("{:.0f} MiB", in(mib));
  if (bytes >= mib) return fmt::format("{:.1f} MiB", in(mib));
  return fmt::format("{:.0f} KiB", in(kib));
}

}  // namespace quantdyn
