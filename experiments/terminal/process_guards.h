// What a process must be able to survive, set up before anything else.
#pragma once

namespace quantdyn {

/// Opens the descriptors 0 to 2 where they are closed, ignores SIGPIPE and SIGXFSZ, whose writes
/// then fail with an error, and, where the address space is limited (ulimit -v), ends with a line
/// about memory where a library crashes because it got none.
void guard_process();

}  // namespace quantdyn
