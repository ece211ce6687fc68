#include "framework/config/plugin_library.h"

#include <dlfcn.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "framework/base/error.h"
#include "framework/base/hash.h"
#include "framework/base/version.h"
#include "framework/config/registration.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

std::vector<PluginLibrary>& loaded() {
  static std::vector<PluginLibrary> libraries;
  return libraries;
}

[[noreturn]] void refuse_version(const fs::path& file, const std::string& built_for) {
  throw_error<ConfigError>(
      "{}: was built for quantdyn {}, this is quantdyn {}; accepted: a plugin compiled with this "
      "one's headers",
      file.string(), built_for, library_abi);
}

/// The quantdyn that a library is linked with, by its soname; empty where it is not.
std::string linked_version(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  const std::string text = std::move(bytes).str(), soname = "libquantdyn.so.";
  const size_t found = text.find('\0' + soname);
  return found == std::string::npos ? "" : text.c_str() + found + 1 + soname.size();
}

void open(const fs::path& file, const fs::path& given) {
  if (dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL) == nullptr)
    throw_error<ConfigError>(
        "{}: cannot be loaded: {}; accepted: a shared library built for quantdyn {}",
        given.string(), dlerror(), library_abi);
}

}  // namespace

void load_plugin_library(const fs::path& given) {
  if (!fs::is_regular_file(given))
    throw_error<ConfigError>("{}: no such file; accepted: a shared library with plugins",
                             given.string());
  const fs::path file = fs::canonical(given);
  if (std::ranges::find(loaded(), file, &PluginLibrary::file) != loaded().end()) return;
  if (const std::string version = linked_version(file); !version.empty() && version != library_abi)
    refuse_version(given, version);
  const std::string sha256 = sha256_of_file(file);
  const auto registrations = registrations_of([&] { open(file, given); });
  for (const Registration& registration : registrations)
    if (registration.built_for != library_abi) refuse_version(given, registration.built_for);
  if (registrations.empty())
    throw_error<ConfigError>("{}: registers no plugin; accepted: a library with one",
                             given.string());
  for (const Registration& registration : registrations) try {
      registration.add();
    } catch (const Error& e) {
      throw_error<ConfigError>("{}: {}", given.string(), e.what());
    }
  loaded().push_back({file, sha256});
}

const std::vector<PluginLibrary>& plugin_libraries() { return loaded(); }

fs::path library_file() {
  Dl_info about{};
  if (dladdr(reinterpret_cast<const void*>(&plugin_libraries), &about) == 0)
    throw_error("the system's loader does not know where quantdyn is");
  return fs::canonical(about.dli_fname);
}

}  // namespace quantdyn
