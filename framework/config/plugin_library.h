// Shared libraries with plugins, loaded at run time.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace quantdyn {

/// A library that was loaded.
struct PluginLibrary {
  std::filesystem::path file;  ///< absolute
  std::string sha256;          ///< of the file
};

/// Loads a library and adds its plugins to their registries, until the process ends; one that is
/// loaded already is left as it is. To be called by the main thread, before any work.
///
/// ConfigError, which begins with the file: it is not there, cannot be loaded (the system's loader
/// says why), is cut short, was built for another library_abi, registers nothing, or a plugin of it
/// has a name that is taken, reserved or no word. Code of a library built for another quantdyn does not run where its soname
/// tells; its plugins are never added.
void load_plugin_library(const std::filesystem::path& file);

/// Names that no plugin of a library may have because YAML files mean something else by them.
std::vector<std::string>& reserved_names();

/// All that were loaded, in that order.
const std::vector<PluginLibrary>& plugin_libraries();

/// The file that this code is in: libquantdyn.so, or the program that it was linked into.
std::filesystem::path library_file();

}  // namespace quantdyn
