#include "experiments/results/open_result.h"

#include <algorithm>
#include <fstream>
#include <set>

#include "experiments/results/result.h"
#include "framework/base/error.h"
#include "framework/base/hash.h"
#include "framework/base/text_file.h"
#include "framework/base/trial.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

fs::path checksum_of(const fs::path& path) { return path.string() + ".sha256"; }

/// libhdf5 may crash on a damaged file, so the bytes are checked before it reads them.
void check_sum(const fs::path& path) {
  const fs::path checksum = checksum_of(path);
  if (!fs::is_regular_file(path) || !fs::exists(checksum)) return;
  std::string expected;
  std::ifstream(checksum) >> expected;
  const std::string found = sha256_of_file(path);
  if (found == expected) return;
  throw_error<Error>(
      "{}: damaged or changed: its SHA-256 is {}, {} says '{}'; remove that file to use the result "
      "anyway",
      path.string(), found, checksum.string(), expected.substr(0, 64));
}

/// Folders in `folder` that have a result, a few of them.
std::vector<std::string> results_below(const fs::path& folder) {
  std::vector<std::string> out;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored))
    if (is_file(entry.path() / "result.h5")) out.push_back(entry.path().string());
  std::ranges::sort(out);
  if (out.size() > 5) out.resize(5);
  return out;
}

enum class Depth { heads, values };

/// Looks at every object of a file once, to find what libhdf5 cannot read.
class Walk {
 public:
  explicit Walk(Depth depth) : depth_(depth) {}

  void group(const h5::Group& group, int level) {
    constexpr int deepest = 16;  // of our own files: 4
    if (!seen_.insert(group.address()).second)
      throw_error<Error>("{}: a second name for a group, or a cycle; accepted: one name for each",
                         group.where());
    if (level > deepest)
      throw_error<Error>("{}: groups lie deeper than {} levels", group.where(), deepest);
    attributes(group);
    for (const std::string& name : group.names()) {
      if (group.is_group(name))
        this->group(group.group(name), level + 1);
      else
        array(group.dataset(name));
    }
  }

 private:
  static void attributes(const h5::Object& object) {
    for (const std::string& name : object.attributes())
      if (object.attribute_content(name) == h5::Content::texts) object.texts(name);
  }
  void array(const h5::Dataset& array) {
    if (!seen_.insert(array.address()).second) return;  // axes have a name in each group
    if (depth_ == Depth::heads) return;
    attributes(array);
    array.axis_names();
    const h5::Content content = array.content();
    if (content == h5::Content::texts) array.read_texts();
    if (content != h5::Content::floats && content != h5::Content::integers) return;
    const auto sizes = array.sizes();
    if (sizes.empty()) array.read<double>();
    if (sizes.empty() || sizes[0] == 0) return;
    constexpr int64_t most = 1 << 20;
    const int64_t per_row = array.elements() / sizes[0];
    const int64_t rows = std::clamp<int64_t>(most / (per_row + 1), 1, sizes[0]);
    for (int64_t row = 0; row < sizes[0]; row += rows)
      array.read_rows<double>(row, std::min(rows, sizes[0] - row));
  }

  Depth depth_;
  std::set<uint64_t> seen_;
};

bool looks_like_a_result(const h5::File& file) {
  return file.has_attribute("schema") && file.has_attribute("status") && file.has("network");
}

void check_schema(const h5::File& file) {
  const int64_t schema = file.integer("schema");
  if (schema == result_schema) return;
  throw_error<Error>("{}: has schema {}, which {}; accepted: {}", file.path().string(), schema,
                     schema > result_schema ? "a newer quantdyn wrote" : "is too old",
                     result_schema);
}

}  // namespace

h5::File open_own_result(const fs::path& path) try {
  h5::File file = h5::File::open(path);
  if (!looks_like_a_result(file))
    throw_error<Error>("{}: not a result of quantdyn: it has no schema, status or network",
                       path.string());
  check_schema(file);
  const std::string status = file.text("status");
  if (status != "complete" && status != "snapshot" && status != merged_status)
    throw_error<Error>("{}: has status '{}'; accepted: complete, snapshot, {}", path.string(),
                       status.substr(0, 40), merged_status);
  return file;
} catch (const ConfigError&) {
  throw;
} catch (const Error& e) {
  throw ConfigError(e.what());
}

fs::path result_path(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return path;
  if (is_file(path / "result.h5")) return path / "result.h5";
  const std::vector<std::string> below = results_below(path);
  throw_error<ConfigError>(
      "{}: a folder without result.h5; accepted: a result's file or folder{}", path.string(),
      below.empty() ? "" : fmt::format(", such as {}", fmt::join(below, ", ")));
}

h5::File open_result(const fs::path& path) try {
  check_sum(path);
  const Depth depth = fs::exists(checksum_of(path)) ? Depth::heads : Depth::values;
  if (fs::is_regular_file(path))
    try_reading(path, 20, [&] {
      const h5::File file = h5::File::open(path);
      if (looks_like_a_result(file)) Walk(depth).group(file, 0);
    });
  return open_own_result(path);
} catch (const ConfigError&) {
  throw;
} catch (const Error& e) {
  throw ConfigError(e.what());
}

}  // namespace quantdyn
