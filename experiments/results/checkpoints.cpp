#include "experiments/results/checkpoints.h"

#include <algorithm>
#include <fstream>

#include "experiments/results/assemble_result.h"
#include "experiments/results/result_layout.h"
#include "framework/base/durable_file.h"
#include "framework/h5/h5.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

// Raised whenever state gets another name or meaning.
constexpr int64_t layout = 2;
constexpr std::ptrdiff_t kept = 2;
constexpr const char* resumptions_name = "resumptions.txt";

/// By place in StateArray.
constexpr const char* type_names[] = {"int8",    "int32",   "int64", "uint64",
                                      "float32", "float64", "text"};

void write_state(h5::File& file, const State& state) {
  file.make_group("state");
  for (const auto& [name, array] : state) {
    h5::Dataset written = std::visit(
        [&, &path = name](const auto& values) {
          using T = typename std::decay_t<decltype(values)>::value_type;
          if constexpr (std::is_same_v<T, std::string>)
            return file.write_texts("state/" + path, values);
          else
            return file.write("state/" + path, values);
        },
        array);
    written.set("type", type_names[array.index()]);
  }
}

StateArray read_array(const h5::Dataset& array) {
  const std::string type = array.text("type");
  if (type == "int8") return array.read<int8_t>();
  if (type == "int32") return array.read<int32_t>();
  if (type == "int64") return array.read<int64_t>();
  if (type == "uint64") return array.read<uint64_t>();
  if (type == "float32") return array.read<float>();
  if (type == "float64") return array.read<double>();
  if (type == "text") return array.read_texts();
  throw_error<Error>("{}: has type '{}'; accepted: {}", array.where(), type,
                     fmt::join(type_names, ", "));
}

void read_state(const h5::Group& group, const std::string& prefix, State& into) {
  for (const std::string& name : group.names())
    if (group.is_group(name))
      read_state(group.group(name), prefix + name + "/", into);
    else
      into.emplace(prefix + name, read_array(group.dataset(name)));
}

}  // namespace

Checkpoint read_checkpoint(const fs::path& path) {
  const h5::File file = h5::File::open(path);
  if (!file.has_attribute("layout") || file.integer("layout") != layout)
    throw_error<Error>("{}: not a checkpoint of this version", path.string());
  Checkpoint out{read_run_facts(file), {}};
  read_state(file.group("state"), "", out.state);
  return out;
}

Checkpoints::Checkpoints(fs::path folder) : folder_(std::move(folder)), finished_(folder_) {}

void Checkpoints::write(int64_t step, const RunFacts& facts, const State& state) {
  fs::create_directories(folder_);
  const std::string name = fmt::format("checkpoint-{:08}.h5", step);
  h5::File file = h5::File::create(folder_ / name);
  write_run_facts(file, facts);
  file.set("status", "checkpoint");
  file.set("layout", layout);
  write_state(file, state);
  file.commit();
  std::vector<std::string> older = names();
  std::erase(older, name);
  older.erase(older.begin(), older.begin() + std::min<std::ptrdiff_t>(kept - 1, std::ssize(older)));
  try {
    finished_.add(name, older);
  } catch (const Error&) {
    std::error_code ignored;  // a full disk needs the room
    if (!finished_.sums().contains(name)) fs::remove(folder_ / name, ignored);
    throw;
  }
}

std::vector<std::string> Checkpoints::names() const {
  std::vector<std::string> out;
  for (const auto& [name, sum] : finished_.sums())
    if (name.starts_with("checkpoint-")) out.push_back(name);
  const auto by_step = [](const std::string& a, const std::string& b) {
    return std::pair(a.size(), a) > std::pair(b.size(), b);  // more digits are a later step
  };
  std::ranges::sort(out, by_step);
  return out;
}

fs::file_time_type Checkpoints::last_written() const {
  return fs::last_write_time(folder_ / ChecksumList::file_name);
}

Checkpoint Checkpoints::read(const std::string& name) const {
  if (const std::string problem = finished_.problem(name); !problem.empty())
    throw_error<Error>("{}", problem);
  return read_checkpoint(folder_ / name);
}

void Checkpoints::add_resumption(const std::string& line) {
  std::string text;
  for (const std::string& earlier : resumptions()) text += earlier + "\n";
  fs::create_directories(folder_);
  write_durably(folder_ / resumptions_name, text + line + "\n");
}

std::vector<std::string> Checkpoints::resumptions() const {
  std::vector<std::string> out;
  std::ifstream in(folder_ / resumptions_name);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

void Checkpoints::clear() {
  if (!fs::exists(folder_)) return;
  fs::remove(folder_ / ChecksumList::file_name);  // first: from now on there are none
  finished_ = ChecksumList(folder_);
  for (const auto& entry : fs::directory_iterator(folder_))
    if (const std::string name = entry.path().filename().string();
        name == resumptions_name || name.starts_with("checkpoint-") ||
        entry.path().extension() == ".part")
      fs::remove(entry.path());
  std::error_code not_empty;
  fs::remove(folder_, not_empty);
}

}  // namespace quantdyn
