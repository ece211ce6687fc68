#include "framework/config/registration.h"

#include <map>
#include <typeindex>
#include <utility>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

std::vector<Registration>* waiting = nullptr;  // while a library is loaded

}  // namespace

void register_plugin(Registration registration) {
  if (waiting != nullptr) {
    waiting->push_back(std::move(registration));
    return;
  }
  try {
    registration.add();
  } catch (const Error& e) {
    registration_errors().push_back(e.what());
  }
}

std::vector<std::string>& registration_errors() {
  static std::vector<std::string> errors;
  return errors;
}

void check_registrations() {
  const std::vector<std::string> errors = std::exchange(registration_errors(), {});
  if (!errors.empty()) throw_error("{}", errors.front());
}

std::vector<Registration> registrations_of(const std::function<void()>& load) {
  std::vector<Registration> out;
  waiting = &out;
  try {
    load();
  } catch (...) {
    waiting = nullptr;
    throw;
  }
  waiting = nullptr;
  return out;
}

void* shared_object(const std::type_info& type, std::shared_ptr<void> (*make)()) {
  // Never destroyed: what it holds may come from a library that is closed first.
  static auto& objects = *new std::map<std::type_index, std::shared_ptr<void>>;
  std::shared_ptr<void>& object = objects[std::type_index(type)];
  if (!object) object = make();
  return object.get();
}

}  // namespace quantdyn
