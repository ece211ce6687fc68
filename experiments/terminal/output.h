// The one door to the standard streams: what is printed is printable, and only a result that is
// lost is an error.
#pragma once

#include <cstddef>
#include <string_view>

namespace quantdyn {

/// An answer, to the standard output stream.
void print_result(std::string_view text);
/// An answer that begins with its conclusion, which is bold on a terminal.
void print_answer(std::string_view conclusion, std::string_view rest);
/// False where something that was printed is lost because nobody reads the pipe any more, as with
/// `| head`. Error where it is lost otherwise, as on a full disk.
bool flush_results();

/// Notes and progress, to the standard error stream. Never fails: a terminal that is gone or a full
/// disk under a log must not end hours of work.
void print_note(std::string_view text);
/// The same with what `text` holds for a terminal to act on.
void print_control(std::string_view text);

/// How wide the terminal is; 80 where there is none.
size_t terminal_columns();

/// Why the program ends: "quantdyn: ..." in a line of a length that can be read; "quantdyn:" is red
/// on a terminal.
void print_error(std::string_view message);

}  // namespace quantdyn
