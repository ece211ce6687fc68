// Which quantdyn this is, for programs and plugins that are compiled against these headers.
#pragma once

namespace quantdyn {

constexpr const char* library_version = "0.2.0";
/// Changes with the layout of classes and the plugin seams; the number in the library's soname.
constexpr const char* library_abi = "0.2";

}  // namespace quantdyn
