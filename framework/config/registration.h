// How plugins get into their registries, those of a library that is loaded later included.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <typeinfo>
#include <vector>

namespace quantdyn {

/// A plugin that asks to be added to its registry.
struct Registration {
  std::string built_for;      ///< the library_abi that it was compiled with
  std::string name;           ///< in YAML
  std::function<void()> add;  ///< Error where the name is taken
};

/// Adds the plugin: now, or, while registrations_of() loads the library that brings it, later.
/// Static constructors call it, where nobody could catch an Error: check_registrations() throws it.
void register_plugin(Registration registration);

/// What could not be registered when the program started.
std::vector<std::string>& registration_errors();
/// Throws Error with the first of them, and forgets them all; to be called when main() begins.
void check_registrations();

/// What wanted to be registered while `load` ran; nothing of it was. Not for several threads.
std::vector<Registration> registrations_of(const std::function<void()>& load);

/// The one object of this type in the process, made by the first who asks. A static of a template
/// can be another one in every shared library. It lives until the process ends.
void* shared_object(const std::type_info& type, std::shared_ptr<void> (*make)());

}  // namespace quantdyn
