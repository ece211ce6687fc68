// Foreign text made fit for a terminal: no control characters, no flood.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace quantdyn {

/// The first part of `text` that a terminal would act on or could not show: a control character
/// other than tab and line end, one that reverses the writing direction, or a byte that is not
/// UTF-8.
std::optional<std::string_view> first_unprintable(std::string_view text);

/// `text` with such parts as escapes: "\u001b" for a character, "\xff" for a byte that is not
/// UTF-8. Line ends and tabs stay.
std::string printable(std::string_view text);

/// A value to put into one line of a message: also without line ends and tabs, and in its middle
/// shortened to about 200 characters ("aaa...aaa").
std::string quotable(std::string_view text);

}  // namespace quantdyn
