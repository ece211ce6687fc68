// `quantdyn figures` and `quantdyn report`: the Python package does them.
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "experiments/commands/command.h"
#include "framework/base/error.h"
#include "framework/config/plugin_library.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

/// The folder that holds the package `quantdyn`: installed, or in the source tree with this build
/// folder; empty where there is none, and Python may have its own.
fs::path package_folder() {
  std::error_code ignored;
  for (const char* folder : {QUANTDYN_DATA "/python", "../experiments/python"}) {
    const fs::path found = library_file().parent_path() / folder;
    if (fs::exists(found / "quantdyn", ignored)) return fs::canonical(found, ignored);
  }
  return {};
}

std::string python() {
  if (const char* const named = std::getenv("QUANTDYN_PYTHON"); named && *named) return named;
  std::error_code ignored;
  return fs::exists("/usr/bin/python3", ignored) ? "/usr/bin/python3" : "python3";
}

/// Goes on as `python3 -m MODULE` with the words after the command's name.
void become(const char* module, const CommandCall& call) {
  std::string path = package_folder();
  if (const char* const before = std::getenv("PYTHONPATH"); before && *before) {
    if (!path.empty()) path += ':';
    path += before;
  }
  if (!path.empty()) setenv("PYTHONPATH", path.c_str(), 1);
  setenv("PYTHONSAFEPATH", "1", 1);  // else a copy.py of the user's would be imported
  std::error_code ignored;
  setenv("QUANTDYN", fs::read_symlink("/proc/self/exe", ignored).c_str(), 1);
  const std::string program = python();
  std::vector<std::string> words{program, "-B", "-m", module};
  words.insert(words.end(), call.arguments.begin() + 2, call.arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  execvp(program.c_str(), pointers.data());
  throw_error("{}: {}; accepted: a Python 3 in the environment variable QUANTDYN_PYTHON", program,
              std::strerror(errno));
}

Command python_command(const char* name, const char* arguments, const char* summary,
                       void (*run)(const CommandCall&)) {
  Command out{name, arguments, summary, po::options_description(), run, ""};
  out.reads_arguments = true;
  return out;
}

}  // namespace

Command figures_command() {
  return python_command("figures", "RESULT... --output DIR", "pictures of results, side by side",
                        [](const CommandCall& call) { become("quantdyn.figures", call); });
}

Command report_command() {
  return python_command("report", "RESULT...", "one self-contained HTML page of results",
                        [](const CommandCall& call) { become("quantdyn.report", call); });
}

}  // namespace quantdyn
